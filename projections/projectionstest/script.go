package projectionstest

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// Merchant opens a merchant in the time zone, empty for the default one.
func (i *Install) Merchant(t testing.TB, id int64, zone string) eventstore.Position {
	t.Helper()
	_, at := Do[merchant.State](t, i, id, merchant.Stream(id), merchant.Create{
		ID: id, Name: "Merchant " + strconv.FormatInt(id, 10), Email: "owner@example.com", TimeZone: zone, PasswordHash: "x", At: i.Now(),
	})
	return at
}

// Channel opens a payment channel of the merchant.
func (i *Install) Channel(t testing.TB, merchantID int64, name string, makeDefault bool) (int64, eventstore.Position) {
	t.Helper()
	id := i.NextID()
	s, _ := Do[channel.State](t, i, merchantID, channel.Stream(id), channel.Create{Created: channel.Created{
		ID: id, Merchant: merchantID, Name: name, Provider: channel.Mpesa, Environment: channel.Sandbox, Currency: money.KES,
		ShortCode: "174379", Secrets: channel.Secrets{ConsumerKey: "topsecret", Passkey: "topsecret"}, MakeDefault: makeDefault, At: i.Now(),
	}})
	_, at := Do[merchant.State](t, i, merchantID, merchant.Stream(merchantID), merchant.AttachChannel{
		Merchant: merchantID, Channel: s.ID, MakeDefault: makeDefault, At: i.Now(),
	})
	return id, at
}

// Customer opens a customer, or changes the one with that email.
func (i *Install) Customer(t testing.TB, merchantID int64, p customer.Person) (customer.State, eventstore.Position) {
	t.Helper()
	hash := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%d %s", merchantID, p.Email)).String()
	return Do[customer.State](t, i, merchantID, customer.Stream(hash), customer.Save{
		ID: i.NextID(), Merchant: merchantID, Hash: hash, Person: p, At: i.Now(),
	})
}

// Payment is a transaction to open.
type Payment struct {
	Merchant int64
	Mode     domain.Mode // test when empty
	Amount   int64       // minor units; 1000.00 when 0
	Customer customer.State
	// Origin is a checkout unless it says otherwise.
	Origin            transaction.Origin
	Description       string
	MerchantReference string
}

// Open opens the transaction, and sends the first push if its origin is one.
func (i *Install) Open(t testing.TB, p Payment) (transaction.Reference, eventstore.Position) {
	t.Helper()
	e, prefix := i.opened(p)
	random := [16]byte(uuid.New())
	e.Reference = transaction.NewReference(prefix, random[:])
	if e.Subject == "" {
		e.Subject = "payment-" + string(e.Reference)
	}
	cmd := transaction.Initialize{Initialized: e}
	if e.Origin == transaction.FromPush {
		cmd.Push = &transaction.RequestPush{Phone: "254712345678", AccountReference: "ORDER123", Window: e.At.Add(time.Minute), At: e.At}
	}
	_, at := Do[transaction.State](t, i, p.Merchant, e.Reference.Stream(), cmd)
	return e.Reference, at
}

func (i *Install) opened(p Payment) (transaction.Initialized, string) {
	if p.Mode == "" {
		p.Mode = domain.ModeTest
	}
	if p.Amount == 0 {
		p.Amount = 1000_00
	}
	prefix := transaction.CheckoutPrefix
	if p.Origin == "" {
		p.Origin = transaction.FromCheckout
	}
	if p.Origin != transaction.FromCheckout {
		prefix = transaction.MpesaPrefix
	}
	now := i.Now()
	e := transaction.Initialized{
		ID: i.NextID(), Merchant: p.Merchant, Mode: p.Mode, Channel: 7, Provider: "mpesa", Origin: p.Origin, Amount: money.Of(p.Amount, money.KES),
		Description: domain.Personal(p.Description), MerchantReference: domain.Personal(p.MerchantReference),
		ExpiresAt: now.Add(time.Hour), At: now,
	}
	if p.Customer.ID != 0 {
		person := p.Customer.Person
		e.Customer, e.Subject = p.Customer.ID, customer.Stream(p.Customer.Hash)
		e.Email, e.FirstName, e.LastName, e.Phone = person.Email, person.FirstName, person.LastName, person.Phone
	}
	return e, prefix
}

