package projections

import (
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/benfex/kipay/projections/projectionstest"
)

// until polls what tells nobody when it comes about.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := projectionstest.Within(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("it did not come about: %s", what)
		}
	}
}

func namedText(name, value string) driver.NamedValue { return clickhouse.Named(name, value) }

func namedNumber(name string, value uint64) driver.NamedValue { return clickhouse.Named(name, value) }

func newID() uuid.UUID { return uuid.New() }

func isUndecodable(err error) bool {
	var e *UndecodableError
	return errors.As(err, &e)
}
