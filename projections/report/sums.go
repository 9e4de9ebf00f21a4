package report

import (
	"maps"
	"slices"

	"github.com/benfex/kipay/domain/money"
)

// sums are the totals of a report, by currency, where they follow from its rows: most reports need not be asked for twice.
type sums struct {
	columns []Column
	heads   []Head
	by      map[money.Currency][]int64
}

// newSums is nil where the totals don't follow from the rows: an event may stand behind several of them, and ranks are of all facts.
func newSums(q *Question) *sums {
	for _, c := range q.Report.Columns {
		switch c.Rule {
		case Sum, Percent, Most:
		default:
			return nil
		}
	}
	heads, keys := q.Heads()
	return &sums{q.Report.Columns, heads[keys:], map[money.Currency][]int64{}}
}

func (s *sums) add(r *Row) {
	so, ok := s.by[r.Currency]
	if !ok {
		s.by[r.Currency] = slices.Clone(r.Figures)
		return
	}
	for i, c := range s.columns {
		if c.Rule == Most {
			so[i] = max(so[i], r.Figures[i])
		} else {
			so[i] += r.Figures[i]
		}
	}
}

func (s *sums) totals() []Total {
	var out []Total
	for _, currency := range slices.Sorted(maps.Keys(s.by)) {
		so := s.by[currency]
		for i, c := range s.columns {
			if c.Rule == Percent {
				so[i] = percent(s.named(so, c.Of), s.named(so, c.Per))
			}
		}
		out = append(out, Total{currency, s.heads, so})
	}
	return out
}

func (s *sums) named(figures []int64, name string) int64 {
	return figures[slices.IndexFunc(s.columns, func(c Column) bool { return c.Name == name })]
}

// percent is what one number is of another, to two decimal places and rounded as the rows are.
func percent(of, per int64) int64 {
	if per == 0 {
		return 0
	}
	return (20_000*of + per) / (2 * per)
}
