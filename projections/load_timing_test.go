package projections

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	dto "github.com/prometheus/client_model/go"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

const (
	// secondsEnv sets how long the log is written to at full speed; writersEnv by how many at once.
	secondsEnv = "KIPAY_TEST_LOAD_SECONDS"
	writersEnv = "KIPAY_TEST_LOAD_WRITERS"
)

func number(t testing.TB, env string, otherwise int) int {
	t.Helper()
	s := os.Getenv(env)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

// TestLoadTimes logs how long it takes until reads see an event while appends run at full speed, how fast a rebuild is,
// and how fast ClickHouse takes the same rows when nothing has to be made of events first.
func TestLoadTimes(t *testing.T) {
	seconds, writers := number(t, secondsEnv, 2), number(t, writersEnv, 32)
	b := newBench(t)
	b.Merchant(t, 1, "")
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))

	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	var payments atomic.Int64
	var group sync.WaitGroup
	began, cpu, child, before := time.Now(), cpuTime(), cpuOf(b.engine.Supervisor.PID()), b.Head(t)
	for range writers {
		group.Go(func() {
			for ctx.Err() == nil {
				pay(t, b.Install)
				payments.Add(1)
			}
		})
	}
	lags := sampleLag(ctx, t, b)
	group.Wait()
	took := time.Since(began)
	events := b.Head(t) - before
	t.Logf("%d writers: %.0f payments/s, %.0f events/s, %.2f cores here, %.2f in the engine", writers, float64(payments.Load())/took.Seconds(),
		float64(events)/took.Seconds(), (cpuTime()-cpu).Seconds()/took.Seconds(),
		(cpuOf(b.engine.Supervisor.PID())-child).Seconds()/took.Seconds())
	t.Logf("writes: %s", writesOf(t, b.projector))
	if len(lags) > 0 {
		t.Logf("lag of %d samples: median %v, p99 %v, worst %v", len(lags), lags[len(lags)/2], lags[len(lags)*99/100], lags[len(lags)-1])
	}
	caughtUp(t, b.projector, b.Head(t))
	var last Progress
	done, err := b.projector.Rebuild(t.Context(), func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("rebuild: %d events in %v, %.0f events/s", done.Events, done.Took, last.PerSecond)
	raw := rawInserts(t, b, done.To)
	t.Logf("raw inserts of the same rows: %v, %.0f events/s", raw, float64(done.Events)/raw.Seconds())
	verified(t, b.projector)
	logSizes(t, b.engine.Conn)
}

