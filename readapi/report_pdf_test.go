package readapi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/projections/report"
)

func TestAStatementOfAnyNameCanBePrinted(t *testing.T) {
	for _, name := range []string{"Mama Mboga 🍅 東京 \U00010000", strings.Repeat("Wholesale Mwangaza & Sons ", 4), strings.Repeat("W", 100), ""} {
		r, _ := report.Named("merchant_statement")
		q := asked{Question: report.Question{Report: r, Zone: time.UTC}, asOf: time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC)}
		heads, keys := q.Heads()
		var out bytes.Buffer
		p := newPDFStatement(sheet{&q, heads, keys}, &out, name)
		for i := range 100 {
			row := report.Row{
				Keys:     []string{report.KindLine, "2026-03-30T09:00:00.000Z", "PaymentReceived", "Payment", fmt.Sprintf("KIPAY%d", i), "1", "KES"},
				Currency: money.KES, Figures: []int64{100, 0, 100},
			}
			if err := p.row(&row); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
		}
		if err := p.end(nil); err != nil || !bytes.Contains(out.Bytes(), []byte("%%EOF")) {
			t.Errorf("%q: %v, %d bytes", name, err, out.Len())
		}
	}
}
