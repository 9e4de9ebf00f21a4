package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	r "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// statement writes the month as the portal exports it, and imports it.
func (d *monthDemo) statement(ctx context.Context) error {
	path := filepath.Join(d.dir, "statement.csv")
	if err := d.writeStatement(path); err != nil {
		return err
	}
	d.say("The organisation portal's statement of paybill %s has %s lines. It is imported with", shortCode, many(len(d.month.Lines)))
	d.line("    kipay reconcile import statement.csv --source mpesa_statement --channel 1")
	d.gap()
	started := time.Now()
	v, err := d.importIt(ctx, path)
	if err != nil {
		return err
	}
	d.imported = v
	d.say("Compared with the books in %s: %s of %s lines are tied to them.", time.Since(started).Round(time.Millisecond), many(v.Matched), many(v.Lines))
	widths := []int{-28, 20}
	d.row(widths, "What the statement moved", figure(minorOf(v.Statement)))
	d.row(widths, "What the books moved", figure(minorOf(v.Booked)))
	d.row(widths, "Difference", figure(minorOf(v.Difference)))
	d.row(widths, "  of which explained", figure(minorOf(v.Explained)))
	d.row(widths, "  and unexplained", figure(minorOf(v.Unexplained)))
	d.gap()
	d.check(v.Lines == len(d.month.Lines), "Every line was read.")
	d.check(minorOf(v.Difference) == minorOf(v.Statement)-minorOf(v.Booked) && minorOf(v.Difference) == minorOf(v.Explained)+minorOf(v.Unexplained),
		"Statement − books = explained + unexplained, to the cent.")
	again, err := d.importIt(ctx, path)
	if err != nil {
		return err
	}
	d.check(again.ID == v.ID && again.Differences == v.Differences, "The same file again is recognised: it is import %d, and nothing counts twice.", again.ID)
	return nil
}

