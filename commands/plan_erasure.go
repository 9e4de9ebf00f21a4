package commands

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/retention"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// PaymentIndex finds a customer's payments without reading the whole log. It only names them: what they are is read from their
// streams. The read models are one.
type PaymentIndex interface {
	// WaitFor returns when PaymentsOf knows all that the log says up to the position.
	WaitFor(ctx context.Context, at eventstore.Position) error
	// PaymentsOf are the references of payments that name the customer, and of those that name none and may be the customer's by what
	// they say of the payer.
	PaymentsOf(ctx context.Context, merchantID, customerID int64, t customer.Trail) (own, byPayer []string, err error)
	// CustomersWith are the hashes of customers who have, or had, one of the phones.
	CustomersWith(ctx context.Context, merchantID int64, phones []string) ([]string, error)
	// LinesOf are the numbers of the items of imported statements whose words may speak of the customer, or are sealed by one of the
	// keys.
	LinesOf(ctx context.Context, merchantID int64, t customer.Trail, keys []string) ([]int64, error)
	// StreamsWith are the streams of the merchant that have an event of the type.
	StreamsWith(ctx context.Context, merchantID int64, eventType string) ([]string, error)
	// Purged returns when nothing is held any more of customers who were erased at or before the position.
	Purged(ctx context.Context, at eventstore.Position) error
}

// planErasure looks at the customer's payments: which have keys of their own, and what they have against it.
func (w *WriteSide) planErasure(ctx context.Context, s customer.State, o EraseOrder) (customer.Erase, belongings, error) {
	cmd := customer.Erase{Reason: o.Reason, Schedule: o.Schedule, CarriesOut: o.carriesOut, Mode: o.Mode, At: w.log.Now()}
	rules, err := fold[retention.State](ctx, w.log, retention.Stream)
	if err != nil {
		return cmd, belongings{}, err
	}
	head, err := w.log.Store().Head(ctx)
	if err != nil {
		return cmd, belongings{}, asUnavailable(err)
	}
	all, err := w.findAllOf(ctx, s)
	if err != nil {
		return cmd, all, err
	}
	all.head = head
	if o.Mode == domain.ModeTest && all.live {
		return cmd, all, domain.Forbiddenf("A test API key can't erase a customer who made real payments")
	}
	cmd.Payments, cmd.Lines, cmd.Trail = all.payments, all.lines, all.trail
	for _, k := range rules.State.Until(all.last, cmd.At) {
		cmd.Against = append(cmd.Against, customer.Obstacle{Kind: customer.ObstacleRetention, Rule: k.Name, Years: k.Years, Until: k.Until})
	}
	if all.underWay {
		cmd.Against = append(cmd.Against, customer.Obstacle{Kind: customer.ObstaclePending})
	}
	others, err := w.othersAgainst(ctx, s, all, rules.State, cmd)
	cmd.Against = append(cmd.Against, others...)
	return cmd, all, err
}

// belongings are what payments and statements hold of a customer.
type belongings struct {
	head  eventstore.Position // all of the log up to here is known
	trail customer.Trail
	// payments are those with keys of their own, lines are keys of statements' lines.
	payments, lines []string
	last            time.Time // when money last moved
	underWay        bool
	live            bool // some of it is about real money
}

// overlap tells whether both are sealed by one key.
func (b belongings) overlap(other belongings) bool {
	in := func(keys []string) func(string) bool {
		return func(k string) bool { return slices.Contains(keys, k) }
	}
	return slices.ContainsFunc(b.payments, in(other.payments)) || slices.ContainsFunc(b.lines, in(other.lines))
}

