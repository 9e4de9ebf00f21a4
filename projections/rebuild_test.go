package projections

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/projections/projectionstest"
)

func TestReadsGoOnWhileARebuildSwapsTheTables(t *testing.T) {
	b := newBench(t)
	story(t, b.Install)
	storyOf(t, b.Install, 1, 200)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))

	ctx, stop := context.WithCancel(projectionstest.Within(t))
	group := errgroup.Group{}
	group.Go(func() error {
		for ctx.Err() == nil {
			storyOf(t, b.Install, 1, 5)
		}
		return nil
	})
	lists := 0
	group.Go(func() error {
		for ctx.Err() == nil {
			ref, at := b.Open(t, projectionstest.Payment{Merchant: 4})
			if err := b.projector.WaitFor(ctx, at); err != nil {
				return nil //nolint:nilerr // the end of the test
			}
			page, err := b.reader.Transactions(context.WithoutCancel(ctx), TransactionFilter{MerchantID: 4, Mode: "test", Zone: nairobi(t), Limit: 1})
			if err != nil {
				return err
			}
			if lists++; page.Total != uint64(lists) || len(page.Rows) != 1 || page.Rows[0].Reference != string(ref) {
				t.Errorf("list %d shows %d of %d, not the payment just opened", lists, len(page.Rows), page.Total)
				return nil
			}
		}
		return nil
	})
	var last Progress
	for round := range 2 {
		done, err := b.projector.Rebuild(ctx, func(p Progress) { last = p })
		if err != nil {
			t.Fatal(err)
		}
		if want := Generation(round + 2); done.To != want || b.projector.Generation() != want {
			t.Errorf("generation %d serves, rebuilt to %d, want %d", b.projector.Generation(), done.To, want)
		}
		if last.Done == 0 || last.Total < last.Done || last.PerSecond <= 0 {
			t.Errorf("progress: %+v", last)
		}
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if lists < 3 {
		t.Errorf("only %d lists were read meanwhile", lists)
	}
	caughtUp(t, b.projector, b.Head(t))
	verified(t, b.projector)
	if left := generationsLeft(t, b); !slices.Equal(left, []Generation{3}) {
		t.Errorf("generations left: %v", left)
	}
}

func generationsLeft(t testing.TB, b *bench) []Generation {
	t.Helper()
	tables, err := generationTables(projectionstest.Within(t), b.db())
	if err != nil {
		t.Fatal(err)
	}
	var out []Generation
	for g := range tables {
		out = append(out, g)
	}
	slices.Sort(out)
	return out
}

