package projections

import (
	"time"

	"github.com/benfex/kipay/domain/money"
)

// momentOf is a time as it was before millis: UTC, the zero time for none.
func momentOf(t time.Time) time.Time {
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t.UTC()
}

func currencyOf(s string) money.Currency { return money.Currency(s) }
