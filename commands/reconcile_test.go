package commands_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// booksOf names all that is in the log, as read models would; unplaced, it doesn't say where it is there.
type booksOf struct {
	*world
	unplaced bool
}

func (b booksOf) Await(context.Context, eventstore.Position) error { return nil }

func (b booksOf) References(ctx context.Context, _ commands.BooksQuery) ([]commands.BooksReference, error) {
	var out []commands.BooksReference
	for ref := range b.listed() {
		events, err := b.store.ReadStream(ctx, ref.Stream(), 0, eventstore.Forward, 1000)
		if err != nil {
			return nil, err
		}
		r := commands.BooksReference{Reference: string(ref)}
		if !b.unplaced {
			r.First, r.Last = events[0].Position, events[len(events)-1].Position
		}
		out = append(out, r)
	}
	return out, nil
}

func (b booksOf) Payouts(ctx context.Context, _ commands.BooksQuery) ([]string, error) {
	var out []string
	records, err := b.store.ReadAll(ctx, 0, eventstore.Forward, 10_000)
	for _, r := range records {
		if r.Type == (payout.Requested{}).EventType() {
			out = append(out, strings.TrimPrefix(r.Stream, "payout-"))
		}
	}
	return out, err
}

func (b booksOf) Streams(ctx context.Context, _ commands.BooksQuery, types ...string) ([]string, error) {
	var out []string
	records, err := b.store.ReadAll(ctx, 0, eventstore.Forward, 10_000)
	for _, r := range records {
		if slices.Contains(types, r.Type) && !slices.Contains(out, r.Stream) {
			out = append(out, r.Stream)
		}
	}
	return out, err
}

func (b booksOf) Elsewhere(context.Context, commands.BooksQuery, []reconciliation.Source) ([]reconciliation.Elsewhere, error) {
	return nil, nil
}

func (b booksOf) Accepted(context.Context, commands.BooksQuery, reconciliation.Source, int64) ([]commands.AcceptedDifference, error) {
	return b.world.accepted, nil
}

func (b booksOf) Clearing(context.Context, commands.BooksQuery) (int64, error) { return 0, nil }

// importLines compares the portal's statement of the lines with the books. A line is receipt, amount, payer and account.
func (w *world) importLines(lines ...[4]string) journal.State {
	w.t.Helper()
	rows := make([]string, len(lines))
	for i, l := range lines {
		rows[i] = l[0] + ",AT,AT,Pay Bill from " + l[2] + " Acc. " + l[3] + ",Completed," + l[1] + ",,,true,Pay Utility," + l[2] + ",," + l[3]
	}
	return w.importRows(rows...)
}

// importRows is importLines for rows as they stand in the file, AT for the time of now.
func (w *world) importRows(rows ...string) journal.State {
	w.t.Helper()
	return w.importPath(w.statementFile(rows...))
}

// importPath compares a statement that was exported before with the books.
func (w *world) importPath(path string) journal.State {
	w.t.Helper()
	w.write.Books, w.write.StagingDir = booksOf{world: w}, w.t.TempDir()
	v, err := w.importFile(w.write, path, nil)
	return w.imported(v, err)
}

// imported is what has come of an import, which must be done.
func (w *world) imported(v commands.ImportView, err error) journal.State {
	w.t.Helper()
	if err != nil || v.Status != string(journal.Done) {
		w.t.Fatalf("the import is %+v: %v", v, err)
	}
	out, err := commands.Fold[journal.State](w.t.Context(), w.write, journal.Stream(v.ID))
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}

// importFile has a node compare the portal's statement with the books.
func (w *world) importFile(node *commands.WriteSide, path string, news func(commands.ImportProgress)) (commands.ImportView, error) {
	return node.ImportFile(w.t.Context(), path, commands.StatementFile{Merchant: w.merchant, Mode: w.mode, Source: reconciliation.SourceMpesa, Channel: 1},
		commands.StatementOptions{Source: string(reconciliation.SourceMpesa)}, news)
}

