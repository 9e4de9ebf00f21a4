package commands

import (
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/transaction"
)

// webhookAck is the answer to a webhook; Paystack looks at the status alone.
const webhookAck = `{"status":"success"}`

// disputeReminder is the type of a webhook that says again what was said (Paystack, Webhooks).
const disputeReminder = "charge.dispute.remind"

// byPaystack is the actor of what Paystack tells us.
const byPaystack = "provider:paystack"

// paystackChannelDoor takes webhooks at a channel's own URL.
func (w *WriteSide) paystackChannelDoor(c *fiber.Ctx) error {
	ch, err := w.tokenChannel(c, "card", channel.Paystack)
	if err != nil {
		return err
	}
	return w.takeWebhook(c, ch)
}

// paystackOpenDoor takes webhooks at the URL without a token: the reference inside tells the channel, whose secret key must
// have signed it.
func (w *WriteSide) paystackOpenDoor(c *fiber.Ctx) error {
	if c.Get(paystack.SignatureHeader) == "" {
		w.observe("callback_refused")
		return &domain.Error{Code: domain.CodeUnauthorized, Message: "Invalid API key"}
	}
	ev, err := paystack.DecodeEvent(c.Body())
	if err != nil || referenceOf(ev) == "" {
		w.observe("callback_refused")
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not a Paystack event about a transaction", Err: err}
	}
	ref, attempt, ok := cardAttempt(referenceOf(ev))
	if !ok {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	out, err := fold[transaction.State](c.UserContext(), w.log, ref.Stream())
	if err != nil {
		return err
	}
	a, ok := out.State.Attempt(attempt)
	if !ok {
		return errNoSuchDoor()
	}
	ch, err := w.channels.get(c.UserContext(), w.log, channel.Stream(a.Channel))
	if err != nil {
		return err
	}
	return w.takeWebhook(c, ch.State)
}

// takeWebhook checks the signature over the raw bytes before anything else, then records and weighs.
func (w *WriteSide) takeWebhook(c *fiber.Ctx, ch channel.State) error {
	body := string(c.Body())
	if ch.Provider != channel.Paystack || !paystack.VerifySignature(string(ch.Secrets.SecretKey), []byte(body), c.Get(paystack.SignatureHeader)) {
		w.observe("callback_refused")
		return &domain.Error{Code: domain.CodeUnauthorized, Message: "Invalid signature"}
	}
	ev, err := paystack.DecodeEvent([]byte(body))
	if err != nil {
		w.observe("callback_refused")
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not a Paystack event", Err: err}
	}
	cred := paystackCredentials(ch)
	if ev.Domain != "" && !cred.Belongs(ev.Domain) {
		w.observe("callback_refused")
		return &domain.Error{Code: domain.CodeMalformed, Message: "The event is of another mode than the payment channel"}
	}
	if ev.Transaction != nil {
		req := domain.RequestFrom(c.UserContext())
		by := By{Actor: byPaystack, Merchant: ch.Merchant, Correlation: req.ID, Causation: req.ID, From: req.IP}
		if ref, attempt, ok := cardAttempt(ev.Transaction.Reference); ok {
			err := w.ReceiveCardNotice(c.UserContext(), ch, ref, attempt, *ev.Transaction, body, transaction.DoorCardWebhook, by)
			if code := domain.CodeOf(err); err != nil && code != domain.CodeConflict && code != domain.CodeNotFound {
				return err
			}
		}
	}
	if ev.Refund != nil {
		req := domain.RequestFrom(c.UserContext())
		by := By{Actor: byPaystack, Merchant: ch.Merchant, Correlation: req.ID, Causation: req.ID, From: req.IP}
		if err := w.noteRefund(c.UserContext(), ch, ev.Refund.TransactionReference, body, by); err != nil {
			return err
		}
	}
	if ev.Dispute != nil {
		req := domain.RequestFrom(c.UserContext())
		by := By{Actor: byPaystack, Merchant: ch.Merchant, Correlation: req.ID, Causation: req.ID, From: req.IP}
		heard := disputeHeard{Dispute: *ev.Dispute, Words: body, Door: dispute.DoorWebhook, Reminder: ev.Type == disputeReminder}
		err := w.receiveDispute(c.UserContext(), ch, heard, by)
		if code := domain.CodeOf(err); err != nil && code != domain.CodeProviderRefused { // it stands in the log: the reactor goes on from there
			return err
		}
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(webhookAck)
}

// referenceOf is our name of the attempt that an event is about, empty when it is about none.
func referenceOf(ev paystack.Event) string {
	switch {
	case ev.Transaction != nil:
		return ev.Transaction.Reference
	case ev.Refund != nil:
		return ev.Refund.TransactionReference
	case ev.Dispute != nil:
		return ev.Dispute.TransactionReference
	}
	return ""
}

// noteRefund keeps word that something is new about a refund: the reactor asks what.
func (w *WriteSide) noteRefund(ctx context.Context, ch channel.State, reference, body string, by By) error {
	ref, attempt, ok := cardAttempt(reference)
	if !ok {
		return nil // not a payment of ours
	}
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	if a, ok := known.State.Attempt(attempt); !ok || a.Channel != ch.ID {
		return nil
	}
	_, err = Handle(ctx, w, ref.Stream(), transaction.NoteRefundNotice{
		Door: transaction.DoorRefundWebhook, Raw: body, Digest: w.derive.hash("refund webhook", reference, body), At: w.log.Now(),
	}, by)
	return err
}

// cardReference is our name of a card attempt at Paystack: unique there.
func cardReference(ref transaction.Reference, attempt int) string {
	return string(ref) + "-" + strconv.Itoa(attempt)
}

// cardAttempt reads what cardReference wrote.
func cardAttempt(s string) (transaction.Reference, int, bool) {
	name, n, _ := strings.Cut(s, "-")
	ref, ok := transaction.ParseReference(name)
	attempt, err := strconv.Atoi(n)
	return ref, attempt, ok && err == nil && attempt > 0 && attempt < 1000
}

// ReceiveCardNotice records what Paystack said of a card attempt, by webhook or on our question, and lets it count.
func (w *WriteSide) ReceiveCardNotice(ctx context.Context, ch channel.State, ref transaction.Reference, attempt int, t paystack.Transaction, body string, door transaction.Door, by By) error {
	before, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	s := before.State
	if a, ok := s.Attempt(attempt); !ok || a.Channel != ch.ID || a.Method != transaction.MethodCard {
		return domain.NotFoundf("transaction not found")
	}
	state := t.State()
	if state == paystack.Pending {
		return nil // nothing is said
	}
	now := w.log.Now()
	cmd := transaction.ReceiveCallback{
		Door: door, Attempt: attempt, Raw: body, At: now,
		Digest: w.derive.hash("card notice", string(ref), strconv.Itoa(attempt), string(door), t.Status, t.ID, feeText(t)),
	}
	ev := transaction.Evidence{Door: door, Attempt: attempt, Digest: cmd.Digest, Fee: t.Fees}
	switch state {
	case paystack.Succeeded, paystack.ReversalPending, paystack.Reversed:
		// Reversed money was paid first; taking it back is a fact of its own.
		ev.Kind, ev.Receipt, ev.Amount, ev.PaidAt = transaction.ReceiptGiven, t.ID, t.Amount, now
		ev.Method = cardMethod(t.Channel)
		if t.PaidAt != nil {
			ev.PaidAt = t.PaidAt.UTC()
		}
	case paystack.FailedSoFar:
		code, reason := paystack.DescribeFailure(t)
		ev.Kind, ev.Code, ev.FailureCode, ev.Reason = transaction.FailedByNotice, t.Status, code, reason
		cmd.Evidence = &ev
	case paystack.Pending:
	}
	out, err := Handle(ctx, w, ref.Stream(), cmd, by)
	if err != nil {
		return err
	}
	if ev.Kind == transaction.ReceiptGiven {
		return w.credit(ctx, out.State, ch.ReceiptScope(), ev, by)
	}
	return nil
}

// feeText tells notices apart of which one only says what Paystack took.
func feeText(t paystack.Transaction) string {
	if t.Fees == nil {
		return ""
	}
	return t.Fees.Format()
}

// cardMethod is Paystack's channel as a payment method.
func cardMethod(channelName string) transaction.Method {
	if channelName == "" {
		return transaction.MethodCard
	}
	return transaction.Method(channelName)
}

func paystackCredentials(ch channel.State) paystack.Credentials {
	return paystack.Credentials{PublicKey: string(ch.Secrets.PublicKey), SecretKey: string(ch.Secrets.SecretKey)}
}
