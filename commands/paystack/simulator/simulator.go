package simulator

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/benfex/kipay/commands/delivery"
)

// Limits. Everything that a client can make grow has one.
const (
	maxBodyBytes           = 64 << 10
	maxFormBytes           = 4 << 10
	maxEchoBytes           = 4 << 10 // of a merchant's reply kept in the delivery log
	maxAccounts            = 10_000
	maxScripted            = 1_000
	maxAttemptsLogged      = 50      // entries of a transaction's history
	jobsPerTransaction     = 2       // webhooks that may wait, for each transaction that is kept
	bytesPerTransaction    = 2 << 10 // of what clients sent, on average over those that are kept
	maxRefunds             = 100     // of a transaction, the failed ones too
	maxDisputes            = 3       // of a transaction
	defaultMaxTransactions = 100_000
)

// Options of a Simulator. The zero value works: any test key, real time, real timers, crypto/rand.
type Options struct {
	// Accounts are known from the start.
	Accounts []Account
	// StrictKeys accepts the keys of Accounts only. Default: any well-formed test key too.
	StrictKeys bool
	// WebhookURLFor finds the webhook URL of a secret key that has none otherwise; "" means none.
	WebhookURLFor func(secretKey string) string
	// PublicURL is what authorization_url begins with. Default: the scheme and host of the request.
	PublicURL string
	// Speed divides every simulated delay: 1 is a webhook after a second, 1000 after a millisecond. Deadlines given to a
	// merchant's server are not scaled. Default 1.
	Speed float64
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// AfterFunc is the timer: it calls f once, d from now, on another goroutine, unless stop is called before.
	// Default time.AfterFunc.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
	// Rand feeds ids and codes. Default crypto/rand.
	Rand io.Reader
	// HTTPClient delivers webhooks. The default does not follow redirects and uses no proxy.
	HTTPClient *http.Client
	// Logger gets one line a delivery and a refused request. Default: none. No key and no card number is logged.
	Logger *slog.Logger
	// Faults are the switches to start with; Reset returns to them.
	Faults Faults
	// MaxTransactions bounds the memory: beyond it the oldest are forgotten. Default 100,000.
	MaxTransactions int
	// UnknownReferenceStatus is the HTTP status of transaction_not_found: 400 or 404, sources disagree. Default 400.
	UnknownReferenceStatus int
	// Fees is what Paystack keeps of each payment. Default: 2.9 %, at most 2000.00.
	Fees Fees
	// RefundCredit is how far refunds may exceed what the account has earned and was not paid out yet, in subunits of
	// each currency; beyond it there is an insufficient balance. Default 1,000,000.00; less than 0 means nothing.
	RefundCredit int64
}

// Fees is the simulator's own price list: BasisPoints hundredths of a percent of the amount, rounded half up to a
// subunit, at most Cap subunits (0: no cap), the same for every channel and currency. They are taken when a payment
// succeeds, stand in verify, lists and charge.success, and are not given back by a refund.
type Fees struct {
	BasisPoints int64
	Cap         int64
}

func (f Fees) of(amount int64) int64 {
	fee := (amount*f.BasisPoints + 5_000) / 10_000
	if f.Cap > 0 {
		fee = min(fee, f.Cap)
	}
	return fee
}

// Simulator is one Paystack. Make it with New, serve Handler, and let Run deliver.
type Simulator struct {
	opts   Options
	log    *slog.Logger
	jobs   *delivery.Scheduler
	book   *delivery.Log[Delivery]
	random *lockedReader
	cards  map[string]Card // by number

	// ctx ends with Run's context or with Close, whichever is first: a delivery that a request handler makes itself
	// has to stop with the others.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	webhooks webhookURLs // an account's setting: Reset leaves it
	epoch    int         // counts Resets, so that webhooks of what was forgotten end
	state
}

// state is everything that Reset throws away. Guarded by Simulator.mu.
type state struct {
	faults       Faults
	accounts     map[string]*account // by secret key
	byAccessCode map[string]*transaction
	byID         map[uint64]*transaction
	refunds      map[uint64]*refund
	disputes     map[uint64]*dispute
	order        []*transaction // oldest first
	held         int            // bytes of what clients sent, in order
	lastID       uint64
	scripted     []Next
}

// New makes a Simulator; nothing runs until Run. It panics when Options.Faults has a switch in no known position.
func New(o Options) *Simulator {
	if err := o.Faults.Validate(); err != nil {
		panic("simulator: Options.Faults: " + err.Error())
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
	if o.MaxTransactions <= 0 {
		o.MaxTransactions = defaultMaxTransactions
	}
	if o.UnknownReferenceStatus == 0 {
		o.UnknownReferenceStatus = http.StatusBadRequest
	}
	if o.Fees == (Fees{}) {
		o.Fees = Fees{BasisPoints: 290, Cap: 2000_00}
	}
	switch {
	case o.RefundCredit == 0:
		o.RefundCredit = 1_000_000_00
	case o.RefundCredit < 0:
		o.RefundCredit = 0
	}
	s := &Simulator{
		opts: o, log: o.Logger, jobs: delivery.NewScheduler(o.AfterFunc), book: delivery.NewLog(func(d *Delivery, id int64) { d.ID = id }),
		random: &lockedReader{r: o.Rand}, cards: map[string]Card{}, webhooks: newWebhookURLs(o.Accounts),
	}
	for _, c := range Cards() {
		s.cards[c.Number] = c
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.state = s.fresh()
	return s
}

func (s *Simulator) fresh() state {
	st := state{
		faults: s.opts.Faults, accounts: map[string]*account{}, byAccessCode: map[string]*transaction{},
		byID: map[uint64]*transaction{}, refunds: map[uint64]*refund{}, disputes: map[uint64]*dispute{}, lastID: firstID,
	}
	for _, a := range s.opts.Accounts {
		st.accounts[a.SecretKey] = newAccount(a)
	}
	return st
}

// Run delivers webhooks until ctx ends or Close is called, then waits for those under way. What was due before Run
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

// Reset forgets transactions with their refunds, disputes and settlements, scripts and scheduled webhooks, and sets the faults back to those of Options. The
// webhook URLs and the delivery log stay.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.state = s.fresh()
	s.jobs.Drop()
}

// Delivered gets every delivery after its answer came or failed. When nobody reads, the oldest are dropped.
func (s *Simulator) Delivered() <-chan Delivery { return s.book.Stream() }

// Deliveries are the latest deliveries, oldest first.
func (s *Simulator) Deliveries() []Delivery { return s.book.After(0) }

// Pending counts the deliveries that are scheduled or under way.
func (s *Simulator) Pending() int { return s.jobs.Pending() }

// Settle waits until every delivery that is due has been made; those whose time has not come are not waited for.
func (s *Simulator) Settle(ctx context.Context) error { return s.jobs.Settle(ctx) }

// crowded is true while so many webhooks wait that a merchant's server that hangs would fill the memory.
func (s *Simulator) crowded() bool { return s.Pending() >= jobsPerTransaction*s.opts.MaxTransactions }

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
