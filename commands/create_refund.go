package commands

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

const routeCreateRefund = "refunds/create"

// refundPrefix begins our references of refunds.
const refundPrefix = "REFUND"

type createRefundAnswer struct {
	Status  string       `json:"status"`
	Message string       `json:"message"`
	Refund  refundAnswer `json:"refund"`
}

// refundAnswer is a refund as the write side answers it.
type refundAnswer struct {
	ID                   int64           `json:"id"`
	Reference            string          `json:"reference"`
	TransactionReference string          `json:"transaction_reference"`
	Amount               json.RawMessage `json:"amount"`
	Currency             string          `json:"currency"`
	Status               string          `json:"status"`
	CreatedAt            string          `json:"created_at"`
	Method               string          `json:"method"`
	FailureCode          *string         `json:"failure_code"`
	FailureReason        *string         `json:"failure_reason"`
}

// createRefund gives a payment back, all of it or some. The promise stands in the log before the provider is asked; whoever
// appended it asks, once.
func (w *WriteSide) createRefund(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	name, reason := b.required("reference", maxReference), b.text("reason", maxDescription)
	ref, ok := transaction.ParseReference(name)
	if name != "" && !ok {
		b.Add("reference", "is not a reference of a payment")
	}
	if err := b.Err(); err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, routeCreateRefund, b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeCreateRefund, ids.Refund, func(ctx context.Context, in intent) (answer, error) {
		out, err := w.refund(ctx, who, by, in.ID, ref, b, reason)
		if err != nil {
			return answer{}, err
		}
		at = out.Position
		r, _ := out.State.RefundOf(in.ID)
		return answer{Status: fiber.StatusCreated, Subject: out.State.Subject, Body: answerRefund(r)}, nil
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

func answerRefund(r transaction.Refund) createRefundAnswer {
	a := refundAnswer{
		ID: r.Refund, Reference: r.Name, TransactionReference: string(r.Reference), Amount: r.Amount.AppendDecimal(nil),
		Currency: string(r.Amount.Currency), Status: string(r.Status), CreatedAt: stamp(r.At), Method: string(r.Way),
	}
	message := map[transaction.RefundStatus]string{
		transaction.RefundPending: "Refund is on its way", transaction.RefundDone: "Refund completed", transaction.RefundRefused: "Refund failed",
	}[r.Status]
	if r.Failure != nil {
		a.FailureCode, a.FailureReason = textOrNull(r.Failure.FailureCode), textOrNull(r.Failure.Reason)
	}
	return createRefundAnswer{Status: "success", Message: message, Refund: a}
}

// refund promises the money and asks the provider to give it back. It may be repeated with the same id: only the call that
// wrote the promise asks.
func (w *WriteSide) refund(ctx context.Context, who domain.Caller, by By, id int64, ref transaction.Reference, b *body, reason string) (Outcome[transaction.State], error) {
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return known, err
	}
	s := known.State
	if !s.Exists() || s.Merchant != who.MerchantID || s.Mode != who.Mode {
		return known, domain.Invalid("reference", "does not exist")
	}
	if r, ok := s.RefundOf(id); ok { // a twin, or this request before a crash
		return w.awaitRefund(ctx, ref, r.Refund)
	}
	amount := money.Of(0, s.Amount.Currency)
	if b.raw("amount") != nil {
		amount = b.amount("amount", s.Amount.Currency)
	}
	b.onlyIn(s.Amount.Currency)
	if err := b.Err(); err != nil {
		return known, err
	}
	cmd := transaction.RequestRefund{
		Refund: id, Name: string(w.derive.reference(refundPrefix, "refund", itoa(id))), Amount: amount, Reason: reason, At: w.log.Now(),
	}
	if _, err := cmd.Decide(s); err != nil { // before anything is said about the channel
		return known, err
	}
	if err := w.standsForItself(ctx, s); err != nil {
		return known, err
	}
	ch, err := w.planRefund(ctx, s, &cmd)
	if err != nil {
		return known, err
	}
	owed, err := w.coverRefund(ctx, s, cmd, ch)
	if err != nil {
		return known, err
	}
	out, err := Handle(ctx, w, ref.Stream(), cmd, by)
	if err != nil {
		return out, err
	}
	if !out.Wrote() {
		return w.awaitRefund(ctx, ref, id)
	}
	if owed {
		if err := w.stillCovered(ctx, out.State, id, ch, by); err != nil {
			return out, err
		}
	}
	return w.sendRefund(ctx, out.State, id, ch, by)
}

// standsForItself makes sure that a payment that nobody had asked for is not about to become a part of a push that M-Pesa is still
// asked after: its answer may count the money there without naming the receipt, and then a refund would be that one's. Errors: Conflict.
func (w *WriteSide) standsForItself(ctx context.Context, s transaction.State) error {
	if s.Origin != transaction.FromC2B {
		return nil
	}
	for _, p := range s.Payments {
		scope, err := w.scopeOf(ctx, s, p)
		if err != nil {
			return err
		}
		r, err := fold[receipt.State](ctx, w.log, receipt.Stream(scope, p.Receipt))
		if err != nil {
			return err
		}
		conf := r.State.Trusted
		if conf == nil || conf.Awaits == "" || conf.Transaction != string(s.Reference) {
			continue
		}
		push, err := fold[transaction.State](ctx, w.log, transaction.Reference(conf.Awaits).Stream())
		if err != nil {
			return err
		}
		if openFor(push.State, conf.Attempt) && w.stillAsked(push.State, conf.Attempt) {
			return domain.Conflictf("This may be the money that %s asked for, which M-Pesa is still being asked about: try again in some minutes", conf.Awaits)
		}
	}
	return nil
}

// planRefund says how the money goes back. Errors: Conflict when it can't through this channel; Invalid on amount.
func (w *WriteSide) planRefund(ctx context.Context, s transaction.State, cmd *transaction.RequestRefund) (channel.State, error) {
	way, err := s.WayFor(cmd.Amount)
	if err != nil {
		return channel.State{}, err
	}
	if cmd.Amount.Minor == 0 && len(s.Payments) > 1 {
		cmd.Amount = way.Left
	}
	found, err := w.channels.get(ctx, w.log, channel.Stream(way.Channel))
	if err != nil {
		return channel.State{}, err
	}
	ch, p := found.State, way.Payments[0]
	cmd.Terms = transaction.Terms{Channel: way.Channel, Funds: ch.Funds}
	whole, ok := s.WholePayment(way, cmd.Amount)
	if ok {
		p = whole
	}
	cmd.Receipt = p.Receipt
	switch {
	case !ch.Exists():
		return ch, domain.Conflictf("The payment channel of this payment is not there any more")
	case ch.Provider == channel.Paystack:
		cmd.Way = transaction.RefundByPaystack
	case !ch.HasInitiator():
		return ch, domain.Conflictf("This payment channel can't give money back: set its initiator first")
	case ok:
		cmd.Way, cmd.Amount = transaction.RefundByReversal, p.Amount
	default: // Daraja reverses whole payments only
		a, _ := s.Attempt(p.Attempt)
		return ch, planPayout(s, a, cmd)
	}
	return ch, nil
}

// coverRefund lets a refund out of the operator's pool take no more than the merchant is owed there, less what payouts have taken:
// what is beyond that is the operator's, or another merchant's. It answers whether the refund takes any of it. What stands on the merchant's
// own account is for the provider to weigh. Errors: Conflict, saying what is left; Unavailable while that is still being counted.
func (w *WriteSide) coverRefund(ctx context.Context, s transaction.State, cmd transaction.RequestRefund, ch channel.State) (owed bool, err error) {
	if ch.Funds != fee.OfPool {
		return false, nil
	}
	events, err := cmd.Decide(s)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		for _, c := range ledger.Changes(ledger.OfTransaction(s, e).Lines) {
			if c.Owed >= 0 {
				continue
			}
			owed = true
			ch.Currency = c.Currency
			left, err := w.leftNow(ctx, ch)
			if err != nil {
				return owed, err
			}
			if left+c.Owed < 0 {
				return owed, errNotOwed(left, ch)
			}
		}
	}
	return owed, nil
}

