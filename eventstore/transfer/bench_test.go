package transfer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// BenchmarkMove moves payments of five events each, which lie among those of eight others, from the machine's own disk.
func BenchmarkMove(b *testing.B) {
	const payments, each, among = 10_000, 5, 8
	laptop := install{localOn(b, nil), masters(b, "a")}
	out := newAppender(laptop.Target, func(uint64, eventstore.Position) {})
	for p := range payments {
		laptop.put(b, fmt.Sprintf("payment-%d", p))
	}
	for first := 0; first < payments; first += among {
		for rev := range each {
			for p := first; p < first+among; p++ {
				r := eventstore.Record{
					Stream: fmt.Sprintf("transaction-KIPAY%010d", p), Revision: eventstore.Revision(rev), ID: uuid.New(), Type: "PaymentReceived",
					Data:     fmt.Appendf(nil, `{"reference":"KIPAY%010d","amount":"10.00","sealed":"%x"}`, p, make([]byte, 200)),
					Metadata: fmt.Appendf(nil, `{"$correlationId":"%s","actor":"provider:mpesa","subject":"payment-%d","version":1}`, uuid.New(), p),
				}
				if err := out.add(b.Context(), &r); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	if err := out.flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	file, exported := laptop.export(b, nil)
	b.ReportMetric(float64(exported.Events)/time.Since(began).Seconds(), "exported/s")
	b.ReportMetric(float64(len(file.events))/float64(exported.Events), "bytes/event")
	for name, open := range map[string]func() Target{
		"embedded": func() Target { return localOn(b, nil) },
		"esdb":     func() Target { return remoteBefore(b, localOn(b, nil)) },
	} {
		target := install{open(), laptop.master}
		for _, what := range []string{"imported", "compared"} {
			began := time.Now()
			done := target.mustImport(b, file)
			b.ReportMetric(float64(done.Events)/time.Since(began).Seconds(), name+"-"+what+"/s")
		}
	}
	b.ReportMetric(0, "ns/op")
}
