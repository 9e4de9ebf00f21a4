package simulator

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/benfex/kipay/commands/delivery"
)

// Limits. Everything that a client can make grow has one.
const (
	maxBodyBytes            = 64 << 10
	maxEchoBytes            = 4 << 10 // of a merchant's reply kept in the delivery log
	maxTokens               = 10_000
	maxScripted             = 1_000
	maxRegistrations        = 1_000
	jobsPerTransaction      = 2                 // deliveries that may wait, for each transaction that is kept
	movementsPerTransaction = 2                 // movements of money that are kept, for each transaction that is kept
	maxOpeningBalance       = 1_000_000_000_000 // shillings
	defaultMaxTransactions  = 100_000
)

// Options of a Simulator. The zero value works: DefaultApps, real time, real timers, crypto/rand.
type Options struct {
	// Apps are the consumer keys that may log in, with their shortcodes. Default: DefaultApps.
	Apps []App
	// Speed divides every simulated delay: 1 is the pace of the real sandbox, 1000 makes 26 s into 26 ms. Token
	// lifetimes and the deadlines given to a merchant's server are not scaled. Default 1.
	Speed float64
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// AfterFunc is the timer: it calls f once, d from now, on another goroutine, unless stop is called before.
	// Default time.AfterFunc.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
	// Rand feeds ids, tokens and receipts. Default crypto/rand.
	Rand io.Reader
	// HTTPClient delivers callbacks. The default does not follow redirects and uses no proxy.
	HTTPClient *http.Client
	// Logger gets one line a delivery and a refused request. Default: none. No secret is logged.
	Logger *slog.Logger
	// Faults are the switches to start with; Reset returns to them.
	Faults Faults
	// MaxTransactions bounds the memory: beyond it the oldest are forgotten. Default 100,000.
	MaxTransactions int
	// OpeningBalance is what the utility account of every shortcode holds at the start, in shillings, at most 10^12. Default
	// 0: without payments or deposits, payouts end with "insufficient".
	OpeningBalance int64
	// Tariff is what M-Pesa charges; Reset returns to it. Default: nothing.
	Tariff Tariff
	// InitiatorKey opens initiators' passwords. Channels keep theirs encrypted for it, so that a sandbox that is started again
	// needs the same. Default: a new one.
	InitiatorKey *rsa.PrivateKey
	// CertificateLife is how long the certificate for initiators' passwords is good. Default a year.
	CertificateLife time.Duration
	// RequireHTTPS refuses http callback URLs as production does, except on loopback hosts. Default: sandbox rules.
	RequireHTTPS bool
	// AllowBannedWords drops the rule that callback URLs must not contain "mpesa" and the like (for installs whose
	// sandbox paths do).
	AllowBannedWords bool
	// OneTimeRegistration refuses a second C2B registration of a shortcode, as production does.
	OneTimeRegistration bool
}

// Simulator is one Daraja. Make it with New, serve Handler, and let Run deliver.
type Simulator struct {
	opts      Options
	log       *slog.Logger
	jobs      *delivery.Scheduler
	book      *delivery.Log[Delivery]
	random    *lockedReader
	scenarios map[string]Scenario // by name
	magic     map[string]Scenario // by MSISDN

	orderScenarios map[string]InitiatorScenario // by name
	orderMagic     map[string]InitiatorScenario // by MSISDN
	key            func() *initiatorKey         // made when it is first needed

	// ctx ends with Run's context or with Close, whichever is first: a delivery that a request handler makes itself
	// has to stop with the others.
	ctx    context.Context
	cancel context.CancelFunc

	mu sync.Mutex
	state
}

// state is everything that Reset throws away. Guarded by Simulator.mu.
type state struct {
	faults        Faults
	tokens        map[string]grant
	transactions  map[string]*transaction // by CheckoutRequestID
	order         []*transaction          // oldest first
	prompts       map[string]*transaction // by MSISDN: who holds the subscriber lock
	receipts      map[string]bool
	menuReceipts  []string                // those of C2B payments, oldest first
	registrations map[string]registration // by shortcode
	scripted      []Next
	tripped       map[string]bool // magic numbers whose token has been rejected once

	begun   time.Time
	ledger  *ledger // what has moved
	agenda  *agenda // what is still to move
	tariff  Tariff
	orders  map[string]*order // of initiators, by app and OriginatorConversationID
	asked   []*order          // oldest first
	pullers map[string]bool   // shortcodes registered for Pull Transactions
}

