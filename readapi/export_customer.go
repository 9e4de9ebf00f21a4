package readapi

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// exportCustomer answers all that is known of a customer: the details, the payments and refunds of the key's mode, and every event
// that says so, opened. What it names is found by the read models and read from the log. The reading is recorded.
func (a *api) exportCustomer(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 1 {
		return domain.NotFoundf("customer not found")
	}
	least, err := a.floor(c, who)
	if err != nil {
		return err
	}
	at, err := a.await(c, least)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	x := &export{api: a, who: who}
	if err := x.read(ctx, id); err != nil {
		return err
	}
	if err := a.Readings.NoteAuditRead(ctx, "customer "+strconv.FormatInt(id, 10)+" export"); err != nil {
		return err
	}
	body, err := x.encode()
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="customer-`+strconv.FormatInt(id, 10)+`.json"`)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return send(c, body)
}

// export is what is known of a customer.
type export struct {
	*api
	who      domain.Caller
	customer customer.State
	trail    customer.Trail
	events   []told
	payments []projections.Transaction
	refunds  []projections.Refund
}

func (x *export) read(ctx context.Context, id customer.ID) error {
	hash := ""
	err := x.Log.EachInStream(ctx, customer.IDStream(id), 0, func(e eventstore.Envelope) error {
		if e, ok := e.Event.(customer.IDAssigned); ok {
			hash = e.Hash
		}
		return nil
	})
	if err != nil {
		return logAway(err)
	}
	if hash == "" {
		return domain.NotFoundf("customer not found")
	}
	err = x.Log.EachInStream(ctx, customer.Stream(hash), 0, func(e eventstore.Envelope) error {
		x.customer = x.customer.Evolve(e.Event)
		x.trail.Follow(x.customer.Person)
		x.events = append(x.events, told{Envelope: e})
		return nil
	})
	if err != nil {
		return logAway(err)
	}
	if !x.customer.Exists() || x.customer.Merchant != x.who.MerchantID {
		return domain.NotFoundf("customer not found")
	}
	own, byPayer, err := x.Reader.PaymentsOf(ctx, x.who.MerchantID, id, x.trail)
	if err != nil {
		return domain.Unavailable("The customer's payments can't be looked up right now; try again", err)
	}
	var keys []string // of payments that name nobody
	for _, ref := range append(own, byPayer...) {
		unnamed, err := x.payment(ctx, transaction.Reference(ref))
		if err != nil {
			return logAway(err)
		}
		if unnamed {
			keys = append(keys, customer.PaymentKey(ref))
		}
	}
	return x.lines(ctx, append(keys, customer.Stream(hash)))
}

// lines adds what imported statements say of the customer: words that are sealed under the customer's key, a payment's, or the line's own.
func (x *export) lines(ctx context.Context, keys []string) error {
	items, err := x.Reader.LinesOf(ctx, x.who.MerchantID, x.trail, keys)
	if err != nil {
		return domain.Unavailable("The customer's lines in statements can't be looked up right now; try again", err)
	}
	wanted := map[int64]map[int]bool{}
	for _, item := range items {
		id, n, _ := journal.ParseItem(item)
		if wanted[id] == nil {
			wanted[id] = map[int]bool{}
		}
		wanted[id][n] = true
	}
	if err := x.answers(ctx, keys); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		var imp journal.Begun
		err := x.Log.EachInStream(ctx, journal.Stream(id), 0, func(e eventstore.Envelope) error {
			switch ev := e.Event.(type) {
			case journal.Begun:
				imp = ev
			case journal.DifferencesFound:
				if imp.Merchant == x.who.MerchantID && imp.Mode == x.who.Mode && ev.Words != "" && wanted[id][ev.Differences[0].N] && x.saysOf(&ev, keys) {
					x.events = append(x.events, told{Envelope: e})
				}
			}
			return nil
		})
		if err != nil {
			return logAway(err)
		}
	}
	return nil
}

// answers adds what providers said when they were asked after a line's receipt.
func (x *export) answers(ctx context.Context, keys []string) error {
	streams, err := x.Reader.StreamsWith(ctx, x.who.MerchantID, receipt.StatusAnswered{}.EventType())
	if err != nil {
		return domain.Unavailable("What M-Pesa said of receipts can't be looked up right now; try again", err)
	}
	for _, stream := range streams {
		err := x.Log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
			a, ok := e.Event.(receipt.StatusAnswered)
			if ok && a.Merchant == x.who.MerchantID && a.Mode == x.who.Mode && (slices.Contains(keys, a.Subject) || x.trail.In(a.Words())) {
				x.events = append(x.events, told{Envelope: e})
			}
			return nil
		})
		if err != nil {
			return logAway(err)
		}
	}
	return nil
}

// saysOf tells whether the words are of the customer, and not only of a line that looks alike.
func (x *export) saysOf(e *journal.DifferencesFound, keys []string) bool {
	d := &e.Differences[0]
	return slices.Contains(keys, e.Subject) || slices.Contains(x.trail.References, d.Reference) || slices.Contains(x.trail.Receipts, d.Receipt) ||
		x.trail.In(string(e.Words))
}

// payment adds a payment that names the customer, or names nobody and is the customer's by what it says of the payer.
func (x *export) payment(ctx context.Context, ref transaction.Reference) (unnamed bool, err error) {
	story, err := x.storyOf(ctx, x.who, ref)
	if err != nil || story == nil {
		return false, err
	}
	var s transaction.State
	var last eventstore.Envelope
	for _, t := range story {
		if t.Stream == ref.Stream() {
			s, last = s.Evolve(t.Event), t.Envelope
		}
	}
	payer := customer.Person{FirstName: s.FirstName, LastName: s.LastName, Phone: s.Phone}
	if unnamed = s.Customer == 0; unnamed && !x.trail.Pays(payer, s.Asked()...) {
		return false, nil // somebody whose name is alike
	}
	x.events = append(x.events, story...)
	x.trail.References = append(x.trail.References, string(ref))
	for _, p := range s.Payments {
		x.trail.Receipts = append(x.trail.Receipts, p.Receipt)
	}
	x.payments = append(x.payments, projections.TransactionOf(s, last.Position, last.Revision))
	x.refunds = append(x.refunds, projections.RefundsOf(s, last.Position)...)
	return unnamed, nil
}

func (x *export) encode() ([]byte, error) {
	e := &encoder{b: make([]byte, 0, 2048*(1+len(x.events)))}
	s := &x.customer
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.object("customer", func() {
		e.id(s.ID)
		e.text("email", string(s.Person.Email)) // a string as everywhere, empty when it is erased
		e.textOrNull("first_name", string(s.Person.FirstName))
		e.textOrNull("last_name", string(s.Person.LastName))
		e.textOrNull("phone", string(s.Person.Phone))
		e.stamp("created_at", s.CreatedAt)
		e.stamp("updated_at", s.UpdatedAt)
		e.stampOrNull("erased_at", s.ErasedAt)
		if s.Scheduled != nil {
			e.stamp("erasure_due", s.Scheduled.Due)
		}
		e.count("legal_holds", uint64(len(s.Holds)))
	})
	e.array("transactions", len(x.payments), func(i int) { e.transaction(&x.payments[i]) })
	e.array("refunds", len(x.refunds), func(i int) { e.refund(&x.refunds[i]) })
	var failed error
	e.array("events", len(x.events), func(i int) {
		if err := e.event(&x.events[i].Envelope, x.events[i].postings); err != nil {
			failed = err
		}
	})
	e.b = append(e.b, '}')
	return e.b, failed
}
