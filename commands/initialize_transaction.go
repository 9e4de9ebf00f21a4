package commands

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

const routeInitialize = "transactions/initialize"

// initializeAnswer is the answer of POST /api/transactions/initialize.
type initializeAnswer struct {
	Status           string            `json:"status"`
	Message          string            `json:"message"`
	Transaction      transactionAnswer `json:"transaction"`
	AuthorizationURL string            `json:"authorization_url"`
	AccessCode       string            `json:"access_code"`
	Reference        string            `json:"reference"`
}

// initializeTransaction opens a payment that the customer makes later, on the checkout page.
func (w *WriteSide) initializeTransaction(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	idem, err := w.idempotencyOf(c, who, routeInitialize, b)
	if err != nil {
		return err
	}
	out, err := w.initialize(ctx, who, by, idem, b)
	if err != nil && idem.Key != "" && domain.CodeOf(err) != domain.CodeConflict {
		// What was fine then may not be now (a channel switched off): the twin of an old request is answered all the same.
		if twin, found, twinErr := w.twin(ctx, transaction.CheckoutPrefix, idem); twinErr == nil && found {
			out, err = twin, nil
		}
	}
	if err != nil {
		return err
	}
	e := out.State.Initialized
	if e.Email == "" { // no checkout is opened without one
		return erasedAnswer()
	}
	answerPosition(c, out.Position)
	return c.Status(fiber.StatusCreated).JSON(initializeAnswer{
		Status: "success", Message: "Success", Transaction: answerOpened(e),
		AuthorizationURL: w.PublicURL + "/payment/checkout/" + string(e.Reference),
		AccessCode:       w.derive.accessCode(e.Reference), Reference: string(e.Reference),
	})
}

func (w *WriteSide) initialize(ctx context.Context, who domain.Caller, by By, idem idempotent, b *body) (Outcome[transaction.State], error) {
	none := Outcome[transaction.State]{}
	person := customer.Person{
		Email:     domain.Personal(b.email("email", true)),
		FirstName: domain.Personal(b.text("first_name", maxName)),
		LastName:  domain.Personal(b.text("last_name", maxName)),
		Phone:     domain.Personal(b.contactPhone("phone")),
	}
	description := b.text("description", maxDescription)
	merchantReference := b.text("reference", maxReference)
	channelID := b.channelID()

	var ch channel.State
	if !b.Has("payment_channel_id") {
		var err error
		if ch, err = w.pickChannel(ctx, who, channelID); err != nil {
			var invalid *domain.Error
			if !errors.As(err, &invalid) || invalid.Code != domain.CodeInvalid {
				return none, err
			}
			for f, what := range invalid.Fields {
				b.Add(f, what)
			}
		}
	}
	cur := b.currency(ch)
	amount := b.amount("amount", cur)
	if ch.Provider == channel.Mpesa && !b.Has("amount") && !b.Has("currency") {
		b.checkMpesaAmount("amount", amount)
	}
	if err := b.Err(); err != nil {
		return none, err
	}
	if err := mayCharge(who, ch); err != nil {
		return none, err
	}

	known, found, err := w.findCustomer(ctx, who.MerchantID, person)
	if err != nil {
		return none, err
	}
	if !found {
		// A request that opens nothing must open no customer either, nor bring back what was erased.
		if idem.Key != "" {
			if twin, found, err := w.twin(ctx, transaction.CheckoutPrefix, idem); err != nil || found {
				return twin, err
			}
		}
		if known, err = w.createIfNew(ctx, who.MerchantID, person, by); err != nil {
			return none, err
		}
	}
	now := w.log.Now()
	return w.open(ctx, transaction.CheckoutPrefix, idem, by, transaction.Initialize{Initialized: transaction.Initialized{
		Merchant: who.MerchantID, Mode: ch.Mode(), Channel: ch.ID, Provider: string(ch.Provider), Origin: transaction.FromCheckout,
		Amount: amount, Customer: known.ID, Subject: customer.Stream(known.Hash), Email: person.Email, FirstName: person.FirstName,
		LastName: person.LastName, Phone: person.Phone, Description: domain.Personal(description),
		MerchantReference: domain.Personal(merchantReference), AnyChannel: channelID == 0, Idempotency: idem.Key, Body: idem.Body,
		ExpiresAt: now.Add(w.CheckoutWindow), At: now,
	}})
}

// currency is the request's currency, or the channel's; the channel must take it.
func (b *body) currency(ch channel.State) money.Currency {
	cur := ch.Currency
	if cur == "" {
		cur = money.KES
	}
	s := b.text("currency", 8)
	if s == "" {
		return cur
	}
	asked, err := money.ParseCurrency(s)
	switch {
	case err != nil:
		b.Add("currency", "must be one of KES (or KSH), NGN, GHS, ZAR, USD")
	case ch.Provider == channel.Mpesa && asked != money.KES:
		b.Add("currency", "must be KES for M-Pesa")
	default:
		return asked
	}
	return cur
}

// maxDraws bounds how often a reference is drawn again because another payment has it. Once is a miracle.
const maxDraws = 4

// open appends a transaction's first events under a reference of its own: derived from the Idempotency-Key, so that a twin
// meets the first one's stream without any look-up, else from randomness.
func (w *WriteSide) open(ctx context.Context, prefix string, idem idempotent, by By, cmd transaction.Initialize) (Outcome[transaction.State], error) {
	id, err := w.draw(ctx, ids.Transaction)
	if err != nil {
		return Outcome[transaction.State]{}, err
	}
	cmd.ID = id
	for n := range maxDraws {
		if cmd.Reference, err = w.newReference(prefix, idem, n); err != nil {
			return Outcome[transaction.State]{}, err
		}
		if cmd.Subject == "" {
			cmd.Subject = "payment-" + string(cmd.Reference)
		}
		out, err := HandleNew[transaction.State](ctx, w, cmd.Reference.Stream(), cmd, by)
		var taken *domain.Error
		if errors.As(err, &taken) && taken.Reason == transaction.ReasonReferenceTaken {
			cmd.Subject = strings.TrimSuffix(cmd.Subject, "payment-"+string(cmd.Reference))
			continue
		}
		return out, err
	}
	return Outcome[transaction.State]{}, domain.Unavailable("No reference could be drawn; try again", nil)
}

func (w *WriteSide) newReference(prefix string, idem idempotent, n int) (transaction.Reference, error) {
	if idem.Key != "" {
		return w.derive.reference(prefix, "idempotency", idem.Key, itoa(int64(n))), nil
	}
	var random [transaction.ReferenceChars]byte
	if _, err := io.ReadFull(w.Random, random[:]); err != nil {
		return "", err
	}
	return transaction.NewReference(prefix, random[:]), nil
}

// twin finds the transaction that an earlier request with the same key and body opened. Errors: Conflict when the body
// was another one.
func (w *WriteSide) twin(ctx context.Context, prefix string, idem idempotent) (Outcome[transaction.State], bool, error) {
	for n := range maxDraws {
		ref, err := w.newReference(prefix, idem, n)
		if err != nil {
			return Outcome[transaction.State]{}, false, err
		}
		out, err := fold[transaction.State](ctx, w.log, ref.Stream())
		if err != nil || !out.State.Exists() {
			return out, false, err
		}
		if out.State.Idempotency == idem.Key {
			if out.State.Body != idem.Body {
				return out, false, domain.Conflictf("Idempotency-Key was used with another request body")
			}
			return out, true, nil
		}
	}
	return Outcome[transaction.State]{}, false, nil
}
