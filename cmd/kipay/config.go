package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/ulule/limiter/v3"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/esdb"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections/server"
)

// errRedisURL never quotes the setting: it may hold a password.
var errRedisURL = errors.New("must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], or rediss:// for TLS")

// storeEmbedded is the setting for the event store in the data folder.
const storeEmbedded = "embedded"

// config is what may be set.
type config struct {
	HTTPAddr          string
	DataDir           string
	PublicURL         string
	EventStore        string
	Roles             roles
	ClickHouse        string
	ClickHouseCluster string
	ClickHouseCA      string
	ChDBLib           string
	MasterKey         string
	MasterKeyCommand  []string
	RedisURL          string
	RateLimit         string
	MpesaSandbox      string
	MpesaLive         string
	PaystackURL       string
	Sandbox           bool
	SandboxAddr       string
	SandboxSpeed      float64
	TrustedProxies    []netip.Prefix
	ProviderNets      []netip.Prefix
	CheckoutWindow    time.Duration
	PushWindow        time.Duration
	StatusAfter       time.Duration
	C2BWait           time.Duration
	DisputePoll       time.Duration
	PullEvery         time.Duration
	AnalystAddr       string
	ProofsOrigin      string
	HeadEvery         time.Duration
	Witnesses         []witnessSetting
	EngineMemory      int64
	LogLevel          zerolog.Level

	// clock and disk are no settings: a demonstration brings its own. Nil are the machine's.
	clock func() time.Time
	disk  vfs.FS
}

// now is the node's clock.
func (c *config) now() time.Time {
	if c.clock != nil {
		return c.clock()
	}
	return time.Now()
}

// remote tells whether the event store is a server, which other nodes may use too.
func (c *config) remote() bool { return c.EventStore != storeEmbedded }

// setting is one line of docs/configuration.md.
type setting struct {
	name    string // KIPAY_… without the prefix; the flag is the same in lower case with dashes
	value   string // default, as it would be written
	meaning string
	secret  bool // no flag: command lines are visible to others
	set     func(c *config, v string) error
}

func (s setting) env() string     { return "KIPAY_" + s.name }
func (s setting) fileEnv() string { return s.env() + "_FILE" }
func (s setting) flag() string    { return strings.ToLower(strings.ReplaceAll(s.name, "_", "-")) }

