package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	r "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/transaction"
)

// deed is something that happens in the demonstration's month.
type deed struct {
	at time.Time
	do func(ctx context.Context) error
}

// trade makes the month's payments happen, one after the other, each at its time.
type trade struct {
	*monthDemo
	deeds   []deed
	byShop  commands.By
	byMpesa commands.By
	draw    *rand.Rand
	ids     map[ids.Kind]int64
	failed  int
}

func (t *trade) at(when time.Time, do func(ctx context.Context) error) {
	t.deeds = append(t.deeds, deed{when, do})
}

// number is the next number of a kind, out of a block of its own.
func (t *trade) number(k ids.Kind) int64 {
	t.ids[k]++
	return t.ids[k]
}

// reserve sets numbers apart.
func (t *trade) reserve(ctx context.Context, k ids.Kind, size int) error {
	out, err := commands.Handle[ids.State](ctx, t.n.write, ids.Stream(k), ids.Reserve{Kind: k, Size: int64(size), At: t.clock.now()}, commands.By{Actor: "node"})
	t.ids[k] = out.State.From - 1
	return err
}

// carry out the deeds in the order of time.
func (t *trade) carryOut(ctx context.Context) error {
	sort.SliceStable(t.deeds, func(i, j int) bool { return t.deeds[i].at.Before(t.deeds[j].at) })
	for _, d := range t.deeds {
		t.clock.to(d.at)
		if err := d.do(ctx); err != nil {
			return fmt.Errorf("on %s: %w", d.at.In(t.zone).Format(time.DateTime), err)
		}
	}
	t.deeds = nil
	return nil
}

// newTrade lays out the whole month.
func (d *monthDemo) newTrade(ctx context.Context) (*trade, error) {
	t := &trade{
		monthDemo: d, byShop: commands.By{Actor: "key:" + d.keyID, Merchant: d.merchant}, byMpesa: commands.By{Actor: "provider:mpesa", Merchant: d.merchant},
		draw: rand.New(rand.NewPCG(d.plan.Seed, 0)), ids: map[ids.Kind]int64{}, //nolint:gosec // the same month for the same seed
		failed: len(d.month.Payments) / failedShare,
	}
	if err := t.reserve(ctx, ids.Transaction, 2*len(d.month.Payments)+t.failed+100); err != nil {
		return nil, err
	}
	if err := t.reserve(ctx, ids.Refund, len(d.month.Refunds)+1); err != nil {
		return nil, err
	}
	t.carriedOver()
	for i := range d.month.Payments {
		t.payment(&d.month.Payments[i])
	}
	paid := map[string]*r.Payment{}
	for i := range d.month.Payments {
		paid[d.month.Payments[i].Reference] = &d.month.Payments[i]
	}
	for i := range d.month.Refunds {
		t.refund(&d.month.Refunds[i], paid[d.month.Refunds[i].Payment])
	}
	for range t.failed {
		t.refused()
	}
	t.lateOne()
	for _, p := range t.payouts {
		t.payout(p)
	}
	return t, nil
}

// failedShare is of how many payments one more fails.
const failedShare = 14

// carriedOver brings what stands on the shortcode before the month, in amounts that M-Pesa allows.
func (t *trade) carriedOver() {
	const most = 250_000_00
	day := t.plan.From.AddDate(0, 0, -20)
	for i, left := 0, t.plan.Opening.Minor; left > 0; i, left = i+1, left-min(left, most) {
		at := day.Add(time.Duration(i) * 7 * time.Hour)
		t.unasked(&r.Payment{
			Reference: "MPESACARRIEDOVER" + fmt.Sprintf("%05d", i), MerchantReference: "DEPOSIT", Channel: t.channel, Amount: money.Of(min(left, most), money.KES),
			Receipts: []r.Receipt{{Number: fmt.Sprintf("RJ%08d", 10_000_000+i), Amount: money.Of(min(left, most), money.KES), PaidAt: at, CreditedAt: at.Add(time.Second)}},
		}, true)
	}
}