func (d *monthDemo) writeStatement(path string) error {
	in, out := money.Of(0, money.KES), money.Of(0, money.KES)
	for i := range d.month.Lines {
		if a := d.month.Lines[i].Amount; a.Minor > 0 {
			in = in.Add(a)
		} else {
			out.Minor -= a.Minor
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = statement.WriteMpesaCSV(f, statement.Header{
		Holder: "DUKA LETU", ShortCode: shortCode, Account: "Utility Account", Currency: money.KES,
		From: d.plan.From, To: d.until().Add(-time.Second),
		Opening: &d.month.Statement.Opening, Closing: &d.month.Statement.Closing, PaidIn: &in, TakenOut: &out,
	}, slices.Values(d.month.Lines))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (d *monthDemo) importIt(ctx context.Context, path string) (commands.ImportView, error) {
	return d.n.write.ImportFile(ctx, path,
		commands.StatementFile{Merchant: d.merchant, Mode: domain.ModeLive, Channel: d.channel, Name: filepath.Base(path)},
		commands.StatementOptions{Source: string(r.SourceMpesa)}, nil)
}

// minorOf is a decimal of the API in minor units.
func minorOf[T ~[]byte](decimal T) int64 { return minor(jsonNumber(decimal)) }

// items are the differences as they stand.
func (d *monthDemo) items(ctx context.Context) ([]journal.Item, error) {
	out, err := commands.Fold[journal.State](ctx, d.n.write, journal.Stream(d.imported.ID))
	return out.State.Items(), err
}

// meanings say what each cause is, in a few words.
func meanings() map[r.Cause]string {
	return map[r.Cause]string{
		r.MissingCallback: "only the statement says that it came",
		r.UnknownPayer:    "waits in suspense for a person",
		r.Duplicate:       "paid twice: the payer's again",
		r.Reversal:        "M-Pesa took it back",
		r.Fee:             "M-Pesa's charges",
		r.RefundInTransit: "our refund, not on the statement yet",
		r.Timing:          "on the other side of midnight",
		r.WrongAmount:     "same receipt, other amount",
		r.WrongAccount:    "belongs to the second shop",
		r.Rounding:        "cents here, whole shillings there",
		r.Unexplained:     "nothing is certain",
	}
}

// differences compares what was found with what had been planned.
func (d *monthDemo) differences(ctx context.Context) error {
	items, err := d.items(ctx)
	if err != nil {
		return err
	}
	key := func(line int, reference string, cause r.Cause, amount int64) string {
		return fmt.Sprint(line, "/", reference, "/", cause, "/", amount)
	}
	planned := map[string][]faults.Fault{}
	byFault, found := map[faults.Fault]int{}, map[faults.Fault]int{}
	byCause, right := map[r.Cause]int{}, map[r.Cause]int{}
	differing := 0
	for _, w := range d.month.Wants {
		byFault[w.Fault]++
		if w.Cause == "" {
			continue
		}
		differing++
		byCause[w.Cause]++
		k := key(w.Line, w.Reference, w.Cause, w.Amount)
		planned[k] = append(planned[k], w.Fault)
	}
	strangers, foreign := 0, 0
	count, amounts := map[r.Cause]int{}, map[r.Cause]int64{}
	differs := map[int]bool{}
	for i := range items {
		it := &items[i]
		count[it.Cause]++
		amounts[it.Cause] += it.Amount.Minor
		differs[it.Line] = true
		k := key(it.Line, it.Reference, it.Cause, it.Amount.Minor)
		if left := planned[k]; len(left) > 0 {
			found[left[0]]++
			right[it.Cause]++
			planned[k] = left[1:]
		} else {
			strangers++
		}
		if it.Line != 0 && it.Reference != "" && !slices.Contains(d.month.Owners[it.Line], it.Reference) {
			foreign++
		}
	}
	agree := 0
	for _, w := range d.month.Wants {
		if w.Cause == "" && !differs[w.Line] {
			found[w.Fault]++
			agree++
		}
	}
	var chart []barRow
	for _, c := range r.Causes() {
		if byCause[c]+count[c] > 0 {
			chart = append(chart, barRow{
				label: plain(string(c)), size: int64(count[c]),
				value: fmt.Sprintf("%9s %14s  %s", fmt.Sprintf("%d/%d", right[c], byCause[c]), figure(amounts[c]), meanings()[c]),
			})
		}
	}
	d.say("The causes of the %s differences: how many were found of those planned, and what they come to.", many(len(items)))
	d.gap()
	d.bars(chart, 17, 12)
	d.gap()
	d.say("What had been planned, and how much of it was found:")
	d.gap()
	var cells []string
	for _, f := range faults.All() {
		if n := byFault[f]; n > 0 {
			cells = append(cells, fmt.Sprintf("%-22s %4d/%d", plain(string(f)), found[f], n))
		}
	}
	for i := 0; i < len(cells); i += 3 {
		d.row([]int{-31, -31, -31}, append(slices.Clone(cells[i:min(i+3, len(cells))]), "", "")[:3]...)
	}
	d.gap()
	all := true
	for f, n := range byFault {
		all = all && found[f] == n
	}
	d.check(all && len(items) == differing, "All %s faults were found, each with its cause, its line and its payment; %s of them only look like faults, and are none.", many(len(d.month.Wants)), many(agree))
	d.check(strangers == 0, "Nothing else was called a difference.")
	d.check(foreign == 0, "No line was tied to a payment that is not its own.")
	counted := map[string]int{}
	for c, n := range count {
		counted[string(c)] = n
	}
	same := len(counted) == len(d.imported.ByCause)
	for c, v := range d.imported.ByCause {
		same = same && counted[c] == v.Count && amounts[r.Cause(c)] == minorOf(v.Amount)
	}
	d.check(same, "The causes' sums are those of their differences, one by one.")
	return nil
}

// balance walks from the books' balance to the statement's.
func (d *monthDemo) balance(_ context.Context) error {
	b := d.imported.Balance
	if b == nil || b.StatementClosing == nil {
		d.check(false, "The statement shows a balance.")
		return nil
	}
	widths := []int{-44, 6, 20, 20}
	d.row(widths, "step", "lines", "amount", "balance")
	d.row(widths, "What the books say at the end of the month", "", "", figure(minorOf(b.ClearingClosing)))
	at := minorOf(b.ClearingClosing)
	adds := true
	for _, s := range b.Steps {
		n := ""
		if s.Count > 0 {
			n = many(s.Count)
		}
		d.row(widths, "  "+plain(s.Name), n, figure(minorOf(s.Amount)), figure(minorOf(s.Balance)))
		at += minorOf(s.Amount)
		adds = adds && at == minorOf(s.Balance)
	}
	d.row(widths, "What the statement says at the end of it", "", "", figure(minorOf(b.StatementClosing)))
	d.gap()
	d.check(b.Breaks == 0 && b.Checked >= len(d.month.Lines)-1, "The statement's own running balance follows from line to line, %s times.", many(b.Checked))
	d.check(minorOf(b.ClearingOpening) == minorOf(b.StatementOpening), "Books and statement began the month with the same balance, %s.", sum(minorOf(b.StatementOpening)))
	d.check(adds && b.Ties && at == minorOf(b.StatementClosing) && at == d.month.Statement.Closing.Minor, "The steps lead from one to the other, to the cent. What nobody can explain is a step of its own.")
	return nil
}

// decide resolves the differences as a person would who has made some calls.
func (d *monthDemo) decide(ctx context.Context) error {
	items, err := d.items(ctx)
	if err != nil {
		return err
	}
	before := 0
	for i := range items {
		if items[i].State == r.Open {
			before++
		}
	}
	d.say("%d of %d differences need nobody: what is certain counts already, with the line as evidence. %d wait for a person, who lists them with", len(items)-before, len(items), before)
	d.line("    kipay reconcile differences 1 --state open")
	d.say("and decides each, with a reason that is kept as an event:")
	d.gap()
	done, left, shown := 0, map[r.Cause]int{}, map[string]bool{}
	var suspended, unknown int64
	for i := range items {
		it := &items[i]
		if it.State != r.Open {
			continue
		}
		if it.Cause == r.UnknownPayer {
			suspended += it.Amount.Minor
			unknown++
		}
		what, err := d.decisionOn(ctx, it, int(unknown))
		if err != nil {
			return err
		}
		if what.Action == "" {
			left[it.Cause]++
			continue
		}
		what.Item = journal.ItemID(d.imported.ID, it.N)
		if _, err := d.n.write.Resolve(ctx, d.merchant, domain.ModeLive, what); err != nil {
			return fmt.Errorf("decide on line %d, %s: %w", it.Line, it.Cause, err)
		}
		done++
		if it.Cause == r.UnknownPayer {
			suspended -= it.Amount.Minor
		}
		if say := string(it.Cause) + string(what.Action); !shown[say] {
			shown[say] = true
			cells := []string{plain(string(it.Cause)), figure(it.Amount.Minor), plain(string(what.Action))}
			for _, words := range wrap(what.Reason, 52) {
				d.row([]int{-16, 12, -9, -1}, append(cells, words)...)
				cells = []string{"", "", ""}
			}
		}
	}
	after, err := d.n.write.ImportOf(ctx, d.merchant, domain.ModeLive, d.imported.ID)
	if err != nil {
		return err
	}
	waits := 0
	var words []string
	for _, c := range r.Causes() {
		if left[c] > 0 {
			words = append(words, fmt.Sprintf("%d %s", left[c], plain(string(c))))
			waits += left[c]
		}
	}
	list, err := d.balances(ctx, 0)
	if err != nil {
		return err
	}
	surplus, err := d.surplus(ctx)
	if err != nil {
		return err
	}
	d.gap()
	d.say("%d are decided. Still open, and shown until somebody knows: %s.", done, strings.Join(words, ", "))
	stands := balanceOf(list, ledger.Suspense)
	d.say("In suspense stand %s: %s of unknown payers, and %s that customers paid twice and get back.", sum(stands), sum(suspended), sum(surplus))
	d.gap()
	d.check(after.Open == waits && done+waits == before, "Each of the %d is decided or still open; none was dropped.", before)
	d.check(stands == suspended+surplus, "The suspense account is the sum of what stands there, item by item.")
	return nil
}

// decisionOn is what the person decides; none where nobody knows yet. nth counts unknown payers.
func (d *monthDemo) decisionOn(ctx context.Context, it *journal.Item, nth int) (commands.Decision, error) {
	candidates := it.References
	if it.Reference != "" {
		candidates = append([]string{it.Reference}, candidates...)
	}
	switch {
	case it.Cause == r.MissingCallback && it.Stated.IsPositive() && len(candidates) == 0:
		ref, err := d.ordered(ctx, it.Amount)
		return commands.Decision{Action: journal.Credit, Reference: ref, Reason: "Paid to the account of a regular customer, for this order"}, err
	case it.Cause == r.UnknownPayer && nth == 1:
		ref, err := d.ordered(ctx, it.Amount)
		return commands.Decision{Action: journal.Credit, Reference: ref, Reason: "The customer called: it is for her order, and she sent M-Pesa's SMS"}, err
	case it.Cause == r.UnknownPayer && nth == 2:
		return commands.Decision{Action: journal.Return, Reason: "Sent to us by mistake; sent back on the portal"}, nil
	case it.Cause == r.UnknownPayer && nth == 3:
		return commands.Decision{Action: journal.WriteOff, Reason: "The supplier's rebate; it goes to other income"}, nil
	case it.Cause == r.WrongAccount:
		return commands.Decision{Action: journal.Accept, Reason: "It is the second shop's; moved between the paybills"}, nil
	case it.Cause == r.WrongAmount:
		return commands.Decision{Action: journal.Accept, Reason: "Safaricom confirms the statement; the customer still owes the rest"}, nil
	case it.Cause == r.Unexplained && it.Line != 0 && it.Stated.IsPositive() && len(candidates) > 1:
		return commands.Decision{Action: journal.Credit, Reference: candidates[0], Reason: "Both orders are one household's; they want it on the first"}, nil
	}
	return commands.Decision{}, nil
}

// ordered opens the payment of an order that the shop had taken by telephone.
func (d *monthDemo) ordered(ctx context.Context, amount money.Money) (string, error) {
	id := d.trading.number(ids.Transaction)
	ref := transaction.Reference(fmt.Sprintf("KIPAYORDER%012d", id))
	_, err := commands.HandleNew[transaction.State](ctx, d.n.write, ref.Stream(), transaction.Initialize{Initialized: transaction.Initialized{
		ID: id, Reference: ref, Merchant: d.merchant, Mode: domain.ModeLive, Channel: d.channel, Provider: string(channel.Mpesa),
		Origin: transaction.FromCheckout, Amount: amount, Subject: "payment-" + string(ref), Email: "caller@customer.example", At: d.clock.now(),
	}}, d.trading.byShop)
	return string(ref), err
}

// surplus is what came beyond what was asked, payment by payment.
func (d *monthDemo) surplus(ctx context.Context) (int64, error) {
	var total int64
	seen := map[string]bool{}
	add := func(reference string) error {
		if reference == "" || seen[reference] {
			return nil
		}
		seen[reference] = true
		out, err := commands.Fold[transaction.State](ctx, d.n.write, transaction.Reference(reference).Stream())
		if err != nil || !out.State.Exists() {
			return err
		}
		total += out.State.Received().Minor - min(out.State.Received().Minor, out.State.Amount.Minor)
		return nil
	}
	for i := range d.month.Payments {
		if err := add(d.month.Payments[i].Reference); err != nil {
			return 0, err
		}
	}
	return total, nil
}
