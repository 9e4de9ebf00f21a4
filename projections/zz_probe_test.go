package projections

import (
	"testing"
	"time"

	"github.com/benfex/kipay/projections/projectionstest"
)

func TestProbeInsert(t *testing.T) {
	b := newBench(t)
	for range 140 {
		pay(t, b.Install)
	}
	if err := Migrate(t.Context(), b.engine.Conn); err != nil {
		t.Fatal(err)
	}
	records, _ := b.Store.ReadAll(t.Context(), 0, 0, 850)
	by := newBuilder(b.Log, 1<<20, newTally(b.engine.Conn, 1, true), nil)
	into := newBatch()
	for i := range records {
		d, err := b.projector.decoder.decode(t.Context(), &records[i])
		if err == nil {
			err = by.add(t.Context(), &d, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	into.seal(by)
	pid := b.engine.Supervisor.PID()
	for _, tb := range into.filled() {
		own, cpu, began := cpuTime(), cpuOf(pid), time.Now()
		for range 60 {
			if err := tb.write(projectionstest.Within(t), b.engine.Conn, 1, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		took, now := time.Since(began), cpuOf(pid)
		time.Sleep(3 * time.Second)
		t.Logf("%-24s wall %v own %v cpu %v, then %v more", tb.name, took/60, (cpuTime()-own)/60, (now-cpu)/60, (cpuOf(pid)-now)/60)
	}
	cpu := cpuOf(pid)
	time.Sleep(3 * time.Second)
	t.Log("idle 3s", cpuOf(pid)-cpu)
	cpu = cpuOf(pid)
	for range 60 {
		storeCheckpoint(t.Context(), b.engine.Conn, 1, into.last)
	}
	t.Log("checkpoint", (cpuOf(pid)-cpu)/60)
}