// New makes a Simulator; nothing runs until Run. It panics when Options.Faults has a switch in no known position, or when
// Options.Tariff or Options.OpeningBalance cannot be.
func New(o Options) *Simulator {
	if err := o.Faults.Validate(); err != nil {
		panic("simulator: Options.Faults: " + err.Error())
	}
	if err := o.Tariff.Validate(); err != nil {
		panic("simulator: Options.Tariff: " + err.Error())
	}
	if o.OpeningBalance < 0 || o.OpeningBalance > maxOpeningBalance {
		panic(fmt.Sprintf("simulator: Options.OpeningBalance: %d", o.OpeningBalance))
	}
	if len(o.Apps) == 0 {
		o.Apps = DefaultApps()
	}
	if !(o.Speed > 0) { // not a number neither
		o.Speed = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: delivery.MaxWorkers, IdleConnTimeout: 30 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CertificateLife <= 0 {
		o.CertificateLife = 365 * 24 * time.Hour
	}
	if o.MaxTransactions <= 0 {
		o.MaxTransactions = defaultMaxTransactions
	}
	s := &Simulator{
		opts: o, log: o.Logger,
		jobs:      delivery.NewScheduler(o.AfterFunc),
		book:      delivery.NewLog(func(d *Delivery, id int64) { d.ID = id }),
		random:    &lockedReader{r: o.Rand},
		scenarios: map[string]Scenario{}, magic: map[string]Scenario{},
		orderScenarios: map[string]InitiatorScenario{}, orderMagic: map[string]InitiatorScenario{},
	}
	s.key = sync.OnceValue(s.makeKey)
	for _, sc := range Scenarios() {
		s.scenarios[sc.Name] = sc
		if sc.MSISDN != "" {
			s.magic[sc.MSISDN] = sc
		}
	}
	for _, sc := range InitiatorScenarios() {
		s.orderScenarios[sc.Name], s.orderMagic[sc.MSISDN] = sc, sc
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.state = s.fresh()
	return s
}

func (s *Simulator) fresh() state {
	return state{
		faults: s.opts.Faults, tokens: map[string]grant{}, transactions: map[string]*transaction{},
		prompts: map[string]*transaction{}, receipts: map[string]bool{}, registrations: map[string]registration{},
		tripped: map[string]bool{}, begun: s.opts.Now(), ledger: newLedger(s.opts.OpeningBalance*100, movementsPerTransaction*s.opts.MaxTransactions), agenda: &agenda{},
		tariff: s.opts.Tariff, orders: map[string]*order{}, pullers: map[string]bool{},
	}
}

// Run delivers callbacks until ctx ends or Close is called, then waits for those under way. What was due before Run
// starts waits for it. It returns an error only when it was already running or closed.
func (s *Simulator) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	return s.jobs.Run(s.ctx)
}

// Close stops Run and waits for it. It may be called twice, and without Run.
func (s *Simulator) Close() error {
	s.cancel()
	s.jobs.Close()
	s.opts.HTTPClient.CloseIdleConnections()
	return nil
}

// Reset forgets transactions, tokens, registrations, scripts and scheduled deliveries, and sets the faults back to
// those of Options. The delivery log stays.
func (s *Simulator) Reset() {
	s.jobs.Drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = s.fresh()
}

// Delivered gets every delivery after its answer came or failed. When nobody reads, the oldest are dropped.
func (s *Simulator) Delivered() <-chan Delivery { return s.book.Stream() }

// Deliveries are the latest deliveries, oldest first.
func (s *Simulator) Deliveries() []Delivery { return s.book.After(0) }

// Pending counts the deliveries that are scheduled or under way.
func (s *Simulator) Pending() int { return s.jobs.Pending() }

// Coming counts what is still to happen without anybody being told: prompts that will be paid, orders that will be carried
// out.
func (s *Simulator) Coming() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp(s.opts.Now())
	return s.agenda.Len()
}

// Settle waits until every delivery that is due has been made; those whose time has not come are not waited for.
func (s *Simulator) Settle(ctx context.Context) error { return s.jobs.Settle(ctx) }

// crowded is true while so much waits to be delivered, or to happen, that Daraja would be busy: a merchant's server that
// hangs must not fill the memory.
func (s *Simulator) crowded() bool {
	most := jobsPerTransaction * s.opts.MaxTransactions
	s.mu.Lock()
	s.catchUp(s.opts.Now())
	coming := s.agenda.Len()
	s.mu.Unlock()
	return s.Pending() >= most || coming >= most
}

// scaled is how long d of the provider's time takes here.
func (s *Simulator) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.opts.Speed)
}

// wait holds a handler back for d of the provider's time. It is false when the caller or the simulator went away.
func (s *Simulator) wait(ctx context.Context, d time.Duration) bool {
	over := make(chan struct{})
	stop := s.opts.AfterFunc(s.scaled(d), func() { close(over) })
	defer stop()
	select {
	case <-over:
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}