func (w *WriteSide) findAllOf(ctx context.Context, s customer.State) (belongings, error) {
	var b belongings
	var err error
	if b.trail, err = w.trailOf(ctx, s); err != nil {
		return b, err
	}
	references, err := w.paymentsOf(ctx, s, b.trail)
	if err != nil {
		return b, err
	}
	for _, ref := range references {
		out, err := fold[transaction.State](ctx, w.log, transaction.Reference(ref).Stream())
		if err != nil {
			return b, err
		}
		t := out.State
		own := t.Customer == s.ID
		if !t.Exists() || t.Merchant != s.Merchant || !own && (t.Customer != 0 || !isOf(t, b.trail)) {
			continue
		}
		if !own {
			b.payments = append(b.payments, ref)
		}
		b.saw(t.Mode, t.LastMoved())
		disputed, err := w.disputed(ctx, t)
		if err != nil {
			return b, err
		}
		b.underWay = b.underWay || disputed || t.UnderWay()
		confirmed, err := w.confirmationsOf(ctx, t)
		if err != nil {
			return b, err
		}
		b.payments = append(b.payments, confirmed...)
		b.trail.References = append(b.trail.References, ref)
		for _, p := range t.Payments {
			b.trail.Receipts = append(b.trail.Receipts, p.Receipt)
		}
	}
	lines, err := w.linesOf(ctx, s.Merchant, b.trail)
	if err != nil {
		return b, err
	}
	for _, l := range lines {
		b.saw(l.mode, l.at)
		b.lines = append(b.lines, l.key)
	}
	slices.Sort(b.payments)
	b.payments = slices.Compact(b.payments)
	return b, nil
}

// saw notes of which mode something is, and when its money last moved.
func (b *belongings) saw(mode domain.Mode, moved time.Time) {
	b.live = b.live || mode == domain.ModeLive
	if moved.After(b.last) {
		b.last = moved
	}
}

// trailOf is all that the customer's details ever were.
func (w *WriteSide) trailOf(ctx context.Context, s customer.State) (customer.Trail, error) {
	var out customer.Trail
	err := w.log.EachInStream(ctx, customer.Stream(s.Hash), 0, func(e eventstore.Envelope) error {
		switch e := e.Event.(type) {
		case customer.Created:
			out.Follow(e.Person)
		case customer.Updated:
			out.Follow(e.Person)
		}
		return nil
	})
	return out, asUnavailable(err)
}

// isOf tells whether a payment that names no customer is the one's whom the trail leads to.
func isOf(t transaction.State, trail customer.Trail) bool {
	return trail.Pays(payerOf(t.Initialized), t.Asked()...)
}

// payerOf is what a payment says of who makes it.
func payerOf(e transaction.Initialized) customer.Person {
	return customer.Person{FirstName: e.FirstName, LastName: e.LastName, Phone: e.Phone}
}

