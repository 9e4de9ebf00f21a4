package reconciliation

import (
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Defaults of Scope.
const (
	// DefaultSkew is how far the provider's clock and ours may be apart.
	DefaultSkew = 2 * time.Minute
	// DefaultLate is how long after an attempt's window its money may still come, if its reference says that it is its own.
	DefaultLate = 24 * time.Hour
	// DefaultSlack is the same for what only amount, phone and time say.
	DefaultSlack = 10 * time.Minute
	// DefaultSettling is how long a provider takes to settle, and a bank to show it: a day, and a long weekend.
	DefaultSettling = 5 * 24 * time.Hour
	// DefaultTransit is how long a refund may be on its way before somebody should ask.
	DefaultTransit = 7 * 24 * time.Hour
)

// Limits of a Matcher.
const (
	// MaxLines and MaxEntries bound what one Matcher takes: lines, and amounts in the books.
	MaxLines   = 4_000_000
	MaxEntries = 8_000_000
	// MaxAmount bounds one amount, in minor units, so that no sum overflows.
	MaxAmount = 500_000_000_000
	// MaxNamed is how many candidates a result names.
	MaxNamed = 10
	// MaxAttempts and MaxReceipts bound one payment.
	MaxAttempts = 1000
	MaxReceipts = 1000
	// maxScan is how many candidates of one line are looked at; where there are more, none is taken.
	maxScan = 500
)

// Period is from From on, before Until.
type Period struct{ From, Until time.Time }

// Scope is what is compared.
type Scope struct {
	Source   Source
	Channel  int64 // the channel whose statement it is; 0 for a bank account
	Currency money.Currency
	Period   Period
	// Zone is whose days settlements go by; nil is UTC.
	Zone *time.Location
	// The spans; zero is the default.
	Skew, Late, Slack, Settling, Transit time.Duration
}

// ErrScope is a scope that says too little.
var ErrScope = errors.New("reconciliation: the scope is incomplete")

func (s Scope) complete() (Scope, error) {
	switch {
	case !s.Source.Known():
		return s, fmt.Errorf("%w: the source %.30q is not known", ErrScope, s.Source)
	case s.Currency == "":
		return s, fmt.Errorf("%w: no currency", ErrScope)
	case s.Period.From.IsZero() || !s.Period.From.Before(s.Period.Until):
		return s, fmt.Errorf("%w: the period is empty", ErrScope)
	case s.Channel == 0 && s.Source != SourceBank:
		return s, fmt.Errorf("%w: no channel", ErrScope)
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	for _, d := range [...]struct {
		span  *time.Duration
		usual time.Duration
	}{{&s.Skew, DefaultSkew}, {&s.Late, DefaultLate}, {&s.Slack, DefaultSlack}, {&s.Settling, DefaultSettling}, {&s.Transit, DefaultTransit}} {
		if *d.span < 0 {
			return s, fmt.Errorf("%w: a negative span", ErrScope)
		}
		if *d.span == 0 {
			*d.span = d.usual
		}
	}
	return s, nil
}

// never is the time of what has not happened.
const never = -1 << 62

// milli is t in milliseconds since 1970, never for the zero time.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

func (s Scope) inPeriod(at int64) bool {
	return at != never && at >= s.Period.From.UnixMilli() && at < s.Period.Until.UnixMilli()
}