// payment makes one payment of the plan happen, with whatever goes wrong with it.
func (t *trade) payment(p *r.Payment) {
	if !p.Asked {
		t.unasked(p, true)
		return
	}
	a := p.Attempts[0]
	opened := a.RequestedAt
	for i := range p.Receipts {
		if got := &p.Receipts[i]; !got.PaidAt.Before(t.until()) { // by M-Pesa's clock it is midnight already
			opened = t.until().Add(-time.Minute)
			got.CreditedAt = t.until().Add(-5 * time.Second)
			a.Window = opened.Add(a.Window.Sub(a.RequestedAt))
		}
	}
	t.push(p.Reference, p.Channel, p.Amount, a.Phone, p.MerchantReference, opened, a.Window)
	switch {
	case p.Status == r.StatusCompleted:
		for i := range p.Receipts {
			t.completes(p, p.Receipts[i], a.Phone)
		}
	case a.Refused:
		t.fails(p.Reference, opened.Add(25*time.Second), "1032", "Request cancelled by user")
	case p.Status == r.StatusFailed:
		t.at(a.Window, func(ctx context.Context) error { // nothing was heard
			_, err := commands.Handle(ctx, t.n.write, transaction.Reference(p.Reference).Stream(), transaction.Expire{At: t.clock.now()}, t.byMerchant("reactor"))
			return err
		})
	default: // a notice came through a door that anybody could have used
		got := p.Receipts[0]
		t.unasked(&r.Payment{
			Reference: "MPESA" + got.Number + "NOTICE", MerchantReference: p.MerchantReference, Channel: p.Channel, Amount: got.Amount,
			Receipts: []r.Receipt{{Number: got.Number, Amount: got.Amount, PaidAt: got.PaidAt, CreditedAt: got.PaidAt.Add(3 * time.Second)}},
		}, false)
	}
}

func (t *trade) byMerchant(actor string) commands.By {
	return commands.By{Actor: actor, Merchant: t.merchant}
}

// push asks a phone for a payment, which M-Pesa takes.
func (t *trade) push(reference string, ch int64, amount money.Money, phone, account string, at, window time.Time) {
	ref := transaction.Reference(reference)
	id := t.number(ids.Transaction)
	t.at(at, func(ctx context.Context) error {
		_, err := commands.HandleNew[transaction.State](ctx, t.n.write, ref.Stream(), transaction.Initialize{
			Initialized: transaction.Initialized{
				ID: id, Reference: ref, Merchant: t.merchant, Mode: domain.ModeLive, Channel: ch, Provider: string(channel.Mpesa), Origin: transaction.FromPush,
				Amount: amount, Subject: "payment-" + reference, Phone: domain.Personal(phone), MerchantReference: domain.Personal(account), At: at.UTC(),
			},
			Push: &transaction.RequestPush{Channel: ch, Phone: phone, AccountReference: account, Window: window.UTC(), At: at.UTC()},
		}, t.byShop)
		return err
	})
	t.at(at.Add(time.Second), func(ctx context.Context) error {
		_, err := commands.Handle(ctx, t.n.write, ref.Stream(), transaction.AcceptPush{
			Attempt: 1, MerchantRequestID: "demo-" + reference, CheckoutRequestID: checkoutOf(reference),
			Raw: `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutOf(reference) + `"}`, At: t.clock.now(),
		}, t.byShop)
		return err
	})
}

func checkoutOf(reference string) string { return "ws_CO_" + reference }

