package commands

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

const routeEraseCustomer = "customers/erase"

// Erasure is what became of an order to erase a customer.
type Erasure struct {
	CustomerID int64  `json:"customer_id"`
	State      string `json:"state"` // erased or scheduled
	Scheduled  bool   `json:"scheduled"`
	// When is when it falls due, or was done.
	When string `json:"when"`
	// Because is what stands against it now.
	Because []customer.Obstacle `json:"because,omitempty"`
	// ReadModels are purged, or pending while ClickHouse is away or nothing projects.
	ReadModels string `json:"read_models,omitempty"`
}

// The states of an erasure, and of the read models after it.
const (
	erasureDone      = "erased"
	erasureScheduled = "scheduled"
	modelsPurged     = "purged"
	modelsPending    = "pending"
)

type eraseCustomerAnswer struct {
	Status  string  `json:"status"`
	Message string  `json:"message"`
	Erasure Erasure `json:"erasure"`
}

// eraseCustomer destroys all that is known of a customer, or says why it must be kept.
func (w *WriteSide) eraseCustomer(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 1 {
		return domain.NotFoundf("customer not found")
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	reason, schedule := b.required("reason", maxDescription), b.flag("schedule")
	if err := b.Err(); err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, routeEraseCustomer+"/"+itoa(id), b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeEraseCustomer, "", func(ctx context.Context, _ intent) (answer, error) {
		done, position, err := w.EraseCustomer(ctx, EraseOrder{Merchant: who.MerchantID, Customer: id, Reason: reason, Schedule: schedule, Mode: who.Mode}, by)
		if err != nil {
			return answer{}, err
		}
		at = position
		status, message := fiber.StatusOK, "Customer erased"
		if done.Scheduled {
			status, message = fiber.StatusAccepted, "Customer will be erased when nothing stands against it"
		}
		return answer{Status: status, Subject: merchant.Stream(who.MerchantID), Body: eraseCustomerAnswer{Status: "success", Message: message, Erasure: done}}, nil
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// EraseOrder says which customer is to be erased, and why.
type EraseOrder struct {
	// Merchant is whose customer it must be, 0 for the operator, who may name any.
	Merchant, Customer int64
	Reason             string
	Schedule           bool
	// Mode is the key's: one for tests must not erase the payer of real payments. Empty for the operator.
	Mode domain.Mode
	// carriesOut says that it is an order that was scheduled.
	carriesOut bool
}

// Times that an order to erase waits.
const (
	// pointerWait is for a customer's number, which a reactor writes after the customer.
	pointerWait = 2 * time.Second
	// indexWait is for the read models to have come to now, purgeWait for them to hold nothing any more.
	indexWait = 10 * time.Second
	purgeWait = 15 * time.Second
)

// EraseCustomer destroys the keys of all that is known of a customer and has the read models drop it, or schedules that. It may be
// repeated, and goes on where it was broken off. Errors: NotFound; Conflict, whose Reason is what stands against it; Forbidden;
// Invalid on reason; Unavailable while the customer's payments can't be looked up.
func (w *WriteSide) EraseCustomer(ctx context.Context, o EraseOrder, by By) (Erasure, eventstore.Position, error) {
	known, err := w.customerOf(ctx, o.Merchant, o.Customer)
	if err != nil {
		return Erasure{}, 0, err
	}
	by.Merchant = known.State.Merchant
	return w.erase(ctx, known, o, by)
}

func (w *WriteSide) erase(ctx context.Context, known Outcome[customer.State], o EraseOrder, by By) (Erasure, eventstore.Position, error) {
	stream := customer.Stream(known.State.Hash)
	if known.State.Started == nil && !known.State.Erased {
		var err error
		if known, err = w.beginErasure(ctx, known, o, by); err != nil {
			return Erasure{}, 0, err
		}
		w.customers.put(stream, known)
		if s := known.State.Scheduled; s != nil && known.State.Started == nil {
			return Erasure{CustomerID: known.State.ID, State: erasureScheduled, Scheduled: true, When: stamp(s.Due), Because: s.Because}, known.Position, nil
		}
	}
	// There is no way back from here: who went away, or is impatient, leaves it to be finished all the same.
	done, err := w.finishErasure(context.WithoutCancel(ctx), known.State.Hash, by)
	if err != nil {
		return Erasure{}, 0, err
	}
	out := Erasure{CustomerID: done.State.ID, State: erasureDone, When: stamp(done.State.ErasedAt), ReadModels: modelsPending}
	if w.Payments != nil {
		ctx, cancel := context.WithTimeout(ctx, purgeWait)
		defer cancel()
		if w.Payments.Purged(ctx, done.Position) == nil {
			out.ReadModels = modelsPurged
		}
	}
	return out, done.Position, nil
}

// maxPlans bounds how often an erasure is planned because something came that the plan does not know.
const maxPlans = 8

// beginErasure decides by a plan that knows all that the log says of the customer. The customer's own stream is guarded by its revision;
// payments have streams of their own, so it is looked once more, right before the decision is written, what came in them since.
func (w *WriteSide) beginErasure(ctx context.Context, known Outcome[customer.State], o EraseOrder, by By) (Outcome[customer.State], error) {
	stream := customer.Stream(known.State.Hash)
	for range maxPlans {
		cmd, all, err := w.planErasure(ctx, known.State, o)
		if err != nil {
			return known, err
		}
		if err := w.listDue(ctx, known.State, cmd, by); err != nil {
			return known, err
		}
		came, err := w.cameSince(ctx, known.State, all)
		if err != nil {
			return known, err
		}
		if !came {
			out, again, err := decideAndAppend(ctx, w, stream, known, cmd, by)
			if !again {
				return out, err
			}
		}
		if known, err = fold[customer.State](ctx, w.log, stream); err != nil || known.State.Started != nil || known.State.Erased {
			return known, err
		}
	}
	return known, domain.Unavailable("The customer's payments change too fast; try again", nil)
}

// finishErasure destroys the keys of an erasure that has begun, and says so. Destroying a key again is none.
func (w *WriteSide) finishErasure(ctx context.Context, hash string, by By) (Outcome[customer.State], error) {
	stream := customer.Stream(hash)
	known, err := fold[customer.State](ctx, w.log, stream)
	if err != nil || known.State.Started == nil {
		return known, err
	}
	keys := known.State.Started.Keys()
	for _, key := range keys {
		if err := w.Ring.Destroy(ctx, key); err != nil {
			return known, asUnavailable(err)
		}
	}
	w.forgetKeys(keys...)
	w.customers.drop(stream, known.Revision+1)
	out, err := Handle[customer.State](ctx, w, stream, customer.FinishErasure{At: w.log.Now()}, by)
	if err == nil && out.Wrote() {
		w.customers.put(stream, out)
		w.Logger.Info().Int64("merchant", out.State.Merchant).Int64("customer", out.State.ID).Int("keys", len(keys)).Msg("customer erased")
	}
	return out, err
}

// ResumeErasure finishes an erasure that was broken off.
func (w *WriteSide) ResumeErasure(ctx context.Context, hash string, by By) error {
	_, err := w.finishErasure(ctx, hash, by)
	return err
}

// CancelErasure takes the schedule of an erasure back, for the operator. Errors: NotFound; Conflict when it is done.
func (w *WriteSide) CancelErasure(ctx context.Context, id customer.ID) error {
	known, err := w.customerOf(ctx, 0, id)
	if err != nil {
		return err
	}
	stream := customer.Stream(known.State.Hash)
	out, err := Handle[customer.State](ctx, w, stream, customer.CancelErasure{At: w.log.Now()}, By{Actor: byOperator, Merchant: known.State.Merchant})
	w.customers.drop(stream, out.Revision)
	return err
}

// customerOf is the customer of that number; of another merchant there is none, unless merchantID is 0. One who was opened a moment
// ago may have no number yet that leads there: that is waited for. Errors: NotFound.
func (w *WriteSide) customerOf(ctx context.Context, merchantID int64, id customer.ID) (Outcome[customer.State], error) {
	none := Outcome[customer.State]{}
	notFound := domain.NotFoundf("customer not found")
	patience := time.NewTimer(pointerWait)
	defer patience.Stop()
	tick := time.NewTicker(twinPoll)
	defer tick.Stop()
	for {
		p, err := fold[pointer](ctx, w.log, customer.IDStream(id))
		if err != nil {
			return none, err
		}
		if p.State.Hash != "" {
			out, err := fold[customer.State](ctx, w.log, customer.Stream(p.State.Hash))
			if err == nil && (!out.State.Exists() || merchantID != 0 && out.State.Merchant != merchantID) {
				return none, notFound
			}
			return out, err
		}
		if drawn, err := w.wasDrawn(ctx, id); err != nil || !drawn {
			return none, firstOf(err, notFound)
		}
		select {
		case <-tick.C:
		case <-patience.C:
			return none, notFound
		case <-ctx.Done():
			return none, asUnavailable(ctx.Err())
		}
	}
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
