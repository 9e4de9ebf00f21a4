package reactor_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/reactor"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

const payoutRef = payout.Reference("PAYOUT0123456789ABCDEF")

func (i *install) append(stream string, events ...domain.Event) {
	i.t.Helper()
	if _, _, err := i.log.Append(i.t.Context(), stream, eventstore.NoStream, eventstore.Metadata{Actor: "key:k", Merchant: 1}, events...); err != nil {
		i.t.Fatal(err)
	}
}

// reacting runs a reactor until the log says what is wanted.
func (i *install) reacting(wanted func() bool) {
	i.t.Helper()
	ctx, stop := context.WithCancel(i.t.Context())
	var g sync.WaitGroup
	defer g.Wait()
	defer stop()
	r := reactor.New(reactor.Options{Write: i.write, Log: i.log, Logger: zerolog.Nop()})
	g.Go(func() {
		if err := r.Run(ctx); err != nil {
			i.t.Error(err)
		}
	})
	sub, err := i.store.Subscribe(ctx, 0)
	if err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for !wanted() {
		if _, err := sub.Next(limited); err != nil {
			i.t.Fatalf("it never came to it: %v", err)
		}
	}
}

func folded[S domain.State[S]](i *install, stream string) S {
	i.t.Helper()
	out, err := commands.Fold[S](i.t.Context(), i.write, stream)
	if err != nil {
		i.t.Fatal(err)
	}
	return out.State
}

// A node reserved the money and crashed before it could request the payout.
func TestMoneyThatWasReservedForNothingIsFreeAgain(t *testing.T) {
	i := newInstall(t, "0")
	i.append(payout.FundsStream(1, money.KES), payout.FundsReserved{Channel: 1, Merchant: 1, Payout: payoutRef, Amount: money.Of(500_00, money.KES), At: i.now()})
	i.pass(2 * time.Minute)
	i.reacting(func() bool { return folded[payout.Funds](i, payout.FundsStream(1, money.KES)).Taken() == 0 })
	if s := folded[payout.State](i, payoutRef.Stream()); s.Status != payout.Forgotten {
		t.Errorf("the payout can still be requested: it is %q", s.Status)
	}
}

func (i *install) requestedPayout() payout.Requested {
	return payout.Requested{
		Reference: payoutRef, ID: 1, Merchant: 1, Mode: domain.ModeTest, Channel: 1, Funds: fee.OfMerchant, Amount: money.Of(500_00, money.KES),
		Destination: payout.Destination{Kind: payout.ToPhone, Number: "254712345678"}, Way: payout.ByB2C, RequestedBy: "key:k", At: i.now(),
	}
}

// A node promised to ask M-Pesa and crashed: whether it did, nobody knows. It is not sent, and not given up.
func TestAPayoutWhoseNodeCrashedWhileItSentItIsNotSentAgain(t *testing.T) {
	i := newInstall(t, "0")
	i.append(payout.FundsStream(1, money.KES), payout.FundsReserved{Channel: 1, Merchant: 1, Payout: payoutRef, Amount: money.Of(500_00, money.KES), At: i.now()})
	i.append(payoutRef.Stream(), i.requestedPayout(), payout.Sent{Reference: payoutRef, OriginatorConversationID: string(payoutRef), At: i.now()})
	i.pass(2 * time.Minute)
	i.reacting(func() bool { return folded[payout.State](i, payoutRef.Stream()).Unknown })
	if n := folded[payout.Funds](i, payout.FundsStream(1, money.KES)).Taken(); n != 500_00 {
		t.Errorf("%d are set apart", n)
	}
	i.pass(25 * time.Hour)
	i.reacting(func() bool { return folded[payout.State](i, payoutRef.Stream()).Attention != "" })
	sent := 0
	records, err := i.store.ReadStream(t.Context(), payoutRef.Stream(), 0, eventstore.Forward, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Type == "PayoutSent" {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("sent %d times", sent)
	}
}

// Nothing is asked of M-Pesa while the channel can't pay; a person is told.
func TestAPayoutOfAChannelWithoutAnInitiatorWaits(t *testing.T) {
	i := newInstall(t, "0")
	i.append(payoutRef.Stream(), i.requestedPayout())
	i.reacting(func() bool { return folded[payout.State](i, payoutRef.Stream()).Attention != "" })
	if s := folded[payout.State](i, payoutRef.Stream()); s.Status != payout.Ready || s.WasSent {
		t.Errorf("it is %s", s.Status)
	}
}

// Two reactors that counted the same events, one of them late, add up to what there is.
func TestWhatTwoReactorsCountIsCountedOnce(t *testing.T) {
	i := newInstall(t, "0")
	i.opened(ref, transaction.FromPush, i.requested(ref), i.accepted(ref), transaction.PaymentReceived{
		Reference: ref, Attempt: 1, Receipt: "NLJ7RT61SV", Amount: money.Of(1000_00, money.KES), Credited: money.Of(1000_00, money.KES), Surplus: money.Of(0, money.KES),
		Terms: transaction.Terms{Channel: 1, Funds: fee.OfMerchant}, PaidAt: i.now(), At: i.now(),
	})
	records, err := i.store.ReadAll(t.Context(), 0, eventstore.Forward, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var entries []payout.Entry
	for _, r := range records {
		changes, err := i.write.ChangesIn(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			entries = append(entries, payout.Entry{Position: uint64(r.Position), Standing: c.Standing, Owed: c.Owed})
		}
	}
	for range 2 {
		if err := i.write.CountFunds(t.Context(), 1, money.KES, entries, commands.By{Actor: "reactor:funds"}); err != nil {
			t.Fatal(err)
		}
	}
	if c := folded[payout.Count](i, payout.CountStream(1, money.KES)); len(entries) != 1 || c.Standing != 1000_00 || c.Owed != 0 {
		t.Errorf("%d entries come to %+v", len(entries), c)
	}
}