// completes tells that a push was paid.
func (t *trade) completes(p *r.Payment, got r.Receipt, phone string) {
	ref := transaction.Reference(p.Reference)
	if got.Number == "" { // the question was answered, the notice with the receipt never came
		t.at(got.CreditedAt, func(ctx context.Context) error {
			terms, err := t.terms(ctx, p.Channel)
			if err != nil {
				return err
			}
			_, err = commands.Handle(ctx, t.n.write, ref.Stream(), transaction.Weigh{Evidence: transaction.Evidence{
				Door: transaction.DoorStkQuery, Kind: transaction.ConfirmedPaid, Attempt: 1, CheckoutRequestID: checkoutOf(p.Reference), Terms: terms,
			}, At: t.clock.now()}, t.byMerchant("reactor"))
			return err
		})
		return
	}
	t.at(got.CreditedAt, func(ctx context.Context) error {
		return t.n.write.ReceiveStkResult(ctx, ref, 1, stkResult(p.Reference, "0", "The service request is processed successfully.", []stkItem{
			{"Amount", json.Number(got.Amount.AppendDecimal(nil))},
			{"MpesaReceiptNumber", got.Number},
			{"TransactionDate", json.Number(got.PaidAt.In(t.zone).Format("20060102150405"))},
			{"PhoneNumber", json.Number(phone)},
		}), t.byMpesa)
	})
}

// fails tells that a push failed.
func (t *trade) fails(reference string, at time.Time, code, why string) {
	t.at(at, func(ctx context.Context) error {
		return t.n.write.ReceiveStkResult(ctx, transaction.Reference(reference), 1, stkResult(reference, code, why, nil), t.byMpesa)
	})
}

type stkItem struct {
	Name  string
	Value any
}