// settings are all of them, in the order in which the reference lists them.
func settings() []setting {
	return []setting{
		{"HTTP_ADDR", "127.0.0.1:8080", "address to listen on, host:port", false, func(c *config, v string) error {
			c.HTTPAddr = v
			return checkAddr(v)
		}},
		{"DATA_DIR", "./data", "folder of the event log, keys and read models; one process owns it", false, func(c *config, v string) (err error) {
			c.DataDir, err = filepath.Abs(v)
			return err
		}},
		{"PUBLIC_URL", "", "where payers and providers reach this install, http(s)://host[:port][/path]; default the address it listens on", false, func(c *config, v string) error {
			c.PublicURL = strings.TrimRight(v, "/")
			return checkURL(v)
		}},
		{"EVENTSTORE", storeEmbedded, "event store: embedded, or the connection string of an EventStoreDB or KurrentDB, esdb://[USER:PASSWORD@]HOST[:PORT][,…][?SETTINGS]", true, func(c *config, v string) error {
			c.EventStore = v
			if v == storeEmbedded {
				return nil
			}
			if !esdb.IsConnection(v) {
				return errors.New("must be embedded, or a connection string that begins with esdb:// or kurrentdb://")
			}
			return esdb.CheckConnection(v)
		}},
		{"ROLES", "api,projector,reactor", "what this node does: api (and callbacks, pages), projector (writes the read models), reactor (asks after pushes, expires), separated by commas; of several nodes one at a time projects and one reacts, and the others stand by", false, func(c *config, v string) (err error) {
			c.Roles, err = parseRoles(v)
			return err
		}},
		{"CLICKHOUSE", clickHouseEmbedded, "read models: embedded, or the DSN of one ClickHouse server or several that are tried in order, clickhouse://[USER:PASSWORD@]HOST[:PORT][,…][?SETTINGS], http://… or https://…", true, func(c *config, v string) error {
			c.ClickHouse = v
			return checkClickHouse(v)
		}},
		{"CLICKHOUSE_CLUSTER", "", "name of the ClickHouse servers' cluster: tables are replicated, and with several shards split by merchant; none for a single server", false, func(c *config, v string) error {
			c.ClickHouseCluster = v
			return server.CheckCluster(v)
		}},
		{"CLICKHOUSE_CA_FILE", "", "certificates in PEM, the only ones that are trusted of ClickHouse servers; default the machine's", false, func(c *config, v string) error {
			c.ClickHouseCA = v
			return nil
		}},
		{"CHDB_LIB", "", "path of libchdb.so; default where make deps put it, in the user's cache folder", false, func(c *config, v string) error {
			c.ChDBLib = v
			return nil
		}},
		{"MASTER_KEY", "", "master key: 32 bytes in base64, the current one first, older ones after a comma; default a file master.key in the data folder, made on the first start", true, func(c *config, v string) error {
			c.MasterKey = v
			_, err := eventstore.ParseMasterKeys(v)
			return err
		}},
		{"MASTER_KEY_COMMAND", "", "a program and its arguments, separated by spaces and without a shell, that prints the master key as KIPAY_MASTER_KEY takes it: how a KMS or a vault gives it; it has 30 s", false, func(c *config, v string) error {
			c.MasterKeyCommand = strings.Fields(v)
			return nil
		}},
		{"REDIS_URL", "", "Redis for rate limits shared between nodes, redis://[USER:PASSWORD@]HOST[:PORT][/DB] or rediss://…; each node counts in its memory when empty, and while Redis is away", true, func(c *config, v string) error {
			c.RedisURL = v
			if _, err := redis.ParseURL(v); err != nil {
				return errRedisURL
			}
			return nil
		}},
		{"ANALYST_ADDR", "", "address, host:port, at which analysts ask the embedded ClickHouse in SQL with tokens of their own; none when empty", false, func(c *config, v string) error {
			c.AnalystAddr = v
			return checkAddr(v)
		}},
		{"PROOFS_ORIGIN", "", "name of the log in signed heads and receipts; default the public URL's host and /kipay. Once a head is signed the name stays", false, func(c *config, v string) error {
			c.ProofsOrigin = v
			return transparency.CheckOrigin(v)
		}},
		{"HEAD_EVERY", "10s", "how often a head of the log is signed while events are added; 100 ms to a day", false, func(c *config, v string) error {
			return parseDuration(v, 100*time.Millisecond, 24*time.Hour, &c.HeadEvery)
		}},
		{"WITNESSES", "", "witnesses that cosign heads (C2SP tlog-witness), separated by commas: each the URL of its submissions, a space, and its verifier key", false, func(c *config, v string) (err error) {
			c.Witnesses, err = parseWitnesses(v)
			return err
		}},
		{"RATE_LIMIT", "100-M", "requests per API key: a number, a dash, and S, M, H or D", false, func(c *config, v string) error {
			c.RateLimit = v
			if rate, err := limiter.NewRateFromFormatted(v); err != nil || rate.Limit < 1 {
				return errors.New("must be like 100-M: a number, a dash, and S, M, H or D")
			}
			return nil
		}},
		{"MPESA_SANDBOX_URL", "", "Daraja's sandbox; default Safaricom's own", false, func(c *config, v string) error {
			c.MpesaSandbox = v
			return checkURL(v)
		}},
		{"MPESA_PRODUCTION_URL", "", "Daraja's production; default Safaricom's own", false, func(c *config, v string) error {
			c.MpesaLive = v
			return checkURL(v)
		}},
		{"PAYSTACK_URL", "", "Paystack; default Paystack's own", false, func(c *config, v string) error {
			c.PaystackURL = v
			return checkURL(v)
		}},
		{"SANDBOX", "false", "run simulators of M-Pesa and Paystack, point the sandbox URLs at them, and make a demo merchant on the first start", false, func(c *config, v string) (err error) {
			if c.Sandbox, err = strconv.ParseBool(v); err != nil {
				return errors.New("must be true or false")
			}
			return nil
		}},
		{"SANDBOX_ADDR", "127.0.0.1:8090", "address of the simulators, host:port", false, func(c *config, v string) error {
			c.SandboxAddr = v
			return checkAddr(v)
		}},
		{"SANDBOX_SPEED", "1", "how many times faster than the providers the simulators are", false, func(c *config, v string) (err error) {
			if c.SandboxSpeed, err = strconv.ParseFloat(v, 64); err != nil || !(c.SandboxSpeed > 0 && c.SandboxSpeed <= 1e6) { // NaN is neither
				return errors.New("must be a number above 0 and at most 1000000")
			}
			return nil
		}},
		{"TRUSTED_PROXIES", "", "networks whose X-Forwarded-For is believed, as addresses or CIDR, separated by commas", false, func(c *config, v string) (err error) {
			c.TrustedProxies, err = parseNetworks(v)
			return err
		}},
		{"PROVIDER_NETWORKS", "", "networks that callbacks are taken from (the word safaricom+paystack means those they publish); any when empty", false, func(c *config, v string) (err error) {
			c.ProviderNets, err = parseNetworks(v)
			return err
		}},
		{"CHECKOUT_WINDOW", "24h", "how long a checkout waits for its payment", false, func(c *config, v string) error {
			return parseDuration(v, time.Minute, 90*24*time.Hour, &c.CheckoutWindow)
		}},
		{"PUSH_WINDOW", "15m", "how long a push is asked after before it counts as expired", false, func(c *config, v string) error {
			return parseDuration(v, time.Second, 2*time.Hour, &c.PushWindow)
		}},
		{"STATUS_QUERY_AFTER", "20s", "when a pending push is first asked after", false, func(c *config, v string) error {
			return parseDuration(v, 100*time.Millisecond, time.Hour, &c.StatusAfter)
		}},
		{"C2B_WAIT", "15s", "how long a customer's own payment that fits a pending push waits for the push's answer", false, func(c *config, v string) error {
			return parseDuration(v, 0, 10*time.Minute, &c.C2BWait)
		}},
		{"DISPUTE_POLL", "1h", "how often the card provider is asked for disputes, besides what its webhooks tell", false, func(c *config, v string) error {
			return parseDuration(v, 100*time.Millisecond, 24*time.Hour, &c.DisputePoll)
		}},
		{"PULL_EVERY", "30m", "how often M-Pesa is asked for the payments of the channels that are to be pulled (kipay channel pull), besides what it confirms by itself; 100 ms to a day, 0 for never", false, func(c *config, v string) error {
			if v == "0" {
				c.PullEvery = 0
				return nil
			}
			return parseDuration(v, 100*time.Millisecond, 24*time.Hour, &c.PullEvery)
		}},
		{"ENGINE_MEMORY_MB", "1024", "memory limit of the embedded ClickHouse engine, in MiB", false, func(c *config, v string) error {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 256 || n > 1<<20 {
				return errors.New("must be a whole number from 256 to 1048576")
			}
			c.EngineMemory = n << 20
			return nil
		}},
		{"LOG_LEVEL", "info", "debug, info, warn or error", false, func(c *config, v string) (err error) {
			if c.LogLevel, err = zerolog.ParseLevel(v); err != nil || v == "" {
				return errors.New("must be debug, info, warn or error")
			}
			return nil
		}},
	}
}

