package chdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"
)

// payment has a column of every kind that the read models use.
type payment struct {
	Reference string          `ch:"reference"`
	Mode      string          `ch:"mode"`
	Status    string          `ch:"status"`
	Amount    decimal.Decimal `ch:"amount"`
	Minor     int64           `ch:"minor"`
	Position  uint64          `ch:"position"`
	Tags      []string        `ch:"tags"`
	Receipt   *string         `ch:"receipt"`
	Hash      string          `ch:"hash"`
	At        time.Time       `ch:"at"`
}

const paymentsTable = `CREATE TABLE payments (
	reference String,
	mode LowCardinality(String),
	status Enum8('pending' = 1, 'completed' = 2),
	amount Decimal(18, 4),
	minor Int64,
	position UInt64,
	tags Array(String),
	receipt Nullable(String),
	hash FixedString(4),
	at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(position) ORDER BY reference SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`

func TestEveryTypeComesBackAsItWasWritten(t *testing.T) {
	conn := engine(t)
	mustExec(t, conn, paymentsTable)
	receipt := "QGR7I8K2LM"
	want := []payment{
		{
			Reference: "a", Mode: "live", Status: "completed", Amount: decimal.RequireFromString("-12345678901234.5678"), Minor: -9223372036854775808,
			Position: 18446744073709551615, Tags: []string{"x", "", "it's", "ünï\x00"}, Receipt: &receipt, Hash: "\x00\xff\x01z",
			At: time.Date(2026, 7, 1, 12, 30, 15, 123e6, time.UTC),
		},
		{Reference: "b", Mode: "test", Status: "pending", Amount: decimal.RequireFromString("0.0001"), Tags: []string{}, Hash: "abcd", At: time.Unix(0, 0).UTC()},
	}
	batch, err := conn.PrepareBatch(within(t), "INSERT INTO payments")
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if err := batch.AppendStruct(&want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var got []payment
	if err := conn.Select(within(t), &got, "SELECT * FROM payments FINAL ORDER BY reference"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestParametersCarryAnyBytes(t *testing.T) {
	conn := engine(t)
	for _, want := range []string{
		"", "plain", `it's "quoted" \ back\slash`, "ünïcode 🏦 \u00a0", "tab\tnew\nline\r", "nul\x00in\x00side", "not utf-8 \xff\xfe", `\N`, `{a:String}`,
		strings.Repeat("long ", 100_000),
	} {
		if got := one[string](t, conn, "SELECT {value:String}", clickhouse.Named("value", want)); got != want {
			t.Errorf("%.40q came back as %.40q", want, got)
		}
	}
	if got := one[[]string](t, conn, "SELECT {v:Array(String)}", clickhouse.Named("v", []string{"it's", "b"})); !cmp.Equal(got, []string{"it's", "b"}) {
		t.Errorf("an array came back as %q", got)
	}
	if got := one[uint8](t, conn, "SELECT {v:Nullable(String)} IS NULL", clickhouse.Named("v", nil)); got != 1 {
		t.Error("NULL did not come through")
	}
}

func TestAParameterIsNeverSQL(t *testing.T) {
	conn := engine(t)
	mustExec(t, conn, "CREATE TABLE secrets (id Int64, v String) ENGINE = MergeTree ORDER BY id")
	mustExec(t, conn, "INSERT INTO secrets VALUES (1, 'one'), (2, 'two')")
	for _, attack := range []string{"one' OR '1'='1", `\' OR 1=1 --`, "one'; DROP TABLE secrets; --", "one') UNION ALL SELECT v FROM secrets --"} {
		if n := one[uint64](t, conn, "SELECT count() FROM secrets WHERE v = {v:String}", clickhouse.Named("v", attack)); n != 0 {
			t.Errorf("%q found %d rows", attack, n)
		}
		// The driver's own binding writes the value into the text.
		if n := one[uint64](t, conn, "SELECT count() FROM secrets WHERE v = ?", attack); n != 0 {
			t.Errorf("%q found %d rows", attack, n)
		}
	}
	if n := one[uint64](t, conn, "SELECT count() FROM secrets"); n != 2 {
		t.Errorf("%d rows are left", n)
	}
}

func TestErrorsCarryClickHousesCode(t *testing.T) {
	conn := engine(t)
	mustExec(t, conn, "CREATE TABLE numbers3 (n UInt8) ENGINE = MergeTree ORDER BY n")
	for _, c := range []struct {
		sql  string
		code int32
	}{
		{"SELECT * FROM nowhere", 60},
		{"SELEC 1", codeSyntaxError},
		{"SELECT 1; SELECT 2", codeSyntaxError},
		{"CREATE TABLE numbers3 (n UInt8) ENGINE = MergeTree ORDER BY n", 57},
		{"SELECT throwIf(1)", 395},
		{"SET max_threads = 1", codeNotImplemented},
		{"SELECT 1 INTO OUTFILE '/tmp/kipay-outfile'", codeNotImplemented},
		{"INSERT INTO FUNCTION file('/tmp/kipay-outfile', 'CSV', 'a Int8') SELECT 1", codeNotImplemented},
		{"SELECT * FROM file('/etc/passwd', 'LineAsString')", codeAccessDenied},
		{"SELECT file('/etc/passwd')", codeAccessDenied},
		{"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 's String')", codeReadonly},
		{"SELECT * FROM default.`/etc/passwd`", codeReadonly},
	} {
		err := conn.Exec(within(t), c.sql)
		var e *clickhouse.Exception
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v, want code %d", c.sql, err, c.code)
		}
	}
	_, err := conn.PrepareBatch(within(t), "INSERT INTO nowhere")
	var e *clickhouse.Exception
	if !errors.As(err, &e) || e.Code != 60 {
		t.Errorf("batch for an unknown table: %v", err)
	}
}

func TestAnErrorInTheMiddleOfAResultIsSeen(t *testing.T) {
	conn := engine(t)
	rows, err := conn.Query(within(t), "SELECT number, throwIf(number = 5000000) FROM numbers(10000000)")
	n := 0
	if err == nil {
		for rows.Next() {
			n++
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	var e *clickhouse.Exception
	if !errors.As(err, &e) || e.Code != 395 {
		t.Errorf("after %d rows: %v, want code 395", n, err)
	}
	if n == 0 {
		t.Error("the rows before the error did not come: the result was not streamed")
	}
}

func TestAHundredThousandRowsInAndOut(t *testing.T) {
	const rows = 100_000
	conn := engine(t)
	mustExec(t, conn, paymentsTable)
	insertPayments(t, conn, 0, rows)
	result, err := conn.Query(within(t), "SELECT reference, minor FROM payments ORDER BY minor")
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	for result.Next() {
		var reference string
		var minor int64
		if err := result.Scan(&reference, &minor); err != nil {
			t.Fatal(err)
		}
		if minor != next || reference != fmt.Sprintf("reference-%d", next) {
			t.Fatalf("row %d is %q %d", next, reference, minor)
		}
		next++
	}
	if err := errors.Join(result.Err(), result.Close()); err != nil || next != rows {
		t.Errorf("%d rows, %v", next, err)
	}
}

func insertPayments(t testing.TB, conn clickhouse.Conn, from, n int) {
	t.Helper()
	if err := sendPayments(within(t), conn, from, n); err != nil {
		t.Fatal(err)
	}
}

func sendPayments(ctx context.Context, conn clickhouse.Conn, from, n int) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO payments")
	if err != nil {
		return err
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for i := from; i < from+n; i++ {
		err := batch.Append(fmt.Sprintf("reference-%d", i), "live", "pending", decimal.New(int64(i), -2), int64(i), uint64(i), []string{"a"}, nil, "hash", at)
		if err != nil {
			return errors.Join(err, batch.Abort())
		}
	}
	return batch.Send()
}

func TestReadersAndAWriterAtOnce(t *testing.T) {
	const batches, size = 20, 500
	conn := engine(t)
	mustExec(t, conn, paymentsTable)
	group, ctx := errgroup.WithContext(within(t))
	written := make(chan struct{})
	group.Go(func() error {
		defer close(written)
		for i := range batches {
			if err := sendPayments(ctx, conn, i*size, size); err != nil {
				return fmt.Errorf("batch %d: %w", i, err)
			}
		}
		return nil
	})
	for range 12 { // more than there are connections
		group.Go(func() error {
			for last := uint64(0); ; {
				var n uint64
				if err := conn.QueryRow(ctx, "SELECT count() FROM payments").Scan(&n); err != nil {
					return err
				}
				if n < last || n%size != 0 {
					return fmt.Errorf("%d rows after %d: a batch shows in parts", n, last)
				}
				last = n
				select {
				case <-written:
					return nil
				default:
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := one[uint64](t, conn, "SELECT count() FROM payments"); n != batches*size {
		t.Errorf("%d rows", n)
	}
}

func TestSettingsAndDatabaseHoldForTheirRequestOnly(t *testing.T) {
	s := supervise(t, shortDir(t))
	conn := open(t, s)
	mustExec(t, conn, "CREATE DATABASE other")
	options := s.Options("other")
	options.Settings = clickhouse.Settings{"max_block_size": 7}
	other, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	const what = "SELECT currentDatabase() || ' ' || toString(getSetting('max_block_size'))"
	for range 20 { // they share the child's connections
		if got := one[string](t, other, what); got != "other 7" {
			t.Fatalf("other: %s", got)
		}
		if got := one[string](t, conn, what); !strings.HasPrefix(got, "kipay 65") {
			t.Fatalf("kipay: %s", got)
		}
	}
	for settings, code := range map[string]int32{"no_such_setting": 115, "max_threads": 36} {
		ctx := clickhouse.Context(within(t), clickhouse.WithSettings(clickhouse.Settings{settings: "bogus"}))
		var e *clickhouse.Exception
		if err := conn.Exec(ctx, "SELECT 1"); !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: %v, want code %d", settings, err, code)
		}
	}
	options = s.Options("nowhere")
	lost, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lost.Close() })
	var e *clickhouse.Exception
	if err := lost.Exec(within(t), "SELECT 1"); !errors.As(err, &e) || e.Code != 81 {
		t.Errorf("an unknown database: %v", err)
	}
}

func TestAReadOfNothingHasNoRows(t *testing.T) {
	conn := engine(t)
	mustExec(t, conn, paymentsTable)
	var got []payment
	if err := conn.Select(within(t), &got, "SELECT * FROM payments"); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
}