func errNotOwed(left int64, ch channel.State) error {
	return domain.Conflictf("This refund takes more than the operator owes you on this payment channel: what is left after payouts is %s",
		money.Of(max(left, 0), ch.Currency).Format())
}

// stillCovered weighs a promise once more when it stands: a payout, or another payment's refund, that was weighed in the same moment may
// have taken what there was. Each weighs again after it is written, so that one of the two sees the other. What is not covered, or can't be
// weighed, is taken back: the provider has not been asked. Errors: Conflict; Unavailable.
func (w *WriteSide) stillCovered(ctx context.Context, s transaction.State, id int64, ch channel.State, by By) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout) // the promise is accounted for also when the client hangs up
	defer cancel()
	r, _ := s.RefundOf(id)
	ch.Currency = r.Amount.Currency
	left, err := w.leftNow(ctx, ch)
	if err == nil && left >= 0 {
		return nil
	}
	taken := transaction.WeighRefund{
		Refund: id, Door: transaction.DoorFunds, Refused: true, FailureCode: "insufficient_funds",
		Reason: "The operator does not owe that much on this payment channel any more", At: w.log.Now(),
	}
	if err == nil {
		err = errNotOwed(left+r.Amount.Minor-r.Surplus.Minor, ch)
	} else {
		taken.FailureCode, taken.Reason = "not_counted", "What the operator owes on this payment channel could not be counted"
	}
	if _, failed := Handle(ctx, w, s.Reference.Stream(), taken, by); failed != nil {
		return failed
	}
	return err
}

// planPayout has the payer paid. Errors: Invalid on amount.
func planPayout(s transaction.State, a transaction.Attempt, cmd *transaction.RequestRefund) error {
	if cmd.Amount.Minor == 0 {
		cmd.Amount = s.Refundable()
	}
	switch {
	case a.Phone == "":
		return domain.Invalid("amount", "must be the whole payment: a part goes back by a payout, and the payer's number is not known")
	case !cmd.Amount.IsWhole():
		return domain.Invalid("amount", "must be whole shillings for M-Pesa")
	case cmd.Amount.Major() < minPayout:
		return domain.Invalid("amount", "must be at least 10 shillings: M-Pesa pays out no less")
	}
	cmd.Way, cmd.Phone = transaction.RefundByPayout, a.Phone
	return nil
}

// minPayout is the least that Daraja pays out, in shillings.
const minPayout = 10

// awaitRefund waits until the provider's answer to the first request is known, for its twin.
func (w *WriteSide) awaitRefund(ctx context.Context, ref transaction.Reference, id int64) (Outcome[transaction.State], error) {
	ctx, cancel := context.WithTimeout(ctx, twinWait)
	defer cancel()
	tick := time.NewTicker(twinPoll)
	defer tick.Stop()
	for {
		out, err := fold[transaction.State](ctx, w.log, ref.Stream())
		if err != nil {
			return out, err
		}
		if r, _ := out.State.RefundOf(id); r.Answered() || w.log.Now().Sub(r.At) > lostAfter {
			return out, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return out, nil
		}
	}
}