// pay appends the six events of a payment as the write side does: in three appends.
func pay(t testing.TB, i *projectionstest.Install) {
	now := i.Now()
	random := [16]byte(uuid.New())
	ref := transaction.NewReference(transaction.MpesaPrefix, random[:])
	subject, receipt := "payment-"+string(ref), string(ref[5:15])
	amount, none := money.Of(1000_00, money.KES), money.Of(0, money.KES)
	id := i.NextID()
	for _, step := range []struct {
		at     eventstore.Revision
		events []domain.Event
	}{
		{eventstore.NoStream, []domain.Event{
			transaction.Initialized{
				ID: id, Reference: ref, Merchant: 1, Mode: domain.ModeTest, Channel: 7, Provider: "mpesa", Origin: transaction.FromPush,
				Amount: amount, Subject: subject, Description: "Payment for Order #12345", MerchantReference: "ORDER123", At: now,
			},
			transaction.StkPushRequested{
				Reference: ref, Attempt: 1, Subject: subject, Phone: "254712345678", AccountReference: "ORDER123", Window: now.Add(time.Minute), At: now,
			},
		}},
		{1, []domain.Event{transaction.StkPushAccepted{
			Reference: ref, Attempt: 1, Subject: subject, MerchantRequestID: "29115-34620561-1", Named: transaction.Named{CheckoutRequestID: "ws_CO_191220191020363925"},
			Raw: `{"MerchantRequestID":"29115-34620561-1","CheckoutRequestID":"ws_CO_191220191020363925","ResponseCode":"0"}`, At: now,
		}}},
		{2, []domain.Event{
			transaction.CallbackReceived{
				Reference: ref, Attempt: 1, Subject: subject, Door: transaction.DoorStkCallback, Digest: receipt, At: now,
				Raw: domain.Personal(fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"29115-34620561-1","CheckoutRequestID":"ws_CO_191220191020363925","ResultCode":0,"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":[{"Name":"Amount","Value":1000},{"Name":"MpesaReceiptNumber","Value":%q},{"Name":"PhoneNumber","Value":254712345678}]}}}}`, receipt)),
			},
			transaction.PaymentReceived{
				Reference: ref, Attempt: 1, Door: transaction.DoorStkCallback, Receipt: receipt, Amount: amount, Credited: amount, Surplus: none,
				Method: transaction.MethodMpesaSTK, PaidAt: now, Digest: receipt, At: now,
			},
			transaction.Completed{Reference: ref, Received: amount, Method: transaction.MethodMpesaSTK, Receipt: receipt, PaidAt: now, At: now},
		}},
	} {
		meta := eventstore.Metadata{Actor: "key:test", Merchant: 1, CorrelationID: string(ref)}
		if _, _, err := i.Log.Append(context.Background(), ref.Stream(), step.at, meta, step.events...); err != nil {
			t.Error(err)
			return
		}
	}
}

// sampleLag measures, every few milliseconds until ctx ends, how long it takes until reads see what is durable now.
func sampleLag(ctx context.Context, t *testing.T, b *bench) []time.Duration {
	var mu sync.Mutex
	var lags []time.Duration
	var group sync.WaitGroup
	for ticker := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			continue
		}
		head, began := b.Head(t), time.Now()
		group.Go(func() {
			if err := b.projector.WaitFor(projectionstest.Within(t), head); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			lags = append(lags, time.Since(began).Round(10*time.Microsecond))
		})
	}
	group.Wait()
	slices.Sort(lags)
	return lags
}

// rawInserts is how long ClickHouse takes for the rows of a generation, made beforehand and written in batches of the
// same size to new tables.
func rawInserts(t *testing.T, b *bench, g Generation) time.Duration {
	t.Helper()
	ctx := t.Context()
	if err := createGeneration(ctx, b.db(), g+1); err != nil {
		t.Fatal(err)
	}
	var batches []*batch
	by := newBuilder(b.Log, 1<<20, newTally(b.engine.Conn, g+1, true, b.projector.unmoved), nil)
	into := newBatch()
	for from := eventstore.Position(0); ; {
		records, err := b.Store.ReadAll(ctx, from, eventstore.Forward, advanceChunk)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			d, err := b.projector.decoder.decode(ctx, &records[i])
			if err == nil {
				err = by.add(ctx, &d, into)
			}
			if err != nil {
				t.Fatal(err)
			}
			from = records[i].Position
		}
		if into.full() || len(records) == 0 {
			into.seal(by)
			batches = append(batches, into)
			into = newBatch()
		}
		if len(records) == 0 {
			break
		}
	}
	began := time.Now()
	for _, batch := range batches {
		if err := b.projector.write(ctx, append(batch.filled(), batch.archive.filled()...), g+1, batch.span, func(err error) { t.Log(err) }); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf is what another process has used so far.
func cpuOf(pid int) time.Duration {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(raw))
	if err != nil || len(fields) < 15 {
		return 0
	}
	user, _ := strconv.Atoi(fields[13])
	system, _ := strconv.Atoi(fields[14])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

// writesOf tells how many writes there were and how long they took.
func writesOf(t *testing.T, p *Projector) string {
	t.Helper()
	var write, batch dto.Metric
	if err := errors.Join(p.metrics.write.Write(&write), p.metrics.batch.Write(&batch)); err != nil {
		t.Fatal(err)
	}
	n := max(1, write.GetHistogram().GetSampleCount())
	return fmt.Sprintf("%d, of %.0f events and %.1f ms on average", n, batch.GetHistogram().GetSampleSum()/float64(n),
		1000*write.GetHistogram().GetSampleSum()/float64(n))
}