// paymentsOf names the customer's payments, and those without a customer that may be the customer's: by the index, or where this node has
// none by reading the log.
func (w *WriteSide) paymentsOf(ctx context.Context, s customer.State, t customer.Trail) ([]string, error) {
	if w.Payments == nil {
		return w.paymentsInLog(ctx, s, t)
	}
	head, err := w.log.Store().Head(ctx)
	if err != nil {
		return nil, asUnavailable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	if err := w.Payments.WaitFor(ctx, head); err != nil {
		return nil, domain.Unavailable("The customer's payments can't be looked up right now; try again", err)
	}
	own, byPayer, err := w.Payments.PaymentsOf(ctx, s.Merchant, s.ID, t)
	if err != nil {
		return nil, domain.Unavailable("The customer's payments can't be looked up right now; try again", err)
	}
	return append(own, byPayer...), nil
}

// logChunk is how many events are read at once when the whole log is.
const logChunk = 4096

// paymentsInLog is paymentsOf by reading all events that open payments or ask phones for them.
func (w *WriteSide) paymentsInLog(ctx context.Context, s customer.State, t customer.Trail) ([]string, error) {
	var out []string
	merchantID := []byte(`"merchant_id":` + itoa(s.Merchant) + `,`)
	err := w.eachRecord(ctx, func(r *eventstore.Record) bool {
		return r.Type == (transaction.Initialized{}).EventType() && bytes.Contains(r.Data, merchantID) ||
			r.Type == (transaction.StkPushRequested{}).EventType() && len(t.Phones) > 0
	}, func(env eventstore.Envelope) {
		switch e := env.Event.(type) {
		case transaction.Initialized:
			if e.Customer == s.ID || e.Customer == 0 && t.Pays(payerOf(e)) {
				out = append(out, string(e.Reference))
			}
		case transaction.StkPushRequested:
			if slices.Contains(t.Phones, string(e.Phone)) {
				out = append(out, string(e.Reference))
			}
		}
	})
	slices.Sort(out)
	return slices.Compact(out), err
}

// cameSince tells whether the log says more by now than the plan knows: of the customer's payments, of new ones, or of a hold on
// somebody else who may share them.
func (w *WriteSide) cameSince(ctx context.Context, s customer.State, all belongings) (came bool, err error) {
	streams := map[string]bool{}
	for _, ref := range slices.Concat(all.trail.References, all.payments) {
		streams[transaction.Reference(ref).Stream()] = true
	}
	opened, asked, held := transaction.Initialized{}.EventType(), transaction.StkPushRequested{}.EventType(), customer.HoldPlaced{}.EventType()
	ofMerchant := []byte(`"merchant_id":` + itoa(s.Merchant) + `,`)
	err = w.eachRecordFrom(ctx, all.head, func(r *eventstore.Record) bool {
		came = came || streams[r.Stream]
		return !came && (r.Type == asked && len(all.trail.Phones) > 0 || (r.Type == opened || r.Type == held) && bytes.Contains(r.Data, ofMerchant))
	}, func(env eventstore.Envelope) {
		switch e := env.Event.(type) {
		case transaction.Initialized:
			came = came || e.Customer == s.ID || e.Customer == 0 && all.trail.Pays(payerOf(e))
		case transaction.StkPushRequested:
			came = came || slices.Contains(all.trail.Phones, string(e.Phone))
		case customer.HoldPlaced:
			came = came || e.ID != s.ID
		}
	})
	return came, err
}

// eachRecord reads the whole log for the events that are wanted.
func (w *WriteSide) eachRecord(ctx context.Context, wanted func(*eventstore.Record) bool, take func(eventstore.Envelope)) error {
	return w.eachRecordFrom(ctx, 0, wanted, take)
}

// eachRecordFrom is eachRecord for what comes after the position.
func (w *WriteSide) eachRecordFrom(ctx context.Context, from eventstore.Position, wanted func(*eventstore.Record) bool, take func(eventstore.Envelope)) error {
	for {
		records, err := w.log.Store().ReadAll(ctx, from, eventstore.Forward, logChunk)
		if err != nil || len(records) == 0 {
			return asUnavailable(err)
		}
		for i := range records {
			if !wanted(&records[i]) {
				continue
			}
			env, err := w.log.Decode(ctx, records[i])
			if err != nil {
				return err
			}
			take(env)
		}
		from = records[len(records)-1].Position
	}
}

// disputed tells whether a dispute about the payment is not over.
func (w *WriteSide) disputed(ctx context.Context, t transaction.State) (bool, error) {
	for _, d := range t.Disputes {
		out, err := fold[dispute.State](ctx, w.log, dispute.Stream(d.Channel, d.Dispute))
		if err != nil || !out.State.Status.Final() {
			return true, err
		}
	}
	return false, nil
}

// confirmationsOf are the payments under whose keys C2B confirmations of this payment's receipts are sealed: they name the payer.
func (w *WriteSide) confirmationsOf(ctx context.Context, t transaction.State) ([]string, error) {
	var out []string
	for _, p := range t.Payments {
		scope, err := w.scopeOf(ctx, t, p)
		if err != nil || scope == "" {
			return out, err
		}
		r, err := fold[receipt.State](ctx, w.log, receipt.Stream(scope, p.Receipt))
		if err != nil {
			return out, err
		}
		for _, conf := range []*receipt.Confirmation{r.State.First, r.State.Trusted} {
			if conf != nil && conf.Merchant == t.Merchant && customer.PaymentKey(conf.Transaction) == conf.Subject && conf.Subject != t.Subject {
				out = append(out, conf.Transaction)
			}
		}
	}
	return out, nil
}

// wasDrawn tells whether a customer may have the number.
func (w *WriteSide) wasDrawn(ctx context.Context, id customer.ID) (bool, error) {
	blocks, err := fold[ids.State](ctx, w.log, ids.Stream(ids.Customer))
	return id <= blocks.State.Last, err
}
