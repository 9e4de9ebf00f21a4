// Package server says how to connect to ClickHouse servers: what a DSN may hold, the hosts that are tried one after the
// other, TLS, and the pool. What is asked of them is the business of projections.
package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/projections"
)

// Config is what an operator says.
type Config struct {
	// DSN is clickhouse://, http:// or https://, with one host or several, separated by commas, which are tried in that
	// order.
	DSN string
	// CAFile is a file of certificates in PEM, the only ones that are trusted; empty trusts those of the machine.
	CAFile string
	// Cluster is the name of the cluster that the hosts belong to, empty for a single server.
	Cluster string
}

const (
	// tables is the database, which the statements name themselves.
	tables = "kipay"
	// A list asks two questions at once, and a projection inserts into five tables; the rest queues. As many connections
	// as on the embedded engine.
	maxOpen = 32
	maxIdle = 16
	// dialTimeout is how long one host may take before the next one is tried.
	dialTimeout = 5 * time.Second
	// readTimeout is for what has no deadline of its own, such as the statements of a rebuild.
	readTimeout = 5 * time.Minute
	// maxLifetime is when a connection is made anew: after an outage all go back to the first host within that time.
	maxLifetime = 10 * time.Minute
)

// Problems with a DSN. None quotes it: it may hold a password.
var (
	ErrDSN      = errors.New("must be clickhouse://, http:// or https://, then [USER:PASSWORD@]HOST[:PORT][,HOST…][/kipay][?SETTINGS]; write special characters of the password as %XX")
	ErrDatabase = errors.New("the database is always kipay: leave it out or name that one")
	ErrNeedsTLS = errors.New("a CA file needs TLS: an https:// DSN, or clickhouse:// with secure=true")
	errNoCA     = errors.New("there is no certificate in PEM form in it")
)

// schemes are those of a DSN, with the ports that are meant where none is named, plain and over TLS.
func schemes() map[string][2]string {
	return map[string][2]string{"clickhouse": {"9000", "9440"}, "http": {"8123", "8443"}, "https": {"8443", "8443"}}
}

// clusterName is what clusters may be called: the name is part of statements.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// CheckCluster says whether a cluster may be called so.
func CheckCluster(name string) error {
	if !clusterName.MatchString(name) {
		return errors.New("must be the name of a cluster in the servers' configuration: letters, digits, _, . and -")
	}
	return nil
}

// CheckDSN says what is wrong with a DSN, without quoting it.
func CheckDSN(dsn string) error {
	_, err := parse(dsn)
	return err
}

func parse(dsn string) (*clickhouse.Options, error) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	ports, known := schemes()[scheme]
	if !known || rest == "" {
		return nil, ErrDSN
	}
	if _, query, has := strings.Cut(rest, "?"); scheme == "https" && !strings.Contains("&"+query, "&secure=") {
		if !has {
			dsn += "?"
		}
		dsn += "&secure=true" // the driver wants it said twice
	}
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		var address *url.Error
		if errors.As(err, &address) {
			return nil, ErrDSN
		}
		return nil, err // about a parameter
	}
	if o.Auth.Database != "" && o.Auth.Database != tables {
		return nil, ErrDatabase
	}
	// Before the first migration it isn't there, and no server lets one in whose database is missing.
	o.Auth.Database = ""
	port := ports[0]
	if o.TLS != nil {
		port = ports[1]
	}
	for i, host := range o.Addr {
		if host == "" || strings.ContainsAny(host, "/@ ") {
			return nil, ErrDSN
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			o.Addr[i] = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
	}
	o.Debug = false //nolint:staticcheck // deprecated, and still shows what is asked for on standard output
	return o, nil
}

// Options are what clickhouse.Open needs. Settings in the DSN win over those that the projections rely on.
func Options(c Config) (*clickhouse.Options, error) {
	o, err := parse(c.DSN)
	if err != nil {
		return nil, err
	}
	settings := projections.Settings(c.Cluster)
	for name, value := range o.Settings {
		settings[name] = value
	}
	o.Settings = settings
	if o.Compression == nil {
		// Rows are columns of like values; LZ4 makes a tenth of them and costs next to nothing.
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	if o.MaxOpenConns == 0 {
		o.MaxOpenConns = maxOpen
	}
	if o.MaxIdleConns == 0 {
		o.MaxIdleConns = min(maxIdle, o.MaxOpenConns)
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&o.DialTimeout, dialTimeout}, {&o.ReadTimeout, readTimeout}, {&o.ConnMaxLifetime, maxLifetime}} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	if o.TLS != nil {
		o.TLS.MinVersion = tls.VersionTLS12
	}
	if c.CAFile == "" {
		return o, nil
	}
	if o.TLS == nil {
		return nil, ErrNeedsTLS
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("CA file: %w", err)
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("CA file %s: %w", c.CAFile, errNoCA)
	}
	return o, nil
}
