package commands

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/eventstore"
)

const routeCreateCustomer = "customers/create"

type createCustomerAnswer struct {
	Status   string         `json:"status"`
	Message  string         `json:"message"`
	Customer customerAnswer `json:"customer"`
}

// createCustomer opens a customer, or updates the one with that email.
func (w *WriteSide) createCustomer(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	person := customer.Person{
		Email:     domain.Personal(b.email("email", true)),
		FirstName: domain.Personal(b.text("first_name", maxName)),
		LastName:  domain.Personal(b.text("last_name", maxName)),
		Phone:     domain.Personal(b.contactPhone("phone")),
	}
	if err := b.Err(); err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, routeCreateCustomer, b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeCreateCustomer, "", func(ctx context.Context, in intent) (answer, error) {
		out, created, err := w.saveCustomer(ctx, who.MerchantID, person, in.Key, by)
		if err != nil {
			return answer{}, err
		}
		at = out.Position
		s := out.State
		status, message := fiber.StatusOK, "Customer updated successfully"
		if created {
			status, message = fiber.StatusCreated, "Customer created successfully"
		}
		return answer{Status: status, Subject: customer.Stream(s.Hash), Body: createCustomerAnswer{
			Status: "success", Message: message, Customer: customerAnswer{
				ID: s.ID, Email: string(s.Person.Email), FirstName: textOrNull(string(s.Person.FirstName)),
				LastName: textOrNull(string(s.Person.LastName)), Phone: textOrNull(string(s.Person.Phone)), CreatedAt: stamp(s.CreatedAt),
			},
		}}, nil
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// customerHash finds a customer by what the caller knows: the email, in any case.
func (w *WriteSide) customerHash(merchantID int64, email string) string {
	return w.derive.hash("customer", itoa(merchantID), strings.ToLower(email))
}

// saveCustomer creates the customer with that email or updates it; created is true also for the repetition of the request
// that created it.
func (w *WriteSide) saveCustomer(ctx context.Context, merchantID int64, p customer.Person, key string, by By) (out Outcome[customer.State], created bool, err error) {
	hash := w.customerHash(merchantID, string(p.Email))
	stream := customer.Stream(hash)
	save := customer.Save{Merchant: merchantID, Hash: hash, Person: p, Idempotency: key, At: w.log.Now()}
	before, err := fold[customer.State](ctx, w.log, stream)
	if err != nil {
		return before, false, err
	}
	if !before.State.Exists() {
		if save.ID, err = w.draw(ctx, ids.Customer); err != nil {
			return before, false, err
		}
	}
	if out, err = Handle[customer.State](ctx, w, stream, save, by); err != nil {
		return out, false, err
	}
	w.customers.put(stream, out)
	for _, e := range out.Events {
		if _, ok := e.(customer.Created); ok {
			created = true
		}
	}
	return out, created || (key != "" && out.State.Idempotency == key), nil
}

// findCustomer is the customer with that email, if there is one who is not erased and whose erasure has not begun.
func (w *WriteSide) findCustomer(ctx context.Context, merchantID int64, p customer.Person) (customer.State, bool, error) {
	known, err := w.customers.get(ctx, w.log, customer.Stream(w.customerHash(merchantID, string(p.Email))))
	return known.State, known.State.Exists() && !known.State.Erased && known.State.Started == nil, err
}

// createIfNew creates the customer with that email; one that exists is left as it is. Errors: Conflict while the customer is being
// erased.
func (w *WriteSide) createIfNew(ctx context.Context, merchantID int64, p customer.Person, by By) (customer.State, error) {
	hash := w.customerHash(merchantID, string(p.Email))
	stream := customer.Stream(hash)
	id, err := w.draw(ctx, ids.Customer)
	if err != nil {
		return customer.State{}, err
	}
	out, err := HandleNew[customer.State](ctx, w, stream, createOnly{customer.Save{ID: id, Merchant: merchantID, Hash: hash, Person: p, At: w.log.Now()}}, by)
	if err != nil {
		return customer.State{}, err
	}
	w.customers.put(stream, out)
	return out.State, nil
}

// createOnly creates a customer and leaves one that exists as it is.
type createOnly struct{ customer.Save }

// Decide creates, or decides nothing; one who was erased and pays again is known again.
func (c createOnly) Decide(s customer.State) ([]domain.Event, error) {
	if s.Exists() && !s.Erased && s.Started == nil {
		return nil, nil
	}
	return c.Save.Decide(s)
}
