package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// plain is a name as people read it: missing callback.
func plain(s string) string { return strings.ReplaceAll(s, "_", " ") }

// printImport shows an import, what it came to, and the way from the books' balance to the statement's.
func printImport(out io.Writer, v *commands.ImportView) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "Import %d\t%s, %s\n", v.ID, plain(v.Source), v.Status)
	switch v.Status {
	case string(journal.Processing):
		return w.Flush()
	case string(journal.Failed):
		fmt.Fprintf(w, "Why\t%s\n", v.Message)
		for _, l := range v.Errors {
			fmt.Fprintf(w, "  line %d\t%s\n", l.Line, strings.TrimSpace(l.Column+" "+l.Reason))
		}
		return w.Flush()
	}
	show := func(raw json.RawMessage) string { return amountOf(raw, v.Currency) }
	fmt.Fprintf(w, "Period\t%s\n", periodOf(v))
	fmt.Fprintf(w, "Lines\t%d, of which %d are tied to the books\n", v.Lines, v.Matched)
	fmt.Fprintf(w, "Statement\t%s\n", show(v.Statement))
	fmt.Fprintf(w, "Books\t%s\n", show(v.Booked))
	fmt.Fprintf(w, "Difference\t%s = explained %s + unexplained %s\n", show(v.Difference), show(v.Explained), show(v.Unexplained))
	for _, cause := range reconciliation.Causes() {
		if c, ok := v.ByCause[string(cause)]; ok {
			fmt.Fprintf(w, "  %s\t%d\t%s\n", plain(string(cause)), c.Count, show(c.Amount))
		}
	}
	fmt.Fprintf(w, "To be decided\t%d of %d differences\n", v.Open, v.Differences)
	if !v.Counted {
		fmt.Fprintf(w, "Not done yet\t%s\n", v.Message)
	}
	if b := v.Balance; b != nil {
		printBalance(w, b, show)
	}
	return w.Flush()
}

func printBalance(w io.Writer, b *commands.BalanceView, show func(json.RawMessage) string) {
	switch {
	case b.Checked == 0:
	case b.Breaks == 0:
		fmt.Fprintf(w, "Running balance\tfollows on all %d lines\n", b.Checked)
	default:
		fmt.Fprintf(w, "Running balance\tbreaks %d times in %d lines, first on line %d: %s stands there, %s would follow\n",
			b.Breaks, b.Checked, b.FirstBreak.Line, show(b.FirstBreak.Stated), show(b.FirstBreak.Expected))
	}
	if b.StatementClosing == nil {
		return
	}
	fmt.Fprintf(w, "Books at the end\t\t%s\n", show(b.ClearingClosing))
	for _, s := range b.Steps {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", plain(s.Name), show(s.Amount), show(s.Balance))
	}
	fmt.Fprintf(w, "Statement at the end\t\t%s\n", show(b.StatementClosing))
	switch {
	case b.Proven:
		fmt.Fprintln(w, "Proven\tevery step between the two is known")
	case b.Ties:
		fmt.Fprintln(w, "Tied\tthe steps lead from one to the other, and not all of them are explained")
	default:
		fmt.Fprintln(w, "Not tied\tsome steps are not the lines' own")
	}
}

// amountOf is an amount as people read it.
func amountOf(raw json.RawMessage, currency string) string {
	m, err := money.Parse(string(raw), money.Currency(currency))
	if err != nil || currency == "" {
		return string(raw)
	}
	return m.Format()
}

// periodOf is an import's period by the merchant's clock: days where it is of whole ones, else the moments with the zone's offset.
func periodOf(v *commands.ImportView) string {
	if v.From == nil || v.Until == nil {
		return "?"
	}
	zone, err := time.LoadLocation(v.TimeZone)
	from, badFrom := time.Parse(time.RFC3339, *v.From)
	until, badUntil := time.Parse(time.RFC3339, *v.Until)
	if err != nil || badFrom != nil || badUntil != nil {
		return *v.From + " to " + *v.Until
	}
	from, until = from.In(zone), until.In(zone)
	if !from.Equal(midnight(from)) || !until.Equal(midnight(until)) || !from.Before(until) {
		const moment = "2006-01-02 15:04 -07:00"
		return from.Format(moment) + " to " + until.Format(moment)
	}
	if last := until.AddDate(0, 0, -1); last.After(from) {
		return from.Format(time.DateOnly) + " to " + last.Format(time.DateOnly)
	}
	return from.Format(time.DateOnly)
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func printImports(out io.Writer, views []commands.ImportView) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(out, "No statement was imported yet.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "IMPORT\tSOURCE\tPERIOD\tSTATUS\tLINES\tMATCHED\tDIFFERENCE\tUNEXPLAINED\tOPEN")
	for i := range views {
		v := &views[i]
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%d\n", v.ID, plain(v.Source), periodOf(v), v.Status, v.Lines, v.Matched,
			amountOf(v.Difference, v.Currency), amountOf(v.Unexplained, v.Currency), v.Open)
	}
	return w.Flush()
}

// saidOf is what M-Pesa said of a receipt, as the end of an explanation; empty where it was not asked.
func saidOf(raw json.RawMessage) string {
	var s *commands.ReceiptStatus
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil || s == nil {
		return ""
	}
	return " " + sayStatus(s)
}

// sayStatus is what M-Pesa said, in a sentence.
func sayStatus(s *commands.ReceiptStatus) string {
	if s.Status == nil {
		return "M-Pesa was asked and has not answered yet."
	}
	out := "M-Pesa says: " + *s.Status
	if len(s.Amount) > 0 && string(s.Amount) != "null" {
		out += ", KES " + string(s.Amount)
	}
	if who := strings.TrimSpace(orEmpty(s.Phone) + " " + orEmpty(s.Name)); who != "" {
		out += ", from " + who
	}
	if s.Reason != nil {
		out += " (" + *s.Reason + ")"
	}
	return out + "."
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func printDifferences(out io.Writer, rows []shownDifference, asJSON, head bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		for i := range rows {
			if err := enc.Encode(rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if head {
		fmt.Fprintln(w, "ITEM\tLINE\tCAUSE\tSTATE\tAMOUNT\tRECEIPT\tABOUT\tWHY")
	}
	for i := range rows {
		r := &rows[i]
		about := r.Reference
		if about == "" {
			about = strings.Join(r.Candidates, " or ")
		}
		state := r.State
		if r.Action != "" {
			state += " (" + plain(r.Action) + ")"
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.LineNumber, plain(r.Cause), state, money.Of(r.Amount, r.Currency).Format(), r.Receipt, about, r.Explanation+saidOf(r.ProviderStatus))
	}
	return w.Flush()
}
