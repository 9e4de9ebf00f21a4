package commands

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

const routeAsk = "reconciliation/items/ask"

// ReceiptStatus is what the provider said when it was asked after a receipt.
type ReceiptStatus struct {
	AskedAt    string          `json:"asked_at"`
	AnsweredAt *string         `json:"answered_at"` // null while the answer is waited for
	Status     *string         `json:"status"`      // completed, reversed, failed or unknown
	Amount     json.RawMessage `json:"amount"`
	PaidAt     *string         `json:"paid_at"`
	Phone      *string         `json:"phone"`
	Name       *string         `json:"name"`
	Reason     *string         `json:"reason"`
}

// viewStatus shows what was asked and answered, nil when nothing was.
func viewStatus(s receipt.State) *ReceiptStatus {
	if s.Asked == nil {
		return nil
	}
	v := &ReceiptStatus{AskedAt: stamp(s.Asked.At), Amount: json.RawMessage("null")}
	a := s.Answer
	if a == nil || a.At.Before(s.Asked.At) {
		return v
	}
	status := string(a.Status)
	v.AnsweredAt, v.Status, v.PaidAt = stampOrNull(a.At), &status, stampOrNull(a.PaidAt)
	v.Phone, v.Name, v.Reason = textOrNull(string(a.Phone)), textOrNull(string(a.Name)), textOrNull(a.Reason)
	if a.Amount.Currency != "" {
		v.Amount = decimal(a.Amount)
	}
	return v
}

// AskedItem is a difference after the provider was asked after its receipt.
type AskedItem struct {
	ItemView
	Asked *ReceiptStatus `json:"provider_status"`
	key   string         // seals what of it is personal
}

type askedAnswer struct {
	Status  string    `json:"status"`
	Message string    `json:"message"`
	Item    AskedItem `json:"item"`
}

// askAboutDifference has the provider asked after the receipt of a difference.
func (w *WriteSide) askAboutDifference(c *fiber.Ctx) error {
	return w.onItem(c, routeAsk, func(*body) {}, func(ctx context.Context, who domain.Caller, id int64, by By) (answer, error) {
		item, err := w.askAbout(ctx, who.MerchantID, who.Mode, id, by)
		message := "M-Pesa was asked; its answer comes with the item"
		if item.Asked != nil && item.Asked.AnsweredAt != nil {
			message = "M-Pesa has answered"
		}
		return answer{Status: fiber.StatusOK, Subject: item.key, Body: askedAnswer{Status: "success", Message: message, Item: item}}, err
	})
}

// Ask has the provider asked after the receipt of a difference, for the operator, and waits a few seconds for what it says. Errors:
// NotFound; Conflict when it names no receipt of M-Pesa's, or the channel has no initiator; ProviderRefused.
func (w *WriteSide) Ask(ctx context.Context, merchantID int64, mode domain.Mode, item int64) (AskedItem, error) {
	return w.askAbout(ctx, merchantID, mode, item, By{Actor: byOperator, Merchant: merchantID})
}

// askable is a difference after whose receipt M-Pesa can be asked.
type askable struct {
	imp  journal.State
	item journal.Item
	ch   channel.State
}

// key seals what is said of whoever paid: that of the line's words, or the one that they would have.
func (a askable) key() string {
	if a.item.Subject != "" {
		return a.item.Subject
	}
	return journal.LineKey(a.imp.ID, a.item.N)
}

func (a askable) stream() string { return receipt.Stream(a.ch.ReceiptScope(), a.item.Receipt) }

// askableItem finds it. Errors: NotFound; Conflict.
func (w *WriteSide) askableItem(ctx context.Context, merchantID int64, mode domain.Mode, itemID int64) (askable, error) {
	imp, item, err := w.itemOf(ctx, merchantID, mode, itemID)
	if err != nil {
		return askable{}, err
	}
	if imp.State.Channel == 0 {
		return askable{}, domain.Conflictf("A bank can't be asked after its lines")
	}
	ch, err := w.channelOf(ctx, merchantID, imp.State.Channel)
	switch {
	case err != nil:
		return askable{}, err
	case ch.Provider != channel.Mpesa || item.Line == 0 || !receipt.Valid(item.Receipt) || !mpesa.IsReceipt(item.Receipt):
		return askable{}, domain.Conflictf("Only M-Pesa can be asked, and only after a line with a receipt")
	case !ch.HasInitiator():
		return askable{}, domain.Conflictf("This payment channel has no initiator; give it one with kipay channel initiator")
	}
	return askable{imp.State, item, ch}, nil
}

