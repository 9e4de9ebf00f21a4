package readapi

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/projections"
)

// Imports are the statements that were imported, as the log has them now: commands.WriteSide is one. ImportJSON answers NotFound
// for what is another merchant's.
type Imports interface {
	ImportJSON(ctx context.Context, merchantID int64, mode domain.Mode, id int64) ([]byte, error)
	// UnderWay are the imports that somebody is at, besides those that were begun after since.
	UnderWay() (ids []int64, since time.Time)
	// CheckImport is ImportJSON for whoever wants to know only that there is one.
	CheckImport(ctx context.Context, merchantID int64, mode domain.Mode, id int64) error
	// StatusesJSON are what the provider said of the receipts of an import's lines, by receipt, where somebody has asked.
	StatusesJSON(ctx context.Context, merchantID int64, mode domain.Mode, id int64, receipts []string) (map[string]json.RawMessage, error)
}

// importID is the number of the import that the path names.
func importID(c *fiber.Ctx) (int64, error) {
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, domain.NotFoundf("import not found")
	}
	return id, nil
}

// showImport answers one import.
func (a *api) showImport(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	id, err := importID(c)
	if err != nil {
		return err
	}
	body, err := a.Imports.ImportJSON(c.UserContext(), who.MerchantID, who.Mode, id)
	if err != nil {
		return err
	}
	out := append([]byte(`{"status":"success","import":`), body...)
	return send(c, append(out, '}'))
}

// listImports answers the caller's imports, newest first: source, status, as_of, effective_at, page, limit.
func (a *api) listImports(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f, w := importFilter(who, q, p), q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	page, at, err := answer(a, c, who, w,
		func() (projections.ImportPage, error) {
			ids, since := a.Imports.UnderWay()
			f.UnderWay = &projections.UnderWay{IDs: ids, Since: since}
			return a.Reader.Imports(c.UserContext(), f)
		},
		func(m projections.Moment) (projections.ImportPage, error) {
			return a.past.Imports(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.statementImport(&page.Rows[i]) }))
}

// importFilter reads what a list of imports and its diff have: source, status.
func importFilter(who domain.Caller, q *query, p paging) projections.ImportFilter {
	f := projections.ImportFilter{MerchantID: who.MerchantID, Mode: who.Mode, Source: reconciliation.Source(q.text("source")), Offset: p.offset(), Limit: p.limit}
	if f.Source != "" && !f.Source.Known() {
		q.Add("source", "must be mpesa_statement, mpesa_pull, paystack_settlement, paystack_transactions or bank")
	}
	switch f.Status = journal.Status(q.text("status")); f.Status {
	case "", journal.Processing, journal.Done, journal.Failed:
	default:
		q.Add("status", "must be processing, done or failed")
	}
	return f
}

func (e *encoder) statementImport(r *projections.ImportRow) {
	e.id(r.ID)
	e.text("source", r.Source)
	e.text("status", r.Status)
	e.text("sha256", r.SHA256)
	e.count("payment_channel_id", uint64(r.ChannelID))
	e.count("lines", uint64(r.Lines))
	e.count("matched", uint64(r.Matched))
	e.text("currency", string(r.Currency))
	e.money("statement_amount", r.Statement, r.Currency)
	e.money("booked_amount", r.Booked, r.Currency)
	e.money("difference", r.Difference, r.Currency)
	e.money("explained", r.Explained, r.Currency)
	e.money("unexplained", r.Unexplained, r.Currency)
	e.count("differences", uint64(r.Differences))
	e.truth("balance_ties", r.BalanceTies)
	e.truth("balance_proven", r.BalanceProven)
	e.stampOrNull("from", r.From)
	e.stampOrNull("until", r.Until)
	e.stamp("created_at", r.CreatedAt)
	e.stampOrNull("finished_at", r.FinishedAt)
	e.textOrNull("message", r.Message)
}

// checkedImport is the number of the import that the path names. Errors: NotFound, also when it is another merchant's.
func (a *api) checkedImport(c *fiber.Ctx, who domain.Caller) (int64, error) {
	id, err := importID(c)
	if err != nil {
		return 0, err
	}
	return id, a.Imports.CheckImport(c.UserContext(), who.MerchantID, who.Mode, id)
}

