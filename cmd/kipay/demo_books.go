package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	r "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// ask sends a request to the API, as the shop's own programs do, and reads the answer into out.
func (d *monthDemo) ask(ctx context.Context, method, path, body string, out any, headers ...string) error {
	raw, err := d.askRaw(ctx, method, path, body, headers...)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func (d *monthDemo) askRaw(ctx context.Context, method, path, body string, headers ...string) ([]byte, error) {
	if err := d.n.caughtUp(ctx); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1"+path, bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if len(headers) == 0 {
		req.Header.Set("X-API-Key", d.key)
	}
	resp, err := d.server.App().Test(req, -1)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, raw)
	}
	return raw, err
}

// minor is a decimal of the API in minor units.
func minor(n json.Number) int64 {
	text, negative := string(n), false
	if len(text) > 0 && text[0] == '-' {
		text, negative = text[1:], true
	}
	m, err := money.Parse(text, money.KES)
	if err != nil {
		return 0
	}
	if negative {
		return -m.Minor
	}
	return m.Minor
}

// reportRow is a row of a report, its figures by their columns' names.
type reportRow map[string]any

func (row reportRow) money(name string) int64 {
	n, _ := row[name].(json.Number)
	return minor(n)
}

func (row reportRow) text(name string) string {
	s, _ := row[name].(string)
	return s
}