// Push asks for a prompt on the payer's phone.
func (i *Install) Push(t testing.TB, merchantID int64, ref transaction.Reference) eventstore.Position {
	t.Helper()
	now := i.Now()
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.RequestPush{
		Phone: "254712345678", AccountReference: "ORDER123", Window: now.Add(time.Minute), At: now,
	})
	return at
}

// Accept says that the provider took the first push.
func (i *Install) Accept(t testing.TB, merchantID int64, ref transaction.Reference) eventstore.Position {
	t.Helper()
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.AcceptPush{
		Attempt: 1, MerchantRequestID: "29115-1", CheckoutRequestID: "ws_CO_" + string(ref), Raw: `{"ResponseCode":"0"}`, At: i.Now(),
	})
	return at
}

// Pay says that the first attempt brought the money, under a receipt made of the reference.
func (i *Install) Pay(t testing.TB, merchantID int64, ref transaction.Reference, minor int64) eventstore.Position {
	t.Helper()
	return i.PayAt(t, merchantID, ref, minor, i.Now())
}

// PayAt is Pay of money that moved at the time, by the provider's clock.
func (i *Install) PayAt(t testing.TB, merchantID int64, ref transaction.Reference, minor int64, paidAt time.Time) eventstore.Position {
	t.Helper()
	return i.PayOn(t, merchantID, ref, minor, paidAt, fee.Terms{})
}

// PayOn is PayAt on terms: what it costs, and whose the money is.
func (i *Install) PayOn(t testing.TB, merchantID int64, ref transaction.Reference, minor int64, paidAt time.Time, terms fee.Terms) eventstore.Position {
	t.Helper()
	now := i.Now()
	receipt := "R" + string(ref[len(ref)-9:]) + strconv.FormatInt(minor, 10)
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.ReceiveCallback{
		Door: transaction.DoorStkCallback, Attempt: 1, Digest: receipt, Raw: `{"Body":{"stkCallback":{"ResultCode":0}}}`, At: now,
		Evidence: &transaction.Evidence{
			Door: transaction.DoorStkCallback, Kind: transaction.ReceiptGiven, Attempt: 1, Digest: receipt, Receipt: receipt,
			Amount: money.Of(minor, money.KES), Method: transaction.MethodMpesaSTK, PaidAt: paidAt, Terms: terms,
		},
	})
	return at
}

// Fail says that the first attempt failed.
func (i *Install) Fail(t testing.TB, merchantID int64, ref transaction.Reference) eventstore.Position {
	t.Helper()
	now := i.Now()
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.ReceiveCallback{
		Door: transaction.DoorStkCallback, Attempt: 1, Digest: "failed", Raw: `{"Body":{"stkCallback":{"ResultCode":1032}}}`, At: now,
		Evidence: &transaction.Evidence{
			Door: transaction.DoorStkCallback, Kind: transaction.FailedByNotice, Attempt: 1, Digest: "failed", Code: "1032",
			FailureCode: "cancelled", Reason: "The request was cancelled by the payer",
		},
	})
	return at
}

// Expire closes what is due at the moment.
func (i *Install) Expire(t testing.TB, merchantID int64, ref transaction.Reference, now time.Time) eventstore.Position {
	t.Helper()
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.Expire{At: now})
	return at
}

// C2B opens a transaction for money that came unasked.
func (i *Install) C2B(t testing.TB, merchantID int64, receipt string, minor int64) (transaction.Reference, eventstore.Position) {
	t.Helper()
	e, prefix := i.opened(Payment{Merchant: merchantID, Amount: minor, Origin: transaction.FromC2B})
	random := [16]byte(uuid.New())
	e.Reference = transaction.NewReference(prefix, random[:])
	e.Subject, e.Phone, e.FirstName, e.ExpiresAt = "payment-"+string(e.Reference), "2547*****678", "Jane", time.Time{}
	_, at := Do[transaction.State](t, i, merchantID, e.Reference.Stream(), transaction.ReceiveC2B{
		Open: e, Door: transaction.DoorC2B, Digest: receipt, Raw: "{}", Receipt: receipt, PaidAt: e.At, Trusted: true, Received: e.At,
	})
	return e.Reference, at
}