// listDifferences answers an import's differences in the order of the file: cause, state, as_of, effective_at, page, limit. What the
// provider said when somebody asked after a receipt is told as of now alone.
func (a *api) listDifferences(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	id, err := a.checkedImport(c, who)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f, w := differenceFilter(who, id, q, p), q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	page, at, err := answer(a, c, who, w,
		func() (projections.DifferencePage, error) { return a.Reader.Differences(c.UserContext(), f) },
		func(m projections.Moment) (projections.DifferencePage, error) {
			return a.past.Differences(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	statuses := map[string]json.RawMessage{}
	if !w.given() {
		receipts := make([]string, 0, len(page.Rows))
		for i := range page.Rows {
			if r := &page.Rows[i]; r.Receipt != "" && r.LineNumber != 0 {
				receipts = append(receipts, r.Receipt)
			}
		}
		if statuses, err = a.Imports.StatusesJSON(c.UserContext(), who.MerchantID, who.Mode, id, receipts); err != nil {
			return err
		}
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) {
		e.difference(&page.Rows[i])
		if !w.given() {
			e.raw("provider_status", string(statuses[page.Rows[i].Receipt]))
		}
	}))
}

// differenceFilter reads what a list of differences and its diff have: cause, state.
func differenceFilter(who domain.Caller, id int64, q *query, p paging) projections.DifferenceFilter {
	f := projections.DifferenceFilter{MerchantID: who.MerchantID, Mode: who.Mode, Import: id, Offset: p.offset(), Limit: p.limit}
	f.Cause = q.cause("cause")
	switch f.State = reconciliation.State(q.text("state")); f.State {
	case "", reconciliation.Open, reconciliation.Explained, reconciliation.Resolved:
	default:
		q.Add("state", "must be open, explained or resolved")
	}
	return f
}

// cause is a cause of a difference, empty when it was not given.
func (q *query) cause(name string) reconciliation.Cause {
	s := reconciliation.Cause(q.text(name))
	if s == "" {
		return ""
	}
	for _, c := range reconciliation.Causes() {
		if c == s {
			return s
		}
	}
	q.Add(name, "is not a cause: see docs/reconciliation.md")
	return ""
}

func (e *encoder) difference(r *projections.DifferenceRow) {
	e.id(r.ID)
	e.text("cause", r.Cause)
	e.text("rule", r.Rule)
	e.money("amount", r.Amount, r.Currency)
	e.text("currency", string(r.Currency))
	e.text("state", r.State)
	e.raw("line", r.Line)
	if r.LineNumber == 0 {
		e.null("line_number")
	} else {
		e.count("line_number", uint64(r.LineNumber))
	}
	e.texts("event_ids", r.Events)
	references := r.Candidates
	if r.Reference != "" {
		references = append([]string{r.Reference}, references...)
	}
	e.texts("references", references)
	e.textOrNull("receipt", r.Receipt)
	e.textOrNull("entry", r.Entry)
	e.money("stated", r.Stated, r.Currency)
	e.money("booked", r.Booked, r.Currency)
	e.stampOrNull("at", r.At)
	e.text("explanation", r.Explanation)
	e.textOrNull("action", r.Action)
	e.textOrNull("resolved_to", r.ResolvedTo)
	e.textOrNull("resolved_by", r.ResolvedBy)
	e.textOrNull("reason", r.Decision)
	e.stampOrNull("resolved_at", r.ResolvedAt)
}

// raw writes JSON as it stands, null when it is empty or none.
func (e *encoder) raw(name, s string) {
	if s == "" || !json.Valid([]byte(s)) {
		e.null(name)
		return
	}
	e.key(name)
	e.b = append(e.b, s...)
}

// texts writes a list of texts.
func (e *encoder) texts(name string, list []string) {
	e.key(name)
	e.b = append(e.b, '[')
	for i, s := range list {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		raw, _ := json.Marshal(s) // a string always is
		e.b = append(e.b, raw...)
	}
	e.b = append(e.b, ']')
}
