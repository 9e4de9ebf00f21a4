package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reaction"
	r "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
	"github.com/benfex/kipay/eventstore"
)

// payoutLimit is what one person may have paid out alone, in cents.
const payoutLimit = 200_000_00

// demoPayout is money that the shop takes off its paybill.
type demoPayout struct {
	faults.Payout
	asked   time.Time
	request string // the body of POST /api/payouts/create, without what is to be paid
	bank    string // the bank's reference, of a transfer that a person makes
	lost    bool   // M-Pesa's answer is
	story   string
	// alone is what the shop's own key was answered when it tried to approve it, waited that nothing was sent after that.
	alone  int
	waited bool
}

// plannedPayouts are those of the month: one to a phone, one to the bank, and one for which a second person is needed, and of which
// nothing is heard. Their references are made when they are requested; until then they have names.
func plannedPayouts(from time.Time) []*demoPayout {
	day := func(n, hour, minute int) time.Time {
		return from.AddDate(0, 0, n).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	plan := func(name string, kind r.Kind, amount int64, phone, line string, sent time.Time, charge int64, after time.Duration) faults.Payout {
		p := faults.Payout{Payout: r.Payout{
			Reference: name, Channel: 1, Kind: kind, Amount: money.Of(amount, money.KES), Phone: phone, SentAt: sent, BookedAt: sent,
		}, Line: line, Charge: charge, After: after}
		if phone != "" {
			p.Masked = phone[:5] + "****" + phone[9:]
		}
		return p
	}
	return []*demoPayout{
		{
			Payout: plan("to the phone", r.KindPayout, 45_000_00, "254722000451", "SK8PAYOUT1", day(7, 10, 0), 26_00, 40*time.Second), asked: day(7, 10, 0).Add(-time.Second),
			request: `"destination":"phone","phone_number":"254722000451","reason":"Float of the market stall"`, story: "M-Pesa said so",
		},
		{
			Payout: plan("to the bank", r.KindWithdrawalToBank, 180_000_00, "", "SKEPAYOUT2", day(13, 9, 30), 0, -time.Hour), asked: day(12, 16, 0),
			request: `"destination":"bank","bank_name":"Benki","account_number":"0112233445","account_name":"Duka Letu","reason":"Supplier of November"`, bank: "FT25318KQ7",
			story: "a person made it, and recorded FT25318KQ7",
		},
		{
			Payout: plan("to the second phone", r.KindPayout, 240_000_00, "254733000321", "SKLPAYOUT3", day(20, 15, 20), 26_00, 30*time.Second), asked: day(20, 15, 0),
			request: `"destination":"phone","phone_number":"254733000321","reason":"Wages of November"`, lost: true,
			story: "the treasurer agreed; the answer was lost, the statement shows it",
		},
	}
}

// appointTreasurer sets the limit, and gives the second person a key.
func (d *monthDemo) appointTreasurer(ctx context.Context) error {
	if err := d.n.write.SetPayoutPolicy(ctx, d.merchant, money.Of(payoutLimit, money.KES)); err != nil {
		return err
	}
	key, err := d.n.write.IssueKey(ctx, d.merchant, domain.ModeLive, "treasurer", []string{domain.ScopeRead, domain.ScopeApprove})
	d.treasurer = key.Key
	return err
}

// payout makes one happen.
func (t *trade) payout(p *demoPayout) {
	var ref payout.Reference
	byReactor := t.byMerchant("reactor:watch")
	do := func(ctx context.Context, c domain.Command[payout.State]) error {
		if _, err := commands.Handle(ctx, t.n.write, ref.Stream(), c, byReactor); err != nil {
			return err
		}
		return t.n.write.AccountPayout(ctx, ref, byReactor)
	}
	decide := func(ctx context.Context, verb, body string, key string) (int, error) {
		return t.status(ctx, "/api/payouts/"+string(ref)+"/"+verb, body, key)
	}
	t.at(p.asked, func(ctx context.Context) error {
		if err := t.countFunds(ctx); err != nil {
			return err
		}
		var out struct {
			Payout struct {
				Reference string `json:"reference"`
			} `json:"payout"`
		}
		body := `{"payment_channel_id":` + fmt.Sprint(t.channel) + `,"amount":"` + string(p.Amount.AppendDecimal(nil)) + `",` + p.request + `}`
		if err := t.ask(ctx, http.MethodPost, "/api/payouts/create", body, &out); err != nil {
			return err
		}
		ref = payout.Reference(out.Payout.Reference)
		t.named(p, string(ref))
		return nil
	})
	if p.Amount.Minor > payoutLimit {
		t.at(p.SentAt.Add(-time.Minute), func(ctx context.Context) (err error) {
			if p.alone, err = decide(ctx, "approve", "{}", t.key); err != nil {
				return err
			}
			if err := do(ctx, payout.Send{At: t.clock.now()}); err != nil {
				return err
			}
			now, err := commands.Fold[payout.State](ctx, t.n.write, ref.Stream())
			if err != nil {
				return err
			}
			p.waited = !now.State.WasSent
			_, err = decide(ctx, "approve", "{}", t.treasurer)
			return err
		})
	}
	if p.bank != "" {
		t.at(p.SentAt, func(ctx context.Context) error {
			status, err := decide(ctx, "record", `{"bank_reference":"`+p.bank+`","value_date":"`+p.SentAt.In(t.zone).Format(time.DateOnly)+`"}`, t.key)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("the transfer could not be recorded: %d", status)
			}
			if err != nil {
				return err
			}
			return t.n.write.AccountPayout(ctx, ref, byReactor)
		})
		return
	}
	t.at(p.SentAt, func(ctx context.Context) error {
		if err := do(ctx, payout.Send{At: t.clock.now()}); err != nil {
			return err
		}
		return do(ctx, payout.Accept{ConversationID: "AG_" + string(ref), Raw: `{"ResponseCode":"0"}`, At: t.clock.now()})
	})
	if p.lost {
		return
	}
	paid := p.SentAt.Add(p.After)
	t.at(paid.Add(time.Second), func(ctx context.Context) error {
		return do(ctx, payout.Weigh{
			Door: payout.DoorResult, Raw: `{"Result":{"ResultCode":0,"TransactionID":"` + p.Line + `"}}`, Digest: "demonstration " + p.Line, Done: true, Receipt: p.Line,
			PaidAt: paid.UTC(), At: t.clock.now(),
		})
	})
}

