package projections

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// story writes a bit of everything for two merchants and answers the references of the first one, oldest first.
func story(t testing.TB, i *projectionstest.Install) []transaction.Reference {
	t.Helper()
	i.Merchant(t, 1, "")
	i.Merchant(t, 2, "America/New_York")
	i.Channel(t, 1, "Shop", false)
	i.Channel(t, 1, "Till", true)
	jane, _ := i.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane", LastName: "Wanjiku", Phone: "+254711000001"})
	i.Customer(t, 1, customer.Person{Email: "jane@example.com", Phone: "+254711000002"})
	i.Customer(t, 2, customer.Person{Email: "jane@example.com", FirstName: "Other"})

	pending, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Customer: jane, Description: `Order "1"`, MerchantReference: "ORDER1"})
	paid, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	i.Accept(t, 1, paid)
	i.Pay(t, 1, paid, 1000_00)
	failed, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	i.Accept(t, 1, failed)
	i.Fail(t, 1, failed)
	late, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	i.Expire(t, 1, late, i.Now().Add(3*time.Hour))
	i.Pay(t, 1, late, 1000_00)
	short, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	i.Pay(t, 1, short, 400_00)
	alone, _ := i.C2B(t, 1, "QGR7I8K2LM", 500_00)
	i.Merge(t, 1, alone, paid, "QGR7I8K2LM")
	c2b, _ := i.C2B(t, 1, "QGR7I8K2LN", 600_50)
	i.Refund(t, 1, c2b, 250_00, true)
	i.Dispute(t, 1, c2b, 624, 100_00, true)
	i.Dispute(t, 1, paid, 625, 100_00, false)
	i.Payout(t, 1, 100_00)
	i.Statement(t, 1)
	i.Open(t, projectionstest.Payment{Merchant: 2})
	i.Open(t, projectionstest.Payment{Merchant: 1, Mode: "live"})
	return []transaction.Reference{pending, paid, failed, late, short, c2b}
}

func TestRowsSayWhatTheEventsSay(t *testing.T) {
	b := newBench(t)
	refs := story(t, b.Install)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))

	page, err := b.reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []Transaction
	for n := len(refs) - 1; n >= 0; n-- {
		want = append(want, inList(fromLog(t, b.Install, refs[n])))
	}
	got = page.Rows
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-log +list):\n%s", diff)
	}
	if page.Total != uint64(len(refs)) {
		t.Errorf("total %d, want %d", page.Total, len(refs))
	}
	for i, status := range []transaction.Status{"pending", "completed", "failed", "completed", "pending", "completed"} {
		if at := got[len(got)-1-i]; at.Status != status {
			t.Errorf("%d: %s is %s, want %s", i, at.Reference, at.Status, status)
		}
	}
	channels, err := b.reader.Channels(t.Context(), 1, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(channels) != 2 || channels[0].Name != "Till" || !channels[0].Default || channels[1].Default || !channels[1].Active {
		t.Errorf("channels: %+v", channels)
	}
	var secrets uint64
	row := b.engine.Conn.QueryRow(t.Context(), `SELECT count() FROM kipay.events WHERE position(data, 'topsecret') > 0
		OR position(data, 'jane@example.com') > 0 OR position(data, '254712345678') > 0 OR position(data, 'stkCallback') > 0`)
	if err := row.Scan(&secrets); err != nil {
		t.Fatal(err)
	}
	if secrets > 0 {
		t.Errorf("%d events show personal data or secrets", secrets)
	}
	var events uint64
	if err := b.engine.Conn.QueryRow(t.Context(), `SELECT count() FROM kipay.events`).Scan(&events); err != nil {
		t.Fatal(err)
	}
	if events != uint64(b.Head(t)) {
		t.Errorf("%d events, the log has %d", events, b.Head(t))
	}
	var steps []string
	if err := b.engine.Conn.QueryRow(t.Context(), `SELECT groupArray(status) FROM (
		SELECT status FROM kipay.transaction_versions WHERE reference = {r:String} ORDER BY revision)`,
		namedText("r", string(refs[3]))).Scan(&steps); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"pending", "pending", "failed", "failed", "failed", "completed", "completed"}, steps); diff != "" {
		t.Errorf("versions of a late success (-want +got):\n%s", diff)
	}
}

