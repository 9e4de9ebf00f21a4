package commands

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

const routeResolve = "reconciliation/items/resolve"

// maxDecisionReason is how long the reason of a decision may be, in characters.
const maxDecisionReason = 500

// Decision is what a person decides about a difference.
type Decision struct {
	Item      int64
	Action    journal.Action
	Reason    string
	Reference string // whose the money is, of a credit
}

// ItemView is a difference as it is shown.
type ItemView struct {
	ID         int64           `json:"id"`
	Import     int64           `json:"import_id"`
	Cause      string          `json:"cause"`
	Rule       string          `json:"rule"`
	Amount     json.RawMessage `json:"amount"`
	Currency   string          `json:"currency"`
	State      string          `json:"state"`
	Action     *string         `json:"action"`
	Reference  *string         `json:"resolved_to"`
	LineNumber *int            `json:"line_number"`
	EventIDs   []string        `json:"event_ids"`
	References []string        `json:"references"`
	Text       string          `json:"explanation"`
}

type itemAnswer struct {
	Status  string   `json:"status"`
	Message string   `json:"message"`
	Item    ItemView `json:"item"`
}

// viewItem shows a difference, without what is personal on its line.
func viewItem(imp journal.State, i journal.Item) ItemView {
	v := ItemView{
		ID: journal.ItemID(imp.ID, i.N), Import: imp.ID, Cause: string(i.Cause), Rule: string(i.Rule), Amount: decimal(i.Amount),
		Currency: string(i.Amount.Currency), State: string(i.State), Action: textOrNull(string(i.Action)), Reference: textOrNull(i.ResolvedTo),
		EventIDs: i.Events, References: i.References, Text: i.Text,
	}
	if n := i.Line; n != 0 {
		v.LineNumber = &n
	}
	if i.Reference != "" {
		v.References = append([]string{i.Reference}, v.References...)
	}
	if v.EventIDs == nil {
		v.EventIDs = []string{}
	}
	if v.References == nil {
		v.References = []string{}
	}
	return v
}

// onItem carries out what is asked about a difference, once under one idempotency key: read takes the body, do the difference's number.
func (w *WriteSide) onItem(c *fiber.Ctx, route string, read func(*body), do func(ctx context.Context, who domain.Caller, item int64, by By) (answer, error)) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	item, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil {
		return domain.NotFoundf("reconciliation item not found")
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	read(b)
	if err := b.Err(); err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, route+"/"+itoa(item), b)
	if err != nil {
		return err
	}
	a, err := w.once(c.UserContext(), who, by, idem, route, "", func(ctx context.Context, _ intent) (answer, error) {
		return do(ctx, who, item, by)
	})
	if err != nil {
		return err
	}
	answerPosition(c, w.seen.Of(who.MerchantID))
	return a.send(c)
}

// itemAnswered is the answer that shows a difference.
func itemAnswered(message string, item ItemView) answer {
	return answer{Status: fiber.StatusOK, Subject: journal.Stream(item.Import), Body: itemAnswer{Status: "success", Message: message, Item: item}}
}

// resolveDifference carries out a person's decision about a difference.
func (w *WriteSide) resolveDifference(c *fiber.Ctx) error {
	d := Decision{}
	return w.onItem(c, routeResolve, func(b *body) {
		d.Action, d.Reason = journal.Action(b.required("action", maxName)), b.required("reason", maxDecisionReason)
		d.Reference = b.text("reference", maxReference)
		if !d.Action.ByPerson() && !b.Has("action") {
			b.Add("action", "must be credit, write_off, return or accept")
		}
		if d.Action == journal.Credit && d.Reference == "" {
			b.Add("reference", "is required: whose the money is")
		}
	}, func(ctx context.Context, who domain.Caller, item int64, by By) (answer, error) {
		d.Item = item
		shown, err := w.decide(ctx, who.MerchantID, who.Mode, d, by)
		return itemAnswered("Difference resolved", shown), err
	})
}

// Resolve carries out the operator's decision. Errors: NotFound; Invalid on action, reason and reference; Conflict when it was
// decided otherwise.
func (w *WriteSide) Resolve(ctx context.Context, merchantID int64, mode domain.Mode, d Decision) (ItemView, error) {
	var p domain.Problems
	if !d.Action.ByPerson() {
		p.Add("action", "must be credit, write_off, return or accept")
	}
	if d.Reason == "" {
		p.Add("reason", "is required")
	}
	if d.Action == journal.Credit && d.Reference == "" {
		p.Add("reference", "is required: whose the money is")
	}
	if err := p.Err(); err != nil {
		return ItemView{}, err
	}
	return w.decide(ctx, merchantID, mode, d, By{Actor: byOperator, Merchant: merchantID})
}

// itemOf is a difference of the merchant's, by its number, with its import. Errors: NotFound.
func (w *WriteSide) itemOf(ctx context.Context, merchantID int64, mode domain.Mode, number int64) (Outcome[journal.State], journal.Item, error) {
	notFound := domain.NotFoundf("reconciliation item not found")
	id, n, ok := journal.ParseItem(number)
	if !ok {
		return Outcome[journal.State]{}, journal.Item{}, notFound
	}
	imp, err := w.importOf(ctx, id)
	if err != nil {
		return imp, journal.Item{}, err
	}
	item, ok := imp.State.Item(n)
	if !ok || imp.State.Merchant != merchantID || imp.State.Mode != mode {
		return imp, item, notFound
	}
	return imp, item, nil
}