func TestARebuildKilledMidwayLeavesTheOldTablesServing(t *testing.T) {
	b := newBench(t)
	storyOf(t, b.Install, 1, 400)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	for _, midway := range []string{"cancelled", "gone"} {
		ctx, cancel := context.WithCancel(projectionstest.Within(t))
		_, err := b.projector.Rebuild(ctx, func(Progress) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: %v", midway, err)
		}
		if midway == "gone" { // a killed process leaves its tables behind
			if err := createGeneration(t.Context(), b.db(), 9); err != nil {
				t.Fatal(err)
			}
		}
		if g, _, err := servingGeneration(t.Context(), b.db()); err != nil || g != 1 {
			t.Errorf("%s: generation %d serves: %v", midway, g, err)
		}
	}
	storyOf(t, b.Install, 1, 2)
	caughtUp(t, b.projector, b.Head(t))
	done, err := b.projector.Rebuild(projectionstest.Within(t), func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if left := generationsLeft(t, b); !slices.Equal(left, []Generation{done.To}) {
		t.Errorf("generations left: %v", left)
	}
	verified(t, b.projector)
}

func TestARebuildAloneIsWhatTheNextStartServes(t *testing.T) {
	b := newBench(t)
	story(t, b.Install)
	done, err := b.projector.Rebuild(projectionstest.Within(t), func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	next := b.newProjector(t)
	run(t, next)
	caughtUp(t, next, b.Head(t))
	if next.Generation() != done.To {
		t.Errorf("generation %d serves, want %d", next.Generation(), done.To)
	}
	verified(t, next)
}

func TestVerifyNamesWhatIsWrongAndMendsIt(t *testing.T) {
	b := newBench(t)
	refs := story(t, b.Install)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	verified(t, b.projector)

	altered, missing := string(refs[1]), string(refs[2])
	mutate := func(sql string) { exec(t, b.engine.Conn, sql) }
	exec(t, b.engine.Conn, `ALTER TABLE kipay.transactions_g1 UPDATE amount_minor = 1, receipt = 'FORGED' WHERE reference = {r:String}`, namedText("r", altered))
	exec(t, b.engine.Conn, `ALTER TABLE kipay.transactions_g1 DELETE WHERE reference = {r:String}`, namedText("r", missing))
	mutate(`ALTER TABLE kipay.events_g1 UPDATE actor = 'nobody' WHERE position = 3`)
	mutate(`ALTER TABLE kipay.customers_g1 UPDATE email = 'thief@example.com' WHERE merchant_id = 2`)
	mutate(`ALTER TABLE kipay.counters_g1 UPDATE value = value + 1 WHERE merchant_id = 2`)
	mutate(`ALTER TABLE kipay.channels_g1 UPDATE active = 0 WHERE name = 'Shop'`)
	exec(t, b.engine.Conn, `INSERT INTO kipay.transactions_g1 (merchant_id, mode, created_at, id, version, reference, status, listed, currency, amount_minor)
		VALUES (1, 'test', '2026-03-10 00:00:00.000', 999999, 18446744073709551615, 'KIPAYINVENTED0000000X', 'completed', 1, 'KES', 100)`)
	exec(t, b.engine.Conn, `INSERT INTO kipay.transaction_versions_g1 (reference, revision, position) VALUES ({r:String}, 77, 5)`, namedText("r", altered))

	storyOf(t, b.Install, 2, 3) // the projection goes on meanwhile
	v, err := b.projector.Verify(projectionstest.Within(t), VerifyOptions{Repair: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"transactions: altered row merchant_id=1 mode=test created_at=… id=… reference=" + altered + " in [amount_minor receipt]",
		"transactions: missing row merchant_id=1 mode=test created_at=… id=… reference=" + missing,
		"transactions: extra row merchant_id=1 mode=test created_at=… id=999999 reference=KIPAYINVENTED0000000X",
		"transaction_versions: extra row merchant_id=0 mode= created_at=… id=0 position=5 reference=" + altered,
		"events: altered row position=3 in [actor]",
		"customers: altered row merchant_id=2 created_at=… id=… in [email]",
		"counters: altered row merchant_id=2 kind=customers mode= status= day=2026-03-10 in [value]",
		"channels: altered row merchant_id=1 id=1 in [active]",
	} {
		if !slices.ContainsFunc(v.Differences, func(d Difference) bool { return matches(d.String(), want) }) {
			t.Errorf("not found: %s", want)
		}
	}
	for _, d := range v.Differences {
		t.Log(d)
	}
	if v.Repaired == 0 || b.projector.Generation() != v.Repaired {
		t.Errorf("repaired as generation %d, %d serves", v.Repaired, b.projector.Generation())
	}
	storyOf(t, b.Install, 2, 3)
	caughtUp(t, b.projector, b.Head(t))
	verified(t, b.projector)
}

// matches compares with a pattern in which … stands for any text without a space.
func matches(s, pattern string) bool {
	got, want := strings.Split(s, " "), strings.Split(pattern, " ")
	if strings.Contains(s, "created_at=") { // which has a space in it
		got = slices.DeleteFunc(got, func(w string) bool { return strings.Contains(w, ":") && strings.Contains(w, ".") })
	}
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if prefix, open := strings.CutSuffix(want[i], "…"); got[i] != want[i] && (!open || !strings.HasPrefix(got[i], prefix)) {
			return false
		}
	}
	return true
}

func TestVerifyFindsNothingWhileThePaymentsGoOn(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	storyOf(t, b.Install, 1, 50)
	ctx, stop := context.WithCancel(projectionstest.Within(t))
	group := errgroup.Group{}
	for m := range int64(2) {
		group.Go(func() error {
			for ctx.Err() == nil {
				storyOf(t, b.Install, m+1, 5)
			}
			return nil
		})
	}
	for range 3 {
		verified(t, b.projector)
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
