package commands

import (
	"context"
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/eventstore"
)

const routeCreatePayout = "payouts/create"

type payoutEnvelope struct {
	Status  string       `json:"status"`
	Message string       `json:"message"`
	Payout  payoutAnswer `json:"payout"`
}

// payoutAnswer is a payout as the write side answers it.
type payoutAnswer struct {
	ID            int64           `json:"id"`
	Reference     string          `json:"reference"`
	Amount        json.RawMessage `json:"amount"`
	Currency      string          `json:"currency"`
	Status        string          `json:"status"`
	CreatedAt     string          `json:"created_at"`
	Method        string          `json:"method"`
	Channel       int64           `json:"payment_channel_id"`
	Destination   string          `json:"destination"`
	Hint          string          `json:"destination_hint"`
	NeedsApproval bool            `json:"needs_approval"`
	BankReference *string         `json:"bank_reference"`
	ValueDate     *string         `json:"value_date"`
	FailureCode   *string         `json:"failure_code"`
	FailureReason *string         `json:"failure_reason"`
}

func answerPayout(s payout.State) payoutEnvelope {
	a := payoutAnswer{
		ID: s.ID, Reference: string(s.Reference), Amount: s.Amount.AppendDecimal(nil), Currency: string(s.Amount.Currency), Status: string(s.Status),
		CreatedAt: stamp(s.At), Method: string(s.Way), Channel: s.Channel, Destination: string(s.Destination.Kind), Hint: s.Destination.Hint(),
		NeedsApproval: s.NeedsApproval, BankReference: textOrNull(s.BankReference), ValueDate: textOrNull(s.ValueDate),
	}
	if s.Failure != nil {
		a.FailureCode, a.FailureReason = textOrNull(s.Failure.FailureCode), textOrNull(s.Failure.Reason)
	}
	message := map[payout.Status]string{
		payout.Waiting: "Payout waits for approval", payout.Ready: "Payout approved", payout.Pending: "Payout is on its way",
		payout.Paid: "Payout completed", payout.Refused: "Payout failed", payout.Stopped: "Payout rejected",
	}[s.Status]
	return payoutEnvelope{Status: "success", Message: message, Payout: a}
}

// createPayout wants money paid out. It is reserved before the payout is requested, and sent by the reactor, which a crash
// of this node can't keep from it.
func (w *WriteSide) createPayout(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	to, channelID, reason := b.destination(), b.channelID(), b.text("reason", maxDescription)
	if err := b.Err(); err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, routeCreatePayout, b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeCreatePayout, ids.Payout, func(ctx context.Context, in intent) (answer, error) {
		out, err := w.requestPayout(ctx, who, by, in.ID, channelID, to, b, reason)
		if err != nil {
			return answer{}, err
		}
		at = out.Position
		return answer{Status: fiber.StatusCreated, Subject: out.State.SubjectName(), Body: answerPayout(out.State)}, nil
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// destination is where money is to go. What is wrong with it beyond its form, the domain says.
func (b *body) destination() payout.Destination {
	d := payout.Destination{Kind: payout.Kind(b.required("destination", maxReference))}
	switch d.Kind {
	case payout.ToPhone:
		d.Number = domain.Personal(b.mpesaPhone("phone_number"))
	case payout.ToTill:
		d.Number = domain.Personal(b.required("till_number", payout.MaxAccountNumber))
	case payout.ToBank:
		d.Number, d.Bank = domain.Personal(b.required("account_number", payout.MaxAccountNumber)), domain.Personal(b.required("bank_name", payout.MaxName))
	}
	d.Name = domain.Personal(b.text("account_name", payout.MaxName))
	return d
}

// requestPayout reserves the money and requests the payout. It may be repeated with the same id.
func (w *WriteSide) requestPayout(ctx context.Context, who domain.Caller, by By, id, channelID int64, to payout.Destination, b *body, reason string) (Outcome[payout.State], error) {
	ref := payout.Reference(w.derive.reference(payout.Prefix, "payout", itoa(id)))
	known, err := fold[payout.State](ctx, w.log, ref.Stream())
	if err != nil || known.State.Exists() { // a twin, or this request before a crash
		return known, err
	}
	ch, err := w.pickChannel(ctx, who, channelID)
	if err != nil {
		return known, err
	}
	ch.Currency = b.currency(ch) // a card channel has a purse for each currency that it takes
	amount := b.amount("amount", ch.Currency)
	if err := b.Err(); err != nil {
		return known, err
	}
	cmd := payout.Request{Requested: payout.Requested{
		Reference: ref, ID: id, Merchant: who.MerchantID, Mode: who.Mode, Channel: ch.ID, Funds: ch.Funds, Amount: amount, Destination: to,
		Reason: domain.Personal(reason), RequestedBy: by.Actor, At: w.log.Now(),
	}}
	if cmd.Policy, err = w.PayoutPolicy(ctx, who.MerchantID); err != nil {
		return known, err
	}
	if _, err := cmd.Decide(known.State); err != nil {
		return known, err
	}
	if err := mayPayOut(who, ch, to); err != nil {
		return known, err
	}
	counted, err := w.countedNow(ctx, ch)
	if err != nil {
		return known, err
	}
	if _, err := Handle(ctx, w, payout.FundsStream(ch.ID, ch.Currency), payout.Reserve{
		Channel: ch.ID, Merchant: who.MerchantID, Payout: ref, Amount: amount, Counted: counted, At: w.log.Now(),
	}, by); err != nil {
		return known, err
	}
	if ch.Funds == fee.OfPool {
		if left, err := w.leftNow(ctx, ch); err != nil || left < 0 {
			return w.giveUpPayout(ctx, cmd, left, err, by)
		}
	}
	return HandleNew(ctx, w, ref.Stream(), cmd, by)
}

// giveUpPayout gives up a payout whose money was reserved in the moment in which a refund was promised out of the operator's pool: together
// they take more than there is (stillCovered). Errors: cause, else Invalid on amount.
func (w *WriteSide) giveUpPayout(ctx context.Context, cmd payout.Request, left int64, cause error, by By) (Outcome[payout.State], error) {
	if cause != nil { // the reactor gives up what is not requested
		return Outcome[payout.State]{}, cause
	}
	out, err := w.abandonPayout(ctx, payout.FundsReserved{Channel: cmd.Channel, Merchant: cmd.Merchant, Payout: cmd.Reference, Amount: cmd.Amount}, by)
	if err != nil || out.State.Exists() { // a twin came first
		return out, err
	}
	return out, payout.MoreThanThereIs(left+cmd.Amount.Minor, cmd.Amount.Currency)
}

// mayPayOut tells whether a key may have money paid out of the channel, and whether the channel can. Errors: Forbidden,
// Invalid, Conflict.
func mayPayOut(who domain.Caller, ch channel.State, to payout.Destination) error {
	switch {
	case who.Mode != ch.Mode():
		return domain.Forbiddenf("A %s API key can't pay out of a %s channel", who.Mode, ch.Environment)
	case to.Way() != payout.ByB2C:
		return nil
	case ch.Provider != channel.Mpesa:
		return domain.Invalid("payment_channel_id", "must be an M-Pesa channel to pay to a phone")
	case !ch.HasInitiator():
		return domain.Conflictf("This payment channel can't pay out: set its initiator first")
	}
	return nil
}
