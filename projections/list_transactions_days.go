package projections

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// dayCount is how many transactions of the list were opened on a day.
type dayCount struct {
	day   Day
	count uint64
}

func totalOf(days []dayCount) (total uint64) {
	for _, d := range days {
		total += d.count
	}
	return total
}

// maxDay is the last day that a Date holds.
const maxDay Day = 1<<16 - 1

const countTransactionsSQL = `SELECT day, status, argMax(value, version) FROM kipay.counters_gN
WHERE merchant_id = {merchant:Int64} AND kind = 'transactions' AND mode = {mode:String}
	AND ({status:String} = '' OR status = {status:String}) AND day BETWEEN {from:Date} AND {to:Date}
GROUP BY day, status ORDER BY day DESC`

// count are the days that have any, newest first.
func (q *transactionQuery) count(ctx context.Context) ([]dayCount, error) {
	from, to := Day(0), maxDay
	if q.From != nil {
		from = min(max(*q.From, 0), maxDay)
	}
	if q.To != nil {
		to = min(max(*q.To, 0), maxDay)
	}
	args := []any{
		clickhouse.Named("merchant", q.MerchantID), clickhouse.Named("mode", string(q.Mode)), clickhouse.Named("from", dayText(from)),
		clickhouse.Named("to", dayText(to)), clickhouse.Named("status", string(q.Status)),
	}
	var days []dayCount
	err := q.each(ctx, q.generation.in(countTransactionsSQL), args, func(rows driver.Rows) error {
		var at time.Time
		var status string
		var n int64
		if err := rows.Scan(&at, &status, &n); err != nil {
			return err
		}
		day := DayOf(at, time.UTC)
		if len(days) == 0 || days[len(days)-1].day != day {
			days = append(days, dayCount{day: day})
		}
		if n > 0 {
			days[len(days)-1].count += uint64(n)
		}
		return nil
	})
	return days, err
}

// window is where a page lies: from and until bound created_at (until excluded), offset counts from until.
type window struct {
	from, until time.Time
	offset      uint64
}

// locate finds the days of the page.
func locate(days []dayCount, f TransactionFilter) window {
	w := window{from: latest, until: latest, offset: f.Offset}
	if f.To != nil {
		w.until = within(DayStart(*f.To+1, f.Zone))
	}
	first := 0
	for first < len(days) && w.offset >= days[first].count {
		w.offset -= days[first].count
		first++
	}
	if first > 0 && first < len(days) {
		w.until = DayStart(days[first].day+1, f.Zone)
	}
	needed := w.offset + f.Limit
	for i := first; i < len(days); i++ {
		w.from = DayStart(days[i].day, f.Zone)
		if days[i].count >= needed {
			break
		}
		needed -= days[i].count
	}
	return w
}
