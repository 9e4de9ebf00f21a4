package analyst

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"time"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/projections/chdb"
)

// ErrUnknownToken is what Authenticate gives for a token that is not known, or not any more.
var ErrUnknownToken = errors.New("unknown token")

// Analyst is who a token stands for.
type Analyst struct {
	// ID tells the token from others of the same name.
	ID string
	// Name says who it is in logs and in the audit: an id or a name that was given to the token, not personal data.
	Name string
	// MerchantID, unless 0, is the only merchant whose rows are shown.
	MerchantID int64
	// MayReadPersonal opens the database with personal data.
	MayReadPersonal bool
}

// Engine is the child that holds the engine: a *chdb.Supervisor.
type Engine interface {
	DialContext(ctx context.Context, address string) (net.Conn, error)
	Ready() bool
}

// Observation is one statement that an analyst has asked, for the audit.
type Observation struct {
	Analyst Analyst
	// From is the address that it came from.
	From string
	// Statement is a keyed hash of its text: the same for the same text, and no way back.
	Statement string
	// Tables are the tables and views that it reads, as database.name; Personal says that one of them shows personal data.
	Tables   []string
	Personal bool
	// Denied says that it asked for what it may not have. Code is ClickHouse's number of the error that it ended with, 0
	// for none. Complete says that the whole answer was handed over.
	Denied   bool
	Code     int
	Complete bool
	// Rows and Bytes are what was answered. Rows are 0 where the engine does not say.
	Rows, Bytes uint64
	At          time.Time
	Elapsed     time.Duration
}

// Limits bound one token. A zero takes the default beside it.
type Limits struct {
	// Concurrent (2) statements of a token run at once, Queue (16) wait, each for QueueTimeout (20 s) at most.
	Concurrent, Queue int
	QueueTimeout      time.Duration
	// PerMinute (300) statements are taken.
	PerMinute int
	// Time (30 s) is how long a statement may run, its answer included; RowsToRead (200 million), ResultRows (10 million)
	// and ResultBytes (2 GiB) what it may read and answer.
	Time        time.Duration
	RowsToRead  uint64
	ResultRows  uint64
	ResultBytes uint64
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value *int
		or    int
	}{{&l.Concurrent, 2}, {&l.Queue, 16}, {&l.PerMinute, 300}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&l.QueueTimeout, 20 * time.Second}, {&l.Time, 30 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	for _, d := range []struct {
		value *uint64
		or    uint64
	}{{&l.RowsToRead, 200_000_000}, {&l.ResultRows, 10_000_000}, {&l.ResultBytes, 2 << 30}} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	return l
}

// Options say what the port is wired to. Engine, Authenticate and Database have to be set.
type Options struct {
	Engine Engine
	// Authenticate gives who a token stands for: ErrUnknownToken, or another error when it could not find out.
	Authenticate func(ctx context.Context, token string) (Analyst, error)
	// Observe, if set, is told of every statement when it is over, and of those that were refused. Its context outlives the
	// request. It should be quick, or hand over.
	Observe func(ctx context.Context, o Observation)
	// Database holds the views that every token may read, without personal data; PersonalDatabase, if set, those for
	// analysts that may see it.
	Database, PersonalDatabase string
	Limits                     Limits
	// HashKey keys the hash of statements; without one a key is made for the life of the process.
	HashKey []byte
	// MaxConnections (256) is how many connections are taken at once.
	MaxConnections int
	// StallTimeout (60 s) is how long a client may neither send nor take data.
	StallTimeout time.Duration
	// StopTimeout (10 s) is how long statements may go on after the end was asked for.
	StopTimeout time.Duration
	Now         func() time.Time // the clock; nil is time.Now
	Log         zerolog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Engine == nil || o.Authenticate == nil || o.Database == "" {
		return o, errors.New("analyst: an engine, a way to authenticate and a database have to be given")
	}
	o.Limits = o.Limits.withDefaults()
	if len(o.HashKey) == 0 {
		o.HashKey = make([]byte, 32)
		_, _ = rand.Read(o.HashKey) // never fails
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 256
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = time.Minute
	}
	if o.StopTimeout <= 0 {
		o.StopTimeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(context.Context, Observation) {}
	}
	// What cannot be granted is found at start.
	return o, o.grant(Analyst{MayReadPersonal: true}).Write(map[string][]string{})
}

// grant is what an analyst may read and use.
func (o Options) grant(who Analyst) chdb.Grant {
	g := chdb.Grant{
		Databases: []string{o.Database}, MerchantID: who.MerchantID,
		MaxSeconds: o.Limits.Time.Seconds(), MaxRowsToRead: o.Limits.RowsToRead, MaxResultRows: o.Limits.ResultRows, MaxResultBytes: o.Limits.ResultBytes,
	}
	if who.MayReadPersonal && o.PersonalDatabase != "" {
		g.Databases = append(g.Databases, o.PersonalDatabase)
	}
	return g
}