// addSettings gives the command a flag for every setting.
func addSettings(cmd *cobra.Command) {
	for _, s := range settings() {
		if !s.secret {
			cmd.Flags().String(s.flag(), "", s.meaning+" ("+s.env()+", default "+orNone(s.value)+")")
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// readConfig reads flags and variables; wrong values stop, each with its name and what it may be. warn is told of KIPAY_*
// names that nobody knows: orchestrators inject their own.
func readConfig(cmd *cobra.Command, environ []string, warn func(string)) (*config, error) {
	c := &config{}
	env := map[string]string{}
	known := map[string]bool{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "KIPAY_") {
			env[name] = value
		}
	}
	var wrong []error
	for _, s := range settings() {
		known[s.env()] = true
		if s.secret {
			known[s.fileEnv()] = true
			if err := s.readFile(env); err != nil {
				wrong = append(wrong, err)
				continue
			}
		}
		v, from := env[s.env()], s.env()
		if f := cmd.Flags().Lookup(s.flag()); f != nil && f.Changed {
			v, from = f.Value.String(), "--"+s.flag()
		}
		if v == "" {
			if v = s.value; v == "" {
				continue // empty means unset
			}
		}
		if err := s.set(c, v); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", from, err))
		}
	}
	var unknown []string
	for name := range env {
		if !known[name] && !strings.HasPrefix(name, "KIPAY_TEST_") && !strings.HasPrefix(name, "KIPAY_CRASH_") {
			unknown = append(unknown, name)
		}
	}
	sort.Strings(unknown)
	for _, name := range unknown {
		warn(name)
	}
	if len(wrong) == 0 { // what the settings say together
		if _, err := clickHouseServer(c); err != nil {
			wrong = append(wrong, err)
		}
		if err := c.checkRoles(); err != nil {
			wrong = append(wrong, fmt.Errorf("KIPAY_ROLES: %w", err))
		}
		if c.MasterKey != "" && len(c.MasterKeyCommand) > 0 {
			wrong = append(wrong, errors.New("KIPAY_MASTER_KEY_COMMAND: must not be set when KIPAY_MASTER_KEY is"))
		}
	}
	if len(wrong) > 0 {
		return nil, &exitError{exitUsage, errors.Join(wrong...)}
	}
	return c, nil
}

func checkAddr(v string) error {
	if _, port, err := net.SplitHostPort(v); err == nil {
		if n, err := strconv.Atoi(port); err == nil && n >= 0 && n <= 65535 {
			return nil
		}
	}
	return errors.New("must be host:port, such as 127.0.0.1:8080 or :8080")
}

func checkURL(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("must be an http:// or https:// address without user, query or fragment")
	}
	return nil
}

func parseNetworks(v string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		if s == "safaricom+paystack" {
			out = append(out, publishedNetworks()...)
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, errors.New("must be addresses or networks such as 10.0.0.0/8, separated by commas")
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func parseDuration(v string, least, most time.Duration, to *time.Duration) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > most {
		return fmt.Errorf("must be a duration such as 30s, 15m or 24h, from %s to %s", least, most)
	}
	*to = d
	return nil
}

// environ is the process's environment.
func environ() []string { return os.Environ() }
