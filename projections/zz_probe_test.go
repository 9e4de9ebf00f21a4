package projections

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/projections/projectionstest"
)

func TestProbe(t *testing.T) {
	e := projectionstest.NewEngine(t)
	if err := Migrate(t.Context(), e.Conn); err != nil {
		t.Fatal(err)
	}
	fillTransactions(t, e.Conn, 1000000)
	time.Sleep(8*time.Second)
	var nparts uint64
	e.Conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE table='transactions_g1' AND active").Scan(&nparts)
	t.Log("parts", nparts)
	raw, _ := os.ReadFile("/tmp/probe.sql")
	for _, q := range strings.Split(string(raw), "\n\n") {
		q = strings.TrimSpace(q)
		if q == "" {
			continue
		}
		q = Generation(1).in(q)
		args := []any{clickhouse.Named("merchant", int64(1)), clickhouse.Named("mode", "test"), clickhouse.Named("status", "completed"),
			millisArg("from", earliest), millisArg("until", latest), clickhouse.Named("window", uint64(84)), clickhouse.Named("limit", uint64(20)), clickhouse.Named("offset", uint64(0))}
		var took []time.Duration
		cpu := cpuOf(e.Supervisor.PID())
		n := 0
		for range 40 {
			began := time.Now()
			rows, err := e.Conn.Query(t.Context(), q, args...)
			if err != nil {
				t.Error(err)
				break
			}
			n = 0
			for rows.Next() {
				n++
			}
			rows.Close()
			took = append(took, time.Since(began))
		}
		if len(took) == 0 { continue }
		slices.Sort(took)
		t.Logf("cpu %.2f ms, %4d rows min %v med %v max %v : %.150s", float64(cpuOf(e.Supervisor.PID())-cpu)*10/float64(len(took)), n, took[0], took[len(took)/2], took[len(took)-1], strings.ReplaceAll(q, "\n", " "))
	}
}

func cpuOf(pid int) int {
	raw, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	f := strings.Fields(string(raw))
	a, _ := strconv.Atoi(f[13])
	b, _ := strconv.Atoi(f[14])
	return a + b
}