// askAbout puts one question, unless the answer to one is waited for, and waits for what comes of it.
func (w *WriteSide) askAbout(ctx context.Context, merchantID int64, mode domain.Mode, itemID int64, by By) (AskedItem, error) {
	a, err := w.askableItem(ctx, merchantID, mode, itemID)
	if err != nil {
		return AskedItem{}, err
	}
	from, err := w.log.Store().Head(ctx)
	if err != nil {
		return AskedItem{}, asUnavailable(err)
	}
	asked, err := Handle[receipt.State](ctx, w, a.stream(), receipt.AskStatus{StatusAsked: receipt.StatusAsked{
		Provider: string(a.ch.Provider), Number: a.item.Receipt, Merchant: merchantID, Mode: mode, Channel: a.ch.ID, Item: itemID, At: w.log.Now(),
	}}, by)
	if err != nil {
		return AskedItem{}, err
	}
	if asked.Wrote() {
		_, err := w.Mpesa.TransactionStatus(ctx, channelKey(a.ch), mpesaCredentials(a.ch), mpesa.TransactionStatusRequest{
			Receipt: a.item.Receipt, Remarks: "reconciliation " + itoa(itemID), Notices: w.statusNotices(a.ch.ID, a.item.Receipt),
		})
		if err != nil {
			return AskedItem{}, notAsked(err)
		}
	}
	if err := w.awaitAnswer(ctx, from, a.stream()); err != nil {
		return AskedItem{}, err
	}
	if a, err = w.askableItem(ctx, merchantID, mode, itemID); err != nil {
		return AskedItem{}, err
	}
	now, err := fold[receipt.State](ctx, w.log, a.stream())
	return AskedItem{ItemView: viewItem(a.imp, a.item), Asked: viewStatus(now.State), key: a.key()}, err
}

// awaitAnswer waits until an answer about the receipt is recorded and has counted, SimulateWait at most.
func (w *WriteSide) awaitAnswer(ctx context.Context, from eventstore.Position, stream string) error {
	ctx, cancel := context.WithTimeout(ctx, w.SimulateWait)
	defer cancel()
	sub, err := w.log.Store().Subscribe(ctx, from)
	if err != nil {
		return asUnavailable(err)
	}
	defer func() { _ = sub.Close() }()
	for {
		batch, err := sub.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return asUnavailable(err)
		}
		for _, r := range batch.Records {
			if r.Stream != stream || r.Type != (receipt.StatusAnswered{}).EventType() {
				continue
			}
			env, err := w.log.Decode(ctx, r)
			if err != nil {
				return nil // its key was destroyed meanwhile
			}
			// The door records, then lets it count; do so too, so that what is answered is how it stands.
			if e, ok := env.Event.(receipt.StatusAnswered); ok {
				w.seen.Note(e.Merchant, r.Position)
				w.weighStatus(ctx, e, By{Actor: byMpesa, Causation: r.ID.String(), Merchant: e.Merchant})
				return nil
			}
		}
	}
}

// notAsked is the error of a question that M-Pesa did not take.
func notAsked(err error) error {
	message := "M-Pesa could not be asked"
	var failed *mpesa.Error
	if errors.As(err, &failed) {
		_, sentence := failed.Reason()
		message += ": " + sentence
	}
	return &domain.Error{Code: domain.CodeProviderRefused, Message: message, Err: err}
}

// statusNotices are where the answer to a question after a receipt comes to. The receipt is in hex: it may hold a word that Daraja
// refuses in a URL.
func (w *WriteSide) statusNotices(id channel.ID, number string) mpesa.Notices {
	base := w.PublicURL + "/hooks/receipt/" + itoa(id) + "/" + hex.EncodeToString([]byte(number)) + "/" + w.derive.token("receipt", itoa(id), number)
	return mpesa.Notices{ResultURL: base + "/result", QueueTimeOutURL: base + "/timeout"}
}