// report asks for a report of the month.
func (d *monthDemo) report(ctx context.Context, name, more string) (rows []reportRow, totals reportRow, err error) {
	raw, err := d.askRaw(ctx, http.MethodGet, "/api/reports/"+name+"?date_from="+d.day(0)+"&date_to="+d.day(d.plan.Days-1)+more, "")
	if err != nil {
		return nil, nil, err
	}
	var out struct {
		Report struct {
			Rows   []reportRow `json:"rows"`
			Totals reportRow   `json:"totals"`
		} `json:"report"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err = dec.Decode(&out)
	return out.Report.Rows, out.Report.Totals, err
}

// day is the nth day of the month, from 0.
func (d *monthDemo) day(n int) string {
	return d.plan.From.AddDate(0, 0, n).In(d.zone).Format(time.DateOnly)
}

// trade lets the month happen.
func (d *monthDemo) trade(ctx context.Context) error {
	t, err := d.newTrade(ctx)
	if err != nil {
		return err
	}
	d.trading = t
	if err := t.cardPayment(); err != nil {
		return err
	}
	started := time.Now()
	if err := t.carryOut(ctx); err != nil {
		return err
	}
	took := time.Since(started)
	d.clock.to(d.until().Add(9 * time.Hour)) // the first working hour of the next month
	rows, totals, err := d.report(ctx, "settlement", "&payment_channel_id="+fmt.Sprint(d.channel))
	if err != nil {
		return err
	}
	d.say("Takings at paybill %s, day by day (GET /api/reports/settlement):", shortCode)
	d.gap()
	var chart []barRow
	for _, row := range rows {
		day, err := time.Parse(time.DateOnly, row.text("day"))
		if err != nil {
			return fmt.Errorf("a row without a day: %v", row)
		}
		chart = append(chart, barRow{label: day.Format("Mon 02 Jan"), size: row.money("received"), value: padded(figure(row.money("received")), 16)})
	}
	d.bars(chart, 10, 60)
	d.gap()
	d.say("%s in all.", sum(totals.money("received")))
	head, err := d.n.store.Head(ctx)
	if err != nil {
		return err
	}
	summary, _, err := d.report(ctx, "summary", "&group_by=status")
	if err != nil {
		return err
	}
	count := map[string]string{}
	for _, row := range summary {
		count[row.text("status")] = fmt.Sprint(row["payments"])
	}
	d.say("Payments: %s completed, %s failed, %s pending. Writing them took %s.", count["completed"], count["failed"], count["pending"], took.Round(time.Millisecond))
	booked, err := d.clearing(ctx, head, d.until())
	if err != nil {
		return err
	}
	d.gap()
	days := d.daysWithMoney()
	for _, row := range rows {
		if row.money("received") > 0 { // money only went back, or out, on the others
			days--
		}
	}
	d.check(days == 0, "Each of the %d days on which somebody paid has its takings, and no other day has.", d.daysWithMoney())
	d.check(booked == d.month.Clearing.Closing.Minor, "The books say that %s stood on the paybill at the end of the month, which is what was planned: every payment "+
		"that was heard of counts once.", sum(booked))
	return nil
}

// daysWithMoney is on how many days of the month the plan has money come to the paybill that the books heard of.
func (d *monthDemo) daysWithMoney() int {
	days := map[string]bool{}
	for i := range d.month.Payments {
		p := &d.month.Payments[i]
		if p.Channel != d.channel || p.Status != r.StatusCompleted {
			continue
		}
		for _, got := range p.Receipts {
			if got.PaidAt.Before(d.until()) {
				days[got.PaidAt.In(d.zone).Format(time.DateOnly)] = true
			}
		}
	}
	return len(days)
}

// clearing is what the books had on the paybill by what was recorded before a time.
func (d *monthDemo) clearing(ctx context.Context, at eventstore.Position, until time.Time) (int64, error) {
	if _, err := d.n.source().Archived(ctx, at); err != nil {
		return 0, err
	}
	return d.reader().ClearingBalance(ctx, d.merchant, domain.ModeLive, d.channel, money.KES, until)
}

func (d *monthDemo) reader() *projections.Reader {
	return projections.NewReader(d.n.reads.conn, d.n.source())
}

// balances are the accounts as of a position, 0 for now.
func (d *monthDemo) balances(ctx context.Context, at eventstore.Position) ([]projections.LedgerBalance, error) {
	head, err := d.n.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := d.n.source().Archived(ctx, head); err != nil {
		return nil, err
	}
	if at == 0 {
		at = head
	}
	return d.reader().LedgerBalances(ctx, projections.LedgerFilter{MerchantID: d.merchant, Mode: domain.ModeLive, AsOf: at, Zone: d.zone})
}

func balanceOf(list []projections.LedgerBalance, a ledger.Account) int64 {
	for _, b := range list {
		if b.Account == a && b.Currency == money.KES {
			return ledger.TypeOf(a).Balance(b.Debit, b.Credit)
		}
	}
	return 0
}

// whereMoneyIs says in plain words which account holds what.
func (d *monthDemo) whereMoneyIs(ctx context.Context) error {
	list, err := d.balances(ctx, 0)
	if err != nil {
		return err
	}
	for _, l := range ledger.Chart() {
		if !slices.ContainsFunc(list, func(b projections.LedgerBalance) bool { return b.Account == l.Account }) {
			continue
		}
		name, amount := plain(string(l.Account)), figure(balanceOf(list, l.Account))
		for _, words := range wrap(l.Meaning, pageWidth-2-20-2-16-2) {
			d.row([]int{-20, 16, -1}, name, amount, words)
			name, amount = "", ""
		}
	}
	return nil
}

// trialBalance adds all accounts up.
func (d *monthDemo) trialBalance(ctx context.Context) error {
	list, err := d.balances(ctx, 0)
	if err != nil {
		return err
	}
	widths := []int{-24, 18, 18, 18}
	d.row(widths, "account", "debit", "credit", "balance")
	var debit, credit int64
	for _, l := range ledger.Chart() {
		for _, b := range list {
			if b.Account == l.Account {
				d.row(widths, plain(string(l.Account)), figure(b.Debit), figure(b.Credit), figure(l.Type.Balance(b.Debit, b.Credit)))
				debit, credit = debit+b.Debit, credit+b.Credit
			}
		}
	}
	d.row(widths, "all", figure(debit), figure(credit), figure(debit-credit))
	d.gap()
	d.check(debit == credit && debit > 0, "Debits and credits are equal: %s.", sum(debit))
	imbalances, err := d.n.reads.projector.Imbalances(ctx)
	if err != nil {
		return err
	}
	d.check(len(imbalances) == 0, "They are equal in every currency and for every merchant of this install.")
	return nil
}

// The card payment that is disputed.
const (
	cardReference  = "KIPAYCARD0000000000001"
	cardAmount     = 12_400_00
	cardFee        = 359_60
	disputedAmount = 4_900_00
)

// cardPayment is paid by card, disputed, and some of it is lost.
func (t *trade) cardPayment() error {
	ref := transaction.Reference(cardReference)
	day := func(n, hour int) time.Time { return t.plan.From.AddDate(0, 0, n).Add(time.Duration(hour) * time.Hour) }
	id := t.number(ids.Transaction)
	t.at(day(9, 11), func(ctx context.Context) error {
		if _, err := commands.HandleNew[transaction.State](ctx, t.n.write, ref.Stream(), transaction.Initialize{Initialized: transaction.Initialized{
			ID: id, Reference: ref, Merchant: t.merchant, Mode: domain.ModeLive, Channel: t.card, Provider: string(channel.Paystack), Origin: transaction.FromCheckout,
			Amount: money.Of(cardAmount, money.KES), Subject: "payment-" + cardReference, Email: "payer@customer.example", At: t.clock.now(),
		}}, t.byShop); err != nil {
			return err
		}
		if _, err := commands.Handle(ctx, t.n.write, ref.Stream(), transaction.RequestCard{Channel: t.card, ProviderReference: cardReference + "-1", At: t.clock.now()}, t.byShop); err != nil {
			return err
		}
		_, err := commands.Handle(ctx, t.n.write, ref.Stream(), transaction.OpenCard{Attempt: 1, URL: "https://checkout.paystack.com/demo", Raw: `{"status":true}`, At: t.clock.now()}, t.byShop)
		return err
	})
	paid := day(9, 12)
	t.at(paid, t.webhook("charge.success", map[string]any{
		"id": 4_100_000_001, "domain": "live", "status": "success", "reference": cardReference + "-1", "amount": cardAmount, "currency": "KES",
		"paid_at": paid.UTC(), "channel": "card", "fees": cardFee,
	}))
	said := func(status string, resolution any, at time.Time) map[string]any {
		return map[string]any{
			"id": 7_100_001, "domain": "live", "status": status, "resolution": resolution, "refund_amount": disputedAmount, "currency": "KES",
			"category": "chargeback", "dueAt": day(19, 20).UTC(), "created_at": day(15, 9).UTC(), "updated_at": at.UTC(), "resolvedAt": nil,
			"transaction": map[string]any{"id": 4_100_000_001, "domain": "live", "status": "success", "reference": cardReference + "-1", "amount": cardAmount, "currency": "KES"},
		}
	}
	t.at(day(15, 9), t.webhook("charge.dispute.create", said("awaiting-merchant-feedback", nil, day(15, 9))))
	lost := said("resolved", "merchant-accepted", day(21, 14))
	lost["resolvedAt"] = day(21, 14).UTC()
	t.at(day(21, 14), t.webhook("charge.dispute.resolve", lost))
	return nil
}

// webhook is what the card provider posts, signed.
func (t *trade) webhook(event string, data map[string]any) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		body, err := json.Marshal(map[string]any{"event": event, "data": data})
		if err != nil {
			return err
		}
		mac := hmac.New(sha512.New, []byte("sk_live_"+demoSecret))
		mac.Write(body)
		return t.ask(ctx, http.MethodPost, "/paystack/webhook", string(body), nil, "X-Paystack-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
}

// wentBack shows refunds and the dispute.
func (d *monthDemo) wentBack(ctx context.Context) error {
	var refunds struct {
		Total int `json:"total"`
		Data  []struct {
			Status string `json:"status"`
		} `json:"data"`
	}
	if err := d.ask(ctx, http.MethodGet, "/api/refunds/list?limit=100", "", &refunds); err != nil {
		return err
	}
	_, totals, err := d.report(ctx, "refunds", "")
	if err != nil {
		return err
	}
	d.say("%d refunds were asked for in the month (GET /api/refunds/list), %s in all; of these %s have left and %s are still promised. M-Pesa took back %s by itself, and the bank of a card's holder %s.",
		refunds.Total, sum(totals.money("requested")), sum(totals.money("completed")), sum(totals.money("outstanding")), sum(totals.money("reversed")-disputedAmount), sum(disputedAmount))
	var dispute struct {
		Dispute struct {
			Status string      `json:"status"`
			DueAt  string      `json:"due_at"`
			Amount json.Number `json:"amount"`
		} `json:"dispute"`
	}
	if err := d.ask(ctx, http.MethodGet, "/api/disputes/7100001", "", &dispute); err != nil {
		return err
	}
	d.say("Dispute 7100001 over %s of a card payment of %s had to be answered by %s. It is %s.", sum(minor(dispute.Dispute.Amount)), sum(cardAmount),
		dispute.Dispute.DueAt, plain(dispute.Dispute.Status))
	planned := 0
	var promised, left int64
	for i := range d.month.Refunds {
		planned++
		promised += d.month.Refunds[i].Amount.Minor
		left += d.month.Refunds[i].Amount.Minor
	}
	card, err := commands.Fold[transaction.State](ctx, d.n.write, transaction.Reference(cardReference).Stream())
	if err != nil {
		return err
	}
	d.gap()
	d.check(refunds.Total == planned && totals.money("requested") == promised, "Every refund of the month is listed, and promised once: %s.", sum(promised))
	d.check(totals.money("completed") == left, "The answers that M-Pesa owed are known from its statement: all of it has left.")
	d.check(card.State.Refunded().Minor == disputedAmount && dispute.Dispute.Status == "lost", "What the lost dispute took back is entered once, under the payment that it is of.")
	return nil
}