// stkResult is what Daraja posts (Daraja, STK callback).
func stkResult(reference, code, description string, items []stkItem) string {
	type metadata struct{ Item []stkItem }
	var body struct {
		Body struct {
			StkCallback struct {
				MerchantRequestID, CheckoutRequestID string
				ResultCode                           json.Number
				ResultDesc                           string
				CallbackMetadata                     *metadata `json:",omitempty"`
			} `json:"stkCallback"`
		}
	}
	cb := &body.Body.StkCallback
	cb.MerchantRequestID, cb.CheckoutRequestID, cb.ResultCode, cb.ResultDesc = "demo-"+reference, checkoutOf(reference), json.Number(code), description
	if items != nil {
		cb.CallbackMetadata = &metadata{items}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(raw)
}

// unasked is a customer's payment that nobody had asked for, confirmed at the channel's own address or, when it isn't trusted,
// at one that anybody can call.
func (t *trade) unasked(p *r.Payment, trusted bool) {
	got := p.Receipts[0]
	id := t.number(ids.Transaction)
	t.at(got.CreditedAt, func(ctx context.Context) error {
		ch, err := t.channelState(ctx, p.Channel)
		if err != nil {
			return err
		}
		door := transaction.DoorC2B
		if !trusted {
			door = transaction.DoorC2BOpen
		}
		conf := receipt.Confirmation{
			Provider: string(channel.Mpesa), Scope: ch.ReceiptScope(), Number: got.Number, ID: id, Transaction: p.Reference, Merchant: t.merchant,
			Mode: domain.ModeLive, Channel: p.Channel, Subject: "payment-" + p.Reference, Door: string(door), Trusted: trusted, Amount: got.Amount,
			PaidAt: got.PaidAt.UTC(), Account: domain.Personal(p.MerchantReference), Digest: "demonstration " + got.Number, At: t.clock.now(),
			Raw: domain.Personal(`{"TransID":"` + got.Number + `","TransAmount":"` + string(got.Amount.AppendDecimal(nil)) + `","BillRefNumber":"` + p.MerchantReference + `"}`),
		}
		if _, err := commands.Handle(ctx, t.n.write, receipt.Stream(conf.Scope, conf.Number), receipt.Confirm{Confirmation: conf}, t.byMpesa); err != nil {
			return err
		}
		_, err = t.n.write.SettleReceipt(ctx, conf.Scope, conf.Number, t.byMpesa)
		return err
	})
}

// refund gives a payment back.
func (t *trade) refund(back *r.Refund, p *r.Payment) {
	id, stream := t.number(ids.Refund), transaction.Reference(back.Payment).Stream()
	way := transaction.RefundByReversal
	if back.Phone != "" {
		way = transaction.RefundByPayout
	}
	t.at(back.SentAt, func(ctx context.Context) error {
		_, err := commands.Handle(ctx, t.n.write, stream, transaction.RequestRefund{
			Refund: id, Name: back.Reference, Amount: back.Amount, Way: way, Receipt: p.Receipts[0].Number, Phone: back.Phone, Reason: "The customer brought it back",
			Terms: transaction.Terms{Channel: back.Channel, Funds: fee.OfMerchant}, At: t.clock.now(),
		}, t.byShop)
		return err
	})
	t.at(back.SentAt, func(ctx context.Context) error {
		_, err := commands.Handle(ctx, t.n.write, stream, transaction.AcceptRefund{Refund: id, ProviderID: "AG_" + back.Reference, Raw: `{"ResponseCode":"0"}`, At: t.clock.now()}, t.byShop)
		return err
	})
	if back.BookedAt.IsZero() { // the result was lost
		return
	}
	t.at(back.BookedAt, func(ctx context.Context) error {
		_, err := commands.Handle(ctx, t.n.write, stream, transaction.WeighRefund{
			Refund: id, Door: transaction.DoorRefundResult, Raw: `{"Result":{"ResultCode":0,"TransactionID":"` + back.Receipt + `"}}`, Digest: "demonstration " + back.Reference,
			Done: true, Receipt: back.Receipt, RefundedAt: back.BookedAt.UTC(), At: t.clock.now(),
		}, t.byMpesa)
		return err
	})
}

// refused is a push that the payer did not pay.
func (t *trade) refused() {
	why := []struct{ code, text string }{
		{"1032", "Request cancelled by user"},
		{"1032", "Request cancelled by user"},
		{"1", "The balance is insufficient for the transaction"},
		{"2001", "The initiator information is invalid."},
		{"1037", "DS timeout user cannot be reached"},
	}[t.draw.IntN(5)]
	at := t.plan.From.Add(2*time.Hour + time.Duration(t.draw.Int64N(int64(t.plan.Days)*24-4))*time.Hour + time.Duration(t.draw.IntN(3600))*time.Second)
	reference := "MPESA" + fmt.Sprintf("%016X", t.draw.Uint64())
	phone := "2541" + strconv.Itoa(100_000_000 + t.draw.IntN(100_000_000))[1:]
	t.push(reference, t.channel, money.Of(int64(50+t.draw.IntN(19_950))*100, money.KES), phone, "NOT"+reference[5:14], at, at.Add(3*time.Minute))
	t.fails(reference, at.Add(time.Duration(8+t.draw.IntN(40))*time.Second), why.code, why.text)
}

// lateOne is the push whose payer pays, while nothing of it is heard before the month is closed.
func (t *trade) lateOne() {
	at := t.until().Add(-34 * time.Hour)
	t.late = r.Payment{
		Reference: "MPESALATE00000000000001", Channel: t.other, Amount: money.Of(64_250_00, money.KES), MerchantReference: "INVLATE",
		Receipts: []r.Receipt{{Number: "SLATE00001", Amount: money.Of(64_250_00, money.KES), PaidAt: at.Add(31 * time.Second)}},
	}
	t.push(t.late.Reference, t.other, t.late.Amount, latePhone, t.late.MerchantReference, at, at.Add(3*time.Minute))
	t.at(at.Add(3*time.Minute), func(ctx context.Context) error {
		_, err := commands.Handle(ctx, t.n.write, transaction.Reference(t.late.Reference).Stream(), transaction.Expire{At: t.clock.now()}, t.byMerchant("reactor"))
		return err
	})
}

const latePhone = "254190000001"

// channelState is a channel as it is now.
func (d *monthDemo) channelState(ctx context.Context, id int64) (channel.State, error) {
	out, err := commands.Fold[channel.State](ctx, d.n.write, channel.Stream(id))
	return out.State, err
}

func (d *monthDemo) terms(ctx context.Context, id int64) (fee.Terms, error) {
	ch, err := d.channelState(ctx, id)
	return ch.Terms(), err
}
