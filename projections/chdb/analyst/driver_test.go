package analyst

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// open connects as documentation tells analysts to.
func (p *port) open(token string, change func(*clickhouse.Options)) driver.Conn {
	p.t.Helper()
	options := &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{p.address},
		Auth:     clickhouse.Auth{Database: "kipay_analytics", Username: "analyst", Password: token},
	}
	if change != nil {
		change(options)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return conn
}

func TestTheGoDriver(t *testing.T) {
	p := listen(t, nil)
	for name, change := range map[string]func(*clickhouse.Options){
		"plain": nil,
		"LZ4": func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		},
		"ZSTD": func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionZSTD}
		},
		"gzip": func(o *clickhouse.Options) {
			o.Compression, o.Settings = &clickhouse.Compression{Method: clickhouse.CompressionGZIP}, clickhouse.Settings{"enable_http_compression": 1}
		},
		"no database": func(o *clickhouse.Options) { o.Auth.Database = "" },
		"a setting": func(o *clickhouse.Options) {
			o.Settings = clickhouse.Settings{"max_block_size": 1000, "max_execution_time": 10}
		},
	} {
		conn := p.open(tokenFinance, change)
		if err := conn.Ping(within(t)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		version, err := conn.ServerVersion()
		if err != nil || version.Version.Major < 24 {
			t.Errorf("%s: %v %v", name, version, err)
		}
		var n uint64
		var email string
		if err := conn.QueryRow(within(t), "SELECT count(), any(email) FROM payments WHERE id < {below:Int64}", clickhouse.Named("below", 100)).Scan(&n, &email); err != nil || n != 100 || email != "***" {
			t.Errorf("%s: %d %s %v", name, n, email, err)
		}
		rows, err := conn.Query(within(t), "SELECT id, amount FROM payments ORDER BY id")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		next := int64(0)
		for rows.Next() {
			var id, amount int64
			if err := rows.Scan(&id, &amount); err != nil || id != next || amount != id*100 {
				t.Fatalf("%s: %d %d %v", name, id, amount, err)
			}
			next++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || next != 20_000 {
			t.Errorf("%s: %d rows, %v", name, next, err)
		}
		for sql, code := range map[string]int32{
			"SELECT * FROM kipay.payments_g1": 497, "DROP TABLE kipay.payments_g1": 164, "SELECT * FROM nothing": 60, "SELECT throwIf(1)": 395,
		} {
			var e *clickhouse.Exception
			if err := conn.Exec(within(t), sql); !errors.As(err, &e) || e.Code != code {
				t.Errorf("%s: %s: %v, want code %d", name, sql, err, code)
			}
		}
		late, err := conn.Query(within(t), "SELECT number, throwIf(number = 1000000) FROM numbers(2000000)")
		if err == nil {
			for late.Next() {
				continue
			}
			err = errors.Join(late.Err(), late.Close())
		}
		var e *clickhouse.Exception
		if !errors.As(err, &e) || e.Code != 395 {
			t.Errorf("%s: an error in the middle: %v", name, err)
		}
	}
	var e *clickhouse.Exception
	if err := p.open("kpa_wrong", nil).Ping(within(t)); !errors.As(err, &e) || e.Code != 516 {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestTheGoDriverByDatabaseSQL(t *testing.T) {
	p := listen(t, nil)
	db, err := sql.Open("clickhouse", fmt.Sprintf("http://analyst:%s@%s/kipay_analytics_personal", tokenPersonal, p.address))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var email string
	if err := db.QueryRowContext(within(t), "SELECT email FROM payments WHERE id = ?", 12).Scan(&email); err != nil || email != "wanjiku12@example.com" {
		t.Errorf("%q %v", email, err)
	}
	// What tools ask to show what there is.
	for _, statement := range []string{
		"SELECT name FROM system.databases", "SELECT name, engine, comment FROM system.tables WHERE database = 'kipay_analytics'", "SELECT name, type, comment FROM system.columns WHERE table = 'payments'",
		"SHOW TABLES FROM kipay_analytics", "DESCRIBE TABLE kipay_analytics.payments", "SELECT timezone()", "SELECT version()", "SELECT name FROM system.functions LIMIT 5", "SELECT name, value FROM system.settings LIMIT 5",
		"SELECT currentUser(), currentDatabase()",
	} {
		rows, err := db.QueryContext(within(t), statement)
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", statement, n, err)
		}
	}
}

func TestTheGoDriversDeadlineStopsAStatement(t *testing.T) {
	p := listen(t, func(o *Options) { o.Limits.RowsToRead = 1e15 })
	conn := p.open(tokenFinance, nil)
	ctx, cancel := context.WithTimeout(within(t), time.Second)
	defer cancel()
	if err := conn.Exec(ctx, "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number, 3) = 5"); err == nil {
		t.Error("it was answered")
	}
	eventually(t, "it is stopped in the engine", func() bool {
		return p.own("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number, 3)%' AND query NOT LIKE '%processes%'") == "0\n"
	})
}