// named puts a payout's reference where the plan has a name.
func (d *monthDemo) named(p *demoPayout, reference string) {
	for i := range d.month.Wants {
		if d.month.Wants[i].Reference == p.Reference {
			d.month.Wants[i].Reference = reference
		}
	}
	for _, owners := range d.month.Owners {
		for i := range owners {
			if owners[i] == p.Reference {
				owners[i] = reference
			}
		}
	}
	p.Reference = reference
}

// status is what a request is answered with.
func (d *monthDemo) status(ctx context.Context, path, body, key string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", key)
	resp, err := d.server.App().Test(req, -1)
	if err != nil {
		return 0, fmt.Errorf("POST %s: %w", path, err)
	}
	return resp.StatusCode, resp.Body.Close()
}

// countFunds does what the reactor does of a server that runs: it adds up what can be paid out, from where it was last.
func (t *trade) countFunds(ctx context.Context) error {
	type purse struct {
		channel  int64
		currency money.Currency
	}
	by := commands.By{Actor: "reactor:" + commands.FundsReactor}
	counted, err := commands.Fold[reaction.State](ctx, t.n.write, reaction.Stream(commands.FundsReactor))
	if err != nil {
		return err
	}
	head, err := t.n.store.Head(ctx)
	if err != nil {
		return err
	}
	entries := map[purse][]payout.Entry{}
	const chunk = 1000
	for from := eventstore.Position(counted.State.Position); from < head; {
		records, err := t.n.store.ReadAll(ctx, from, eventstore.Forward, chunk)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, rec := range records {
			changes, err := t.n.write.ChangesIn(ctx, rec)
			if err != nil {
				return err
			}
			for _, c := range changes {
				p := purse{c.Channel, c.Currency}
				entries[p] = append(entries[p], payout.Entry{Position: uint64(rec.Position), Standing: c.Standing, Owed: c.Owed})
			}
			from = rec.Position
		}
	}
	purses := make([]purse, 0, len(entries))
	for p := range entries {
		purses = append(purses, p)
	}
	slices.SortFunc(purses, func(a, b purse) int { return cmp.Compare(a.channel, b.channel) })
	for _, p := range purses {
		if err := t.n.write.CountFunds(ctx, p.channel, p.currency, entries[p], by); err != nil {
			return err
		}
	}
	_, err = commands.Handle[reaction.State](ctx, t.n.write, reaction.Stream(commands.FundsReactor), reaction.Checkpoint{Checkpointed: reaction.Checkpointed{
		Reactor: commands.FundsReactor, Position: uint64(head), At: t.clock.now(),
	}}, by)
	return err
}

// The shop's account at the bank.
const (
	bankOpening = 312_400_00
	bankFee     = 350_00
)

// bankStatement is what the bank exports of the month, and how it writes that.
func (d *monthDemo) bankStatement() (csv, mapping string, lines int) {
	day := func(n int) string { return d.plan.From.AddDate(0, 0, n).In(d.zone).Format("02/01/2006") }
	var out strings.Builder
	out.WriteString("Transaction Date,Narration,Debit,Credit,Balance\n")
	balance := int64(bankOpening)
	for _, p := range d.payouts {
		if p.bank != "" {
			balance += p.Amount.Minor
			fmt.Fprintf(&out, "%s,SAFARICOM PAYBILL %s %s,,\"%s\",\"%s\"\n", day(13), shortCode, p.bank, figure(p.Amount.Minor), figure(balance))
			lines++
		}
	}
	balance -= bankFee
	fmt.Fprintf(&out, "%s,LEDGER FEE,\"%s\",,\"%s\"\n", day(d.plan.Days-1), figure(bankFee), figure(balance))
	return out.String(), `{"bank":"Benki","date":"Transaction Date","date_layout":"DD/MM/YYYY","details":["Narration"],"debit":"Debit","credit":"Credit",` +
		`"sign":"columns","balance":"Balance","thousands":",","kinds":[{"contains":"LEDGER FEE","kind":"fee"}]}`, lines + 1
}