// fromLog is the row of a transaction straight from the log.
func fromLog(t testing.TB, i *projectionstest.Install, ref transaction.Reference) Transaction {
	t.Helper()
	var s transaction.State
	var last eventstore.Envelope
	err := i.Log.EachInStream(context.Background(), ref.Stream(), 0, func(e eventstore.Envelope) error {
		s, last = s.Evolve(e.Event), e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return TransactionOf(s, last.Position, last.Revision)
}

// inList leaves of a row what lists read.
func inList(t Transaction) Transaction {
	t.Revision, t.Credited, t.Surplus, t.Provider, t.ChannelID = 0, 0, 0, "", 0
	t.CompletedAt, t.UpdatedAt = time.Time{}, time.Time{}
	return t
}

func TestReplayingChangesNothing(t *testing.T) {
	b := newBench(t)
	stop := run(t, b.projector)
	story(t, b.Install)
	caughtUp(t, b.projector, b.Head(t))
	stop()
	before := sums(t, b, 1)

	// A crash before the checkpoint: everything comes again, to a projector that remembers nothing.
	exec(t, b.engine.Conn, `TRUNCATE TABLE kipay.checkpoints`)
	again := b.newProjector(t)
	stop = run(t, again)
	caughtUp(t, again, b.Head(t))
	stop()
	if diff := cmp.Diff(before, sums(t, b, 1)); diff != "" {
		t.Errorf("checksums (-once +twice):\n%s", diff)
	}
}

func TestTwoProjectorsAtOnceChangeNothing(t *testing.T) {
	b := newBench(t)
	if err := Migrate(t.Context(), b.engine.Conn, ""); err != nil {
		t.Fatal(err)
	}
	one, other := b.serverProjector(t), b.serverProjector(t)
	run(t, one)
	run(t, other)
	for range 5 {
		storyOf(t, b.Install, 3, 5)
	}
	caughtUp(t, one, b.Head(t))
	caughtUp(t, other, b.Head(t))
	verified(t, one)
}

// storyOf opens so many payments of a merchant and pays every other.
func storyOf(t testing.TB, i *projectionstest.Install, merchantID int64, payments int) {
	t.Helper()
	for n := range payments {
		ref, _ := i.Open(t, projectionstest.Payment{Merchant: merchantID, Origin: transaction.FromPush})
		if n%2 == 0 {
			i.Pay(t, merchantID, ref, 1000_00)
		}
	}
}

// sums are the checksums of all tables of a generation.
func sums(t testing.TB, b *bench, g Generation) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, c := range comparisons() {
		s, _, err := c.checksums(projectionstest.Within(t), b.engine.Conn, g)
		if err != nil {
			t.Fatal(err)
		}
		out[c.table.name] = fmt.Sprint(s)
	}
	return out
}

// verified fails the test unless the read models are what the log says.
func verified(t testing.TB, p *Projector) Verified {
	t.Helper()
	v, err := p.Verify(projectionstest.Within(t), VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range v.Differences {
		t.Error(d)
	}
	if v.Rows == 0 {
		t.Error("nothing was compared")
	}
	return v
}

func TestKilledInTheMiddleItCatchesUp(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	ctx, stop := context.WithCancel(projectionstest.Within(t))
	group := errgroup.Group{}
	group.Go(func() error {
		for ctx.Err() == nil {
			storyOf(t, b.Install, 1, 10)
		}
		return nil
	})
	for range 3 {
		caughtUp(t, b.projector, b.projector.Position()+20)
		b.engine.Kill(t)
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, b.projector, b.Head(t))
	until(t, "the projection is ready", func() bool { return b.projector.Ready() == nil })
	verified(t, b.projector)
}

func TestAnEventThatCannotBeDecodedStopsTheProjection(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	storyOf(t, b.Install, 1, 3)
	before := b.Head(t)
	appended, err := b.Store.Append(t.Context(), "transaction-MPESAFROMTHEFUTURE01", eventstore.NoStream, eventstore.NewEvent{
		ID: newID(), Type: "TransactionTeleported", Data: []byte(`{}`), Metadata: []byte(`{"version":1,"actor":"x","occurred_at":"2026-01-01T00:00:00Z"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	storyOf(t, b.Install, 1, 3)
	caughtUp(t, b.projector, before)
	until(t, "it is told why the projection stopped", func() bool { return isUndecodable(b.projector.Ready()) })
	if at := b.projector.Position(); at >= appended.Position {
		t.Errorf("the projection went on to %d past the event at %d", at, appended.Position)
	}
	if !strings.Contains(b.projector.Ready().Error(), "TransactionTeleported") {
		t.Errorf("the reason does not name the event: %v", b.projector.Ready())
	}
}