// statementFile is the path of a statement of the rows.
func (w *world) statementFile(rows ...string) string {
	w.t.Helper()
	var file strings.Builder
	file.WriteString("Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n")
	for _, row := range rows {
		at := w.clock.now().Add(3 * 3600e9).Format("02-01-2006 15:04:05") // Nairobi
		file.WriteString(strings.ReplaceAll(row, "AT,", at+",") + "\n")
	}
	path := filepath.Join(w.t.TempDir(), "statement.csv")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func TestANoticeThatAnybodyCouldHaveSentIsNoEntryOfTheBooks(t *testing.T) {
	w := newWorld(t, "production")
	w.route()
	ref, _ := w.push("ORDER123") // its callback is lost
	status, _ := w.post("/mpesa/confirmation", confirmation("ORDER123", "QFORGED001", "1000.00"))
	forged := 0
	for _, s := range w.listed() {
		if s.Origin == transaction.FromC2B && len(s.Payments) == 0 {
			forged++
		}
	}
	if forged != 1 {
		t.Fatalf("%d notices wait, answered %d: nothing is proved", forged, status)
	}
	imp := w.importLines([4]string{"QGR7I8K2LM", "1000.00", "2547****678 - JOHN DOE", "ORDER123"})
	if s := w.state(ref); s.Status() != transaction.StatusCompleted || s.Receipt() != "QGR7I8K2LM" {
		i, _ := imp.Item(1)
		t.Errorf("the payment is %s with %q; the line is %s, %s", s.Status(), s.Receipt(), i.Cause, i.Text)
	}
}

func TestWhatALineSaysIsSealedUnderTheKeyOfWhomItSpeaksOf(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	ref, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	imp := w.importLines(
		[4]string{"QGR7I8K2LM", "999.00", "2547****678 - JOHN DOE", "ORDER123"}, // less than was said
		[4]string{"QGR7I8K2ZZ", "70.00", "2547****111 - MARY DOE", "NOBODY"},
	)
	items := imp.Items()
	if len(items) != 2 || items[0].Cause != reconciliation.WrongAmount || items[0].Subject != w.state(ref).Subject || items[1].Subject != journal.LineKey(imp.ID, 2) {
		t.Fatalf("the items are %+v", items)
	}
	if known := w.known("JOHN DOE", "MARY DOE"); len(known) != 2 {
		t.Fatalf("only %q stands in the log", known)
	}
	// A payer who is erased is not known again by the next statement.
	for _, key := range []string{items[0].Subject, items[1].Subject} {
		if err := w.ring.Destroy(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		w.log.ForgetKeys(key)
	}
	imp = w.importLines([4]string{"QGR7I8K2LM", "998.00", "2547****678 - JOHN DOE", "ORDER123"}, [4]string{"QGR7I8K2ZY", "70.00", "2547****111 - MARTHA DOE", "NOBODY"})
	i, _ := imp.Item(1)
	if known := w.known("JOHN DOE", "MARY DOE", "MARTHA DOE"); len(known) != 1 || i.Words != "" || i.Cause != reconciliation.WrongAmount {
		t.Errorf("the log tells %q; the line is %+v", known, i)
	}
	if _, err := w.write.Resolve(t.Context(), w.merchant, domain.ModeTest, commands.Decision{Item: journal.ItemID(imp.ID, 1), Action: journal.Accept, Reason: "agreed on the phone"}); err != nil {
		t.Fatal(err)
	}
	if len(w.known("agreed on the phone")) != 1 {
		t.Error("the reason of a decision about an erased payer can't be read by anybody")
	}
}

// What no column can hold is no period, be it that Paystack would list what is in it.
func TestAPeriodIsOfYearsThatThereAreStatementsOf(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.openChannel(w.merchant, `"provider":"paystack","config":{"public_key":"pk_test_x","secret_key":"sk_test_x"}`) // channel 2
	f := commands.StatementFile{Merchant: w.merchant, Mode: w.mode, Source: reconciliation.SourcePaystackTransactions, Channel: 2}
	for _, years := range [][2]int{{1, 2026}, {1900, 2026}, {2026, 9999}} {
		from, until := time.Date(years[0], 1, 2, 0, 0, 0, 0, time.UTC), time.Date(years[1], 1, 3, 0, 0, 0, 0, time.UTC)
		if _, err := w.write.FetchStatement(t.Context(), f, from, until, nil); err == nil || !strings.Contains(err.Error(), "date_from") {
			t.Errorf("%v: %v", years, err)
		}
	}
}