// importBank compares the bank's statement with the books.
func (d *monthDemo) importBank(ctx context.Context) (commands.ImportView, int, error) {
	csv, mapping, lines := d.bankStatement()
	path := filepath.Join(d.dir, "bank.csv")
	if err := os.WriteFile(path, []byte(csv), 0o600); err != nil {
		return commands.ImportView{}, 0, err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "benki.json"), []byte(mapping), 0o600); err != nil {
		return commands.ImportView{}, 0, err
	}
	v, err := d.n.write.ImportFile(ctx, path, commands.StatementFile{Merchant: d.merchant, Mode: domain.ModeLive, Name: "bank.csv"},
		commands.StatementOptions{Source: string(r.SourceBank), Account: "Benki", Mapping: mapping}, nil)
	return v, lines, err
}

// paidOut shows the payouts, and finds the transfer on the bank's statement.
func (d *monthDemo) paidOut(ctx context.Context) error {
	for _, p := range d.payouts { // what became of them by the statement changes what can be paid out
		if err := d.n.write.AccountPayout(ctx, payout.Reference(p.Reference), d.trading.byMerchant("reactor:watch")); err != nil {
			return err
		}
	}
	var list struct {
		Total int `json:"total"`
		Data  []struct {
			Reference     string      `json:"reference"`
			Amount        json.Number `json:"amount"`
			Status        string      `json:"status"`
			Destination   string      `json:"destination"`
			Hint          string      `json:"destination_hint"`
			Receipt       *string     `json:"receipt"`
			Charge        json.Number `json:"provider_charge"`
			NeedsApproval bool        `json:"needs_approval"`
			ApprovedBy    *string     `json:"approved_by"`
		} `json:"data"`
	}
	if err := d.ask(ctx, http.MethodGet, "/api/payouts/list?limit=100", "", &list); err != nil {
		return err
	}
	d.say("What the shop took off its paybill in the month (GET /api/payouts/list):")
	d.gap()
	widths := []int{-6, -6, -12, 12, -10, -1}
	paid, approved, shown, charged, planned := 0, true, true, int64(0), int64(0)
	var phones, bank int64
	for _, p := range d.payouts {
		for _, row := range list.Data {
			if row.Reference != p.Reference {
				continue
			}
			cells := []string{p.asked.In(d.zone).Format("02 Jan"), row.Destination, row.Hint, figure(minor(row.Amount)), row.Status}
			for _, words := range wrap(p.story, pageWidth-2-6-2-6-2-12-2-12-2-10-2) {
				d.row(widths, append(cells, words)...)
				cells = []string{"", "", "", "", ""}
			}
			if row.Status == string(payout.Paid) {
				paid++
			}
			charged, planned = charged+minor(row.Charge), planned+p.Charge
			if row.NeedsApproval {
				approved = approved && p.alone == http.StatusForbidden && p.waited && row.ApprovedBy != nil
			}
			if p.bank == "" {
				phones += minor(row.Amount)
				shown = shown && row.Receipt != nil && *row.Receipt == p.Line
			} else {
				bank += minor(row.Amount)
			}
		}
	}
	v, lines, err := d.importBank(ctx)
	if err != nil {
		return err
	}
	d.gap()
	d.say("The bank's statement is compared as well; how the bank writes its columns is said once, and kept:")
	d.line("    kipay reconcile import bank.csv --source bank --account Benki --mapping benki.json")
	d.say("Of its %d lines %d is tied to a payout, and the other is the bank's own fee, %s.", v.Lines, v.Matched, sum(-minorOf(v.Difference)))
	balances, err := d.balances(ctx, 0)
	if err != nil {
		return err
	}
	d.gap()
	d.check(paid == len(d.payouts) && list.Total == paid && shown, "Every payout of the month is paid and known by its receipt, the one whose answer was lost too: M-Pesa's statement shows it.")
	d.check(approved, "What is above the limit was not sent before the treasurer agreed: the key that had asked for it was refused when it tried to approve it.")
	d.check(v.Status == "done" && v.Lines == lines && v.Matched == 1 && v.Open == 0 && minorOf(v.Difference) == -bankFee,
		"The transfer stands on both statements and once in the books: it left the paybill, and came to the bank as %s.", "FT25318KQ7")
	d.check(charged == planned && planned > 0, "What M-Pesa took for the payouts, %s, is booked with them, from its statement.", sum(charged))
	d.check(balanceOf(balances, ledger.PayoutsInTransit) == 0 && balanceOf(balances, ledger.Bank) == bank && balanceOf(balances, ledger.Wallet) == phones,
		"Nothing is under way any more: %s are in the bank, and %s on the shop's phones.", sum(bank), sum(phones))
	return nil
}
