package commands

import (
	"encoding/json"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// importAnswer is the body that answers an import.
type importAnswer struct {
	Status string     `json:"status"`
	Import ImportView `json:"import"`
}

// ImportProgress is how far the comparison of a statement is.
type ImportProgress struct {
	Step  string `json:"step"`
	Done  int    `json:"done"`
	Total int    `json:"total,omitempty"` // 0 when it isn't known
}

// ImportView is an import as it is shown.
type ImportView struct {
	ID          int64                `json:"id"`
	Source      string               `json:"source"`
	Status      string               `json:"status"`
	File        string               `json:"file"`
	SHA256      string               `json:"sha256"`
	Lines       int                  `json:"lines"`
	Matched     int                  `json:"matched"`
	Difference  json.RawMessage      `json:"difference"`
	Explained   json.RawMessage      `json:"explained"`
	Unexplained json.RawMessage      `json:"unexplained"`
	ByCause     map[string]CauseView `json:"by_cause"`
	Errors      []journal.BadLine    `json:"errors,omitempty"`
	Message     string               `json:"message,omitempty"`
	Bad         int                  `json:"bad_lines,omitempty"`

	Channel     int64           `json:"payment_channel_id,omitempty"`
	Account     string          `json:"account,omitempty"`
	Currency    string          `json:"currency,omitempty"`
	TimeZone    string          `json:"time_zone,omitempty"` // where the merchant's days are counted
	From        *string         `json:"from"`
	Until       *string         `json:"until"`
	Statement   json.RawMessage `json:"statement_amount,omitempty"`
	Booked      json.RawMessage `json:"booked_amount,omitempty"`
	Differences int             `json:"differences"`
	Open        int             `json:"open"`
	Counted     bool            `json:"counted"` // all that is certain of it
	Balance     *BalanceView    `json:"balance,omitempty"`
	CreatedAt   string          `json:"created_at"`
	FinishedAt  *string         `json:"finished_at"`
	Position    uint64          `json:"position,omitempty"`
}

// CauseView is what the differences of a cause come to.
type CauseView struct {
	Count  int             `json:"count"`
	Amount json.RawMessage `json:"amount"`
}

// BalanceView is the check of the statement's running balance, and the way from the clearing account's balance to it.
type BalanceView struct {
	Checked          int             `json:"lines_checked"`
	Breaks           int             `json:"breaks"`
	FirstBreak       *BreakView      `json:"first_break,omitempty"`
	ClearingOpening  json.RawMessage `json:"clearing_opening,omitempty"`
	ClearingClosing  json.RawMessage `json:"clearing_closing,omitempty"`
	StatementOpening json.RawMessage `json:"statement_opening,omitempty"`
	StatementClosing json.RawMessage `json:"statement_closing,omitempty"`
	Steps            []StepView      `json:"steps"`
	Ties             bool            `json:"ties"`
	Proven           bool            `json:"proven"`
}

// BreakView is the first running balance that does not follow.
type BreakView struct {
	Line     int             `json:"line"`
	Stated   json.RawMessage `json:"stated"`
	Expected json.RawMessage `json:"expected"`
}

// StepView is a step of the way.
type StepView struct {
	Name    string          `json:"name"`
	Count   int             `json:"count,omitempty"`
	Amount  json.RawMessage `json:"amount"`
	Balance json.RawMessage `json:"balance"`
}

func decimal(m money.Money) json.RawMessage { return m.AppendDecimal(nil) }

// counting is said of an import of which something may have to count yet.
const counting = "It is compared; what is certain of it is still being counted, which goes on by itself."

// viewImport shows an import; underWay says that somebody is comparing it.
func viewImport(s journal.State, underWay bool) ImportView {
	zero := json.RawMessage("0")
	v := ImportView{
		ID: s.ID, Source: string(s.Source), Status: string(s.Status()), File: string(s.File), SHA256: s.SHA256, Difference: zero, Explained: zero,
		Unexplained: zero, ByCause: map[string]CauseView{}, Channel: s.Channel, CreatedAt: stamp(s.Begun.At),
	}
	if s.Channel == 0 {
		v.Account = string(s.Account)
	}
	if r := s.Refusal; r != nil {
		v.Message, v.Errors, v.Bad, v.FinishedAt = r.Reason, r.Lines, r.Bad, stampOrNull(r.At)
	}
	r := s.Reconciled
	if r == nil {
		if s.Status() == journal.Processing && !underWay {
			v.Status, v.Message = string(journal.Failed), journal.CutOff
		}
		return v
	}
	v.Lines, v.Matched, v.Currency, v.Position = r.Lines, r.Matched, string(r.Currency), r.Books
	v.Difference, v.Explained, v.Unexplained = decimal(r.Difference), decimal(r.Explained), decimal(r.Unexplained)
	v.Statement, v.Booked, v.Differences, v.Open = decimal(r.Statement), decimal(r.Booked), r.Differences, s.Open()
	v.Counted = s.HasCounted()
	if !v.Counted {
		v.Message = counting
	}
	v.From, v.Until, v.FinishedAt = stampOrNull(r.From), stampOrNull(r.Until), stampOrNull(r.At)
	for _, c := range r.ByCause {
		v.ByCause[string(c.Cause)] = CauseView{Count: c.Count, Amount: decimal(c.Amount)}
	}
	v.Balance = viewBalance(r)
	return v
}

func viewBalance(r *journal.Reconciled) *BalanceView {
	b := &BalanceView{Checked: r.Checked, Breaks: r.Breaks, Steps: []StepView{}}
	if f := r.First; f.Line != 0 {
		b.FirstBreak = &BreakView{Line: f.Line, Stated: decimal(f.Stated), Expected: decimal(f.Expected)}
	}
	p := r.Proof
	if !r.HasProof() {
		return b
	}
	b.ClearingOpening, b.ClearingClosing = decimal(p.ClearingOpening), decimal(p.ClearingClosing)
	b.StatementOpening, b.StatementClosing = decimal(p.StatementOpening), decimal(p.StatementClosing)
	b.Ties, b.Proven = p.Ties, p.Proven
	for _, s := range p.Steps {
		b.Steps = append(b.Steps, StepView{Name: s.Name, Count: s.Count, Amount: decimal(s.Amount), Balance: decimal(s.Balance)})
	}
	return b
}