// receiptStatusDoor takes the answer to a question after a receipt (Daraja, Transaction Status, Result).
func (w *WriteSide) receiptStatusDoor(c *fiber.Ctx) error {
	raw, err := hex.DecodeString(c.Params("number"))
	id, badID := strconv.ParseInt(c.Params("channel"), 10, 64)
	if err != nil || badID != nil || !w.derive.tokenFits(c.Params("token"), "receipt", itoa(id), string(raw)) {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	req := domain.RequestFrom(c.UserContext())
	by := By{Actor: byMpesa, Correlation: req.ID, Causation: req.ID, From: req.IP}
	if err := w.receiveStatus(c.UserContext(), id, string(raw), string(c.Body()), by); err != nil && domain.CodeOf(err) != domain.CodeConflict {
		if domain.CodeOf(err) == domain.CodeMalformed {
			w.observe("callback_refused")
		}
		return err
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.AckBody)
}

// receiptTimeoutDoor takes word that a question waited too long: it may be asked again, and says nothing of the money.
func (w *WriteSide) receiptTimeoutDoor(c *fiber.Ctx) error {
	if raw, err := hex.DecodeString(c.Params("number")); err != nil || !w.derive.tokenFits(c.Params("token"), "receipt", c.Params("channel"), string(raw)) {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.AckBody)
}

// receiveStatus records what M-Pesa says of a receipt, then lets it count. Errors: NotFound when nobody has asked; Malformed.
func (w *WriteSide) receiveStatus(ctx context.Context, id channel.ID, number, body string, by By) error {
	ch, err := w.channels.get(ctx, w.log, channel.Stream(id))
	if err != nil {
		return err
	}
	stream := receipt.Stream(ch.State.ReceiptScope(), number)
	known, err := fold[receipt.State](ctx, w.log, stream)
	if err != nil {
		return err
	}
	asked := known.State.Asked
	if asked == nil {
		return errNoSuchDoor()
	}
	e, err := readStatus([]byte(body))
	if err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not a result of M-Pesa's", Err: err}
	}
	by.Merchant = asked.Merchant
	importID, n, _ := journal.ParseItem(asked.Item)
	imp, err := w.importOf(ctx, importID)
	if err != nil {
		return err
	}
	item, _ := imp.State.Item(n)
	item.N = n
	e.Subject = askable{imp: imp.State, item: item}.key()
	e.Provider, e.Number, e.Merchant, e.Mode, e.Channel, e.Item = asked.Provider, number, asked.Merchant, asked.Mode, asked.Channel, asked.Item
	e.Digest, e.Raw, e.At = w.derive.hash("receipt status", itoa(id), number, body), domain.Personal(body), w.log.Now()
	if _, err := Handle[receipt.State](ctx, w, stream, receipt.AnswerStatus{StatusAnswered: e}, by); err != nil {
		return err
	}
	w.weighStatus(ctx, e, by)
	return nil
}

// readStatus reads the answer to a question after a receipt.
func readStatus(body []byte) (receipt.StatusAnswered, error) {
	got, err := mpesa.DecodeTransactionStatusResult(body)
	if got.ResultCode == "" {
		return receipt.StatusAnswered{}, err
	}
	e := receipt.StatusAnswered{Status: receipt.StatusUnknown, Reason: got.Reason}
	switch got.State {
	case mpesa.TransactionCompleted:
		e.Status = receipt.StatusCompleted
	case mpesa.TransactionReversed:
		e.Status = receipt.StatusReversed
	case mpesa.TransactionFailed:
		e.Status = receipt.StatusFailed
	case mpesa.TransactionUnknown:
		if e.Reason == "" {
			e.Reason = got.Outcome.Reason
		}
	}
	if got.Amount != nil {
		e.Amount = *got.Amount
	}
	if got.FinalisedAt != nil {
		e.PaidAt = *got.FinalisedAt
	}
	e.Phone, e.Name = domain.Personal(got.DebitParty.Phone), domain.Personal(got.DebitParty.Name)
	return e, nil
}

// StatusesJSON are what the provider said of the receipts of an import's lines, by receipt; those that nobody asked after are
// missing. Errors: NotFound.
func (w *WriteSide) StatusesJSON(ctx context.Context, merchantID int64, mode domain.Mode, id int64, receipts []string) (map[string]json.RawMessage, error) {
	begun, err := w.importBegun(ctx, merchantID, mode, id)
	if err != nil || begun.Channel == 0 || len(receipts) == 0 {
		return nil, err
	}
	ch, err := w.channelOf(ctx, merchantID, begun.Channel)
	if err != nil || ch.Provider != channel.Mpesa {
		return nil, err
	}
	out := map[string]json.RawMessage{}
	for _, number := range receipts {
		if !receipt.Valid(number) {
			continue
		}
		r, err := fold[receipt.State](ctx, w.log, receipt.Stream(ch.ReceiptScope(), number))
		if err != nil {
			return nil, err
		}
		if s := viewStatus(r.State); s != nil && r.State.Asked.Merchant == merchantID {
			if out[number], err = json.Marshal(s); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