// Merge makes a C2B transaction a part of another one.
func (i *Install) Merge(t testing.TB, merchantID int64, ref, into transaction.Reference, receipt string) eventstore.Position {
	t.Helper()
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.Merge{Into: into, Receipt: receipt, At: i.Now()})
	return at
}

// Dispute lets the payer complain about a payment; lost, the provider takes the money back.
func (i *Install) Dispute(t testing.TB, merchantID int64, ref transaction.Reference, id, minor int64, lost bool) eventstore.Position {
	t.Helper()
	const channel = 7
	now, amount := i.Now(), money.Of(minor, money.KES)
	said := dispute.Weigh{
		Open: dispute.Opened{
			Merchant: merchantID, Mode: domain.ModeTest, Channel: channel, Provider: "paystack", ID: id, Reference: string(ref), Attempt: 1,
			ProviderReference: string(ref) + "-1", Amount: amount, Category: "chargeback", DueAt: now.Add(72 * time.Hour), Status: dispute.NeedsResponse,
			Door: dispute.DoorWebhook, AsOf: now, OpenedAt: now, Subject: "payment-" + string(ref), At: now,
		},
		Raw: "{}", Digest: "opened",
	}
	Do[dispute.State](t, i, merchantID, dispute.Stream(channel, id), said)
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.NoteDispute{Dispute: id, Channel: channel, Amount: amount, At: now})
	if lost {
		said.Digest, said.Ended, said.ResolvedAt, said.Resolution = "lost", dispute.Lost, now, "auto-accepted"
		_, at = Do[dispute.State](t, i, merchantID, dispute.Stream(channel, id), said)
	}
	return at
}

// Refund promises some of a payment back, all that is left when minor is 0, and says that it has gone where done.
func (i *Install) Refund(t testing.TB, merchantID int64, ref transaction.Reference, minor int64, done bool) eventstore.Position {
	t.Helper()
	id, now := i.NextID(), i.Now()
	_, at := Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.RequestRefund{
		Refund: id, Name: "REFUND" + strconv.FormatInt(id, 10), Amount: money.Of(minor, money.KES), Way: transaction.RefundByReversal,
		Receipt: "R", Terms: transaction.Terms{Channel: 7, Funds: fee.OfMerchant}, At: now,
	})
	if done {
		_, at = Do[transaction.State](t, i, merchantID, ref.Stream(), transaction.WeighRefund{
			Refund: id, Door: transaction.DoorRefundResult, Done: true, Receipt: "B" + strconv.FormatInt(id, 10), RefundedAt: now, At: now,
		})
	}
	return at
}

// Payout requests a payout to a phone, has it sent, and says that it was paid.
func (i *Install) Payout(t testing.TB, merchantID int64, minor int64) (payout.Reference, eventstore.Position) {
	t.Helper()
	id, now := i.NextID(), i.Now()
	random := [16]byte(uuid.New())
	ref := payout.Reference(transaction.NewReference(payout.Prefix, random[:]))
	alone := payout.Limits{}.Evolve(payout.PolicySet{Currency: money.KES, Limit: minor})
	Do[payout.State](t, i, merchantID, ref.Stream(), payout.Request{Policy: payout.Policy{Install: alone}, Requested: payout.Requested{
		Reference: ref, ID: id, Merchant: merchantID, Mode: domain.ModeTest, Channel: 7, Funds: fee.OfMerchant, Amount: money.Of(minor, money.KES),
		Destination: payout.Destination{Kind: payout.ToPhone, Number: "254712345678"}, RequestedBy: "key:k", At: now,
	}})
	Do[payout.State](t, i, merchantID, ref.Stream(), payout.Send{At: now})
	charge := money.Of(22_40, money.KES)
	_, at := Do[payout.State](t, i, merchantID, ref.Stream(), payout.Weigh{
		Door: payout.DoorResult, Done: true, Receipt: "P" + strconv.FormatInt(id, 10), Charge: &charge, PaidAt: now, At: now,
	})
	return ref, at
}
