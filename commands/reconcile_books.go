package commands

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// BooksQuery says whose books, and when.
type BooksQuery struct {
	Merchant int64
	Mode     domain.Mode
	Channel  int64
	Currency money.Currency
	// From and Until bound what happened, by our clock or the provider's.
	From, Until time.Time
}

// BooksReference is a transaction of the books, and where it is in the log.
type BooksReference struct {
	Reference string
	// First is the position of the event that opened it, 0 when the read models did not say, and Last that of the newest one they know.
	First, Last eventstore.Position
}

// Books finds what a statement may show. What it names is then read from the log.
type Books interface {
	// Await waits until the read models have come as far as the position, at the least.
	Await(ctx context.Context, at eventstore.Position) error
	// References are the transactions of the merchant to which anything happened in the time.
	References(ctx context.Context, q BooksQuery) ([]BooksReference, error)
	// Payouts are those of the channel, or of all where that is 0, that were under way in the time.
	Payouts(ctx context.Context, q BooksQuery) ([]string, error)
	// Elsewhere are the receipts that statements of these sources, of the merchant's other channels, have shown in the time, and that
	// are none of those channels' books.
	Elsewhere(ctx context.Context, q BooksQuery, sources []reconciliation.Source) ([]reconciliation.Elsewhere, error)
	// Accepted are what differs by other statements of the channel, from the source, than the import's, and was accepted.
	Accepted(ctx context.Context, q BooksQuery, source reconciliation.Source, but int64) ([]AcceptedDifference, error)
	// Streams are those of the merchant that have an event of one of the types that was recorded in the time.
	Streams(ctx context.Context, q BooksQuery, types ...string) ([]string, error)
	// Clearing is the balance of the channel's clearing account by what was recorded before Until, in minor units.
	Clearing(ctx context.Context, q BooksQuery) (int64, error)
}

// activityMargin is how far outside a statement's period a payment's events may lie for it to be compared: callbacks and queries
// come late, and refunds settle days after.
const activityMargin = 3 * 24 * time.Hour

// loader reads payments from the log into a matcher, each once.
type loader struct {
	w       *WriteSide
	matcher *reconciliation.Matcher
	scope   reconciliation.Scope
	owner   int64             // the merchant whose books they are
	receipt string            // whose word receipts are
	settled map[string]string // the settlement of each payment's receipt, where the provider has said so

	mu     sync.Mutex
	loaded map[string]bool // by reference
	known  map[string]bool // receipts of what is loaded
	// since is when the books first had the money of a receipt that was credited out of suspense: with the credit it only changes hands.
	since map[string]time.Time
}

// load reads the transactions: where they lie close together in the log in its order, else one by one, several at once.
func (l *loader) load(ctx context.Context, references []BooksReference, news func(done int)) error {
	left, err := l.scan(ctx, references, news)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 500
	for at := 0; at < len(left); at += batch {
		part := left[at:min(at+batch, len(left))]
		g.Go(func() error {
			for _, r := range part {
				if err := l.payment(ctx, transaction.Reference(r.Reference)); err != nil {
					return err
				}
			}
			return nil
		})
		news(len(references) - len(left) + at)
	}
	return g.Wait()
}

// claim tells whether the transaction is to be read: each is, once.
func (l *loader) claim(reference string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded[reference] {
		return false
	}
	l.loaded[reference] = true
	return true
}

// payment reads a transaction with what belongs to it.
func (l *loader) payment(ctx context.Context, ref transaction.Reference) error {
	if !l.claim(string(ref)) {
		return nil
	}
	b := bookOf{currency: l.scope.Currency}
	take := func(e eventstore.Envelope) error { b.take(e); return nil }
	if err := l.w.log.EachInStreamOf(ctx, ref.Stream(), 0, transaction.OfMoney, take); err != nil {
		return asUnavailable(err)
	}
	return l.add(ctx, &b)
}

// add gives the matcher a transaction that is read.
func (l *loader) add(ctx context.Context, b *bookOf) error {
	// In the sandbox all share the receipts: another merchant's payment is not the statement's, and none of its business.
	if !b.state.Exists() || b.state.Merchant != l.owner || b.state.MergedInto != "" || b.state.Amount.Currency != l.scope.Currency {
		return nil
	}
	if b.state.Origin == transaction.FromC2B && len(b.state.Payments) == 0 {
		return nil // a notice that anybody could have sent: it must not make the line of a payment doubtful
	}
	if err := l.stoodAlone(ctx, b); err != nil {
		return err
	}
	p, refunds := b.payment(l.scope.Channel), b.refunds()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range p.Receipts {
		r := &p.Receipts[i]
		if r.Number != "" {
			l.known[r.Number] = true
		}
		if at, ok := l.since[r.Number]; ok {
			r.CreditedAt = at
		}
		if id := l.settled[r.Number]; id != "" {
			p.Settlement = id
		}
	}
	if err := l.matcher.AddPayment(p); err != nil {
		return err
	}
	for _, r := range refunds {
		if r.Receipt != "" {
			l.known[r.Receipt] = true
		}
		if err := l.matcher.AddRefund(r); err != nil {
			return err
		}
	}
	return nil
}

// byReceipt reads whatever has the receipt: a payment of another channel or month, or money that nobody is credited with.
func (l *loader) byReceipt(ctx context.Context, number string) error {
	if number == "" || l.known[number] || !receipt.Valid(number) {
		return nil
	}
	l.known[number] = true
	r, err := fold[receipt.State](ctx, l.w.log, receipt.Stream(l.receipt, number))
	if err != nil {
		return err
	}
	if !l.ours(r.State.Noted) {
		return l.ownerOf(ctx, r.State)
	}
	if err := l.restored(r.State); err != nil {
		return err
	}
	if r.State.Owner == "" {
		return l.noted(r.State)
	}
	l.since[number] = r.State.Noted.At
	return l.ownerOf(ctx, r.State)
}

// ownerOf reads the payment that a receipt is of, if there is one.
func (l *loader) ownerOf(ctx context.Context, r receipt.State) error {
	if r.Owner == "" {
		return nil
	}
	return l.payment(ctx, transaction.Reference(r.Owner))
}

// ours tells whether money that came into suspense is of the books that are compared.
func (l *loader) ours(s *receipt.SuspenseOpened) bool {
	return s != nil && s.Merchant == l.owner && s.Amount.Currency == l.scope.Currency
}

// noted gives the matcher money that came into suspense and is nobody's: it is here also when it was written off, and came and went
// when it was returned.
func (l *loader) noted(r receipt.State) error {
	s := r.Noted
	err := l.matcher.AddPayment(reconciliation.Payment{
		Reference: inSuspense(s), Channel: s.Channel, Amount: s.Amount, Status: reconciliation.StatusCompleted, OpenedAt: s.At,
		Receipts: []reconciliation.Receipt{{Number: s.Number, Amount: s.Amount, PaidAt: s.PaidAt, CreditedAt: s.At}},
	})
	if err != nil || !r.WentBack() {
		return err
	}
	return l.matcher.AddRefund(returned(s, s.Number, r.Released.At))
}

// inSuspense names money that came into suspense.
func inSuspense(s *receipt.SuspenseOpened) string { return "suspense " + s.Number }

// returned is money that went back to whoever sent it.
func returned(s *receipt.SuspenseOpened, name string, at time.Time) reconciliation.Refund {
	return reconciliation.Refund{
		Reference: "return " + name, Payment: inSuspense(s), Channel: s.Channel, Amount: s.Amount, Status: reconciliation.StatusCompleted,
		SentAt: at, BookedAt: at,
	}
}

// restored gives the matcher money that was noted as returned by mistake: it left the books, and came back to them when that was taken back.
// Where both are of the statement's time, neither is worth a word.
func (l *loader) restored(r receipt.State) error {
	in := func(t time.Time) bool { return !t.Before(l.scope.Period.From) && t.Before(l.scope.Period.Until) }
	for n, b := range r.Restored {
		if b.How != receipt.ReleaseReturned || in(b.LeftAt) && in(b.BackAt) {
			continue
		}
		s, name := r.Noted, fmt.Sprintf("%s, %d", r.Noted.Number, n+1)
		if err := l.matcher.AddRefund(returned(s, name, b.LeftAt)); err != nil {
			return err
		}
		err := l.matcher.AddPayout(reconciliation.Payout{
			Reference: "not returned " + name, Channel: s.Channel, Kind: reconciliation.KindPayout, Incoming: true, Amount: s.Amount,
			Status: reconciliation.StatusCompleted, SentAt: b.BackAt, BookedAt: b.BackAt,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bookOf is a transaction as the books have it, with when and by which events its money was counted.
type bookOf struct {
	currency money.Currency
	state    transaction.State
	credited map[string]time.Time // by receipt
	done     map[int64]time.Time  // by refund
	reversed map[string]time.Time // by the reversal's receipt
	fees     []feePart
	events   []string
}

func (b *bookOf) take(e eventstore.Envelope) {
	note := func(into *map[string]time.Time, name string, at time.Time) {
		if *into == nil {
			*into = map[string]time.Time{}
		}
		(*into)[name] = at
	}
	counts := true
	switch ev := e.Event.(type) {
	case transaction.Initialized:
	case transaction.PaymentReceived:
		at := ev.At
		if a, ok := b.state.Attempt(ev.Attempt); ok && a.Confirmed && !b.state.HasReceiptFor(ev.Attempt) {
			at = a.ConfirmedAt // its money was counted then, and the receipt only names it
		}
		note(&b.credited, ev.Receipt, at)
		b.charge(ev.Terms, ev.Attempt, ev.At)
	case transaction.PaymentConfirmed:
		b.charge(ev.Terms, ev.Attempt, ev.At)
	case transaction.ProviderFeeReported:
		b.charge(ev.Terms, ev.Attempt, ev.At)
	case transaction.RefundCompleted:
		if b.done == nil {
			b.done = map[int64]time.Time{}
		}
		b.done[ev.Refund] = ev.At
	case transaction.PaymentReversed:
		note(&b.reversed, ev.Receipt, ev.At)
	default:
		counts = false
	}
	if counts && len(b.events) < maxNamedEvents {
		b.events = append(b.events, e.ID.String())
	}
	b.state = b.state.Evolve(e.Event)
}

// feePart is what an event posts of the provider's fees.
type feePart struct {
	channel int64
	reconciliation.Posted
}

func (b *bookOf) charge(t transaction.Terms, attempt int, at time.Time) {
	c := money.Of(t.Charge.Provider+t.Charge.ProviderTax, b.currency)
	if c.Minor != 0 && t.Charge.Currency == b.currency {
		b.fees = append(b.fees, feePart{b.state.ChannelOf(transaction.Payment{Attempt: attempt, Terms: t}), reconciliation.Posted{Amount: c, At: at}})
	}
}

// maxNamedEvents is how many of a payment's events a difference names.
const maxNamedEvents = 6

// payment is the transaction as the books of a channel have it: a payer who may choose may pay through several.
func (b *bookOf) payment(channel int64) reconciliation.Payment {
	s := b.state
	p := reconciliation.Payment{
		Reference: string(s.Reference), MerchantReference: string(s.MerchantReference), Channel: b.channelFor(channel), Asked: s.Origin != transaction.FromC2B,
		Amount: s.Amount, Status: reconciliation.Status(s.Status()), OpenedAt: s.Initialized.At, Events: b.events, Fee: money.Of(0, b.currency),
	}
	for _, m := range s.Payments {
		if m.Amount.Currency != b.currency {
			continue // it stands in suspense in its own currency
		}
		p.Receipts = append(p.Receipts, reconciliation.Receipt{
			Number: m.Receipt, Amount: m.Amount, PaidAt: m.PaidAt, CreditedAt: b.credited[m.Receipt], Channel: s.ChannelOf(m),
		})
	}
	for _, a := range s.Attempts {
		if a.Confirmed && !s.HasReceiptFor(a.N) {
			p.Receipts = append(p.Receipts, reconciliation.Receipt{
				Amount: s.Amount, PaidAt: a.ConfirmedAt, CreditedAt: a.ConfirmedAt, Channel: s.ChannelOf(transaction.Payment{Attempt: a.N}),
			})
		}
		account := a.AccountReference
		if a.ProviderReference != "" {
			account = a.ProviderReference
		}
		p.Attempts = append(p.Attempts, reconciliation.Attempt{
			Phone: a.Phone, Account: account, RequestedAt: a.RequestedAt, Window: a.Window,
			Refused: a.Failure != nil && a.Failure.Kind >= transaction.FailedByQuery,
		})
	}
	for _, f := range b.fees {
		switch {
		case f.channel != p.Channel:
			continue
		case p.FeeAt.IsZero():
			p.FeeAt = f.At
		default:
			p.FeeLater = append(p.FeeLater, f.Posted)
		}
		p.Fee = p.Fee.Add(f.Amount)
	}
	if len(p.Attempts) > reconciliation.MaxAttempts {
		p.Attempts = p.Attempts[len(p.Attempts)-reconciliation.MaxAttempts:]
	}
	return p
}

// channelFor is the channel where the transaction is looked for: the one that is compared, if it was paid there or the payer was sent there,
// else where it was paid last, else the one that it was opened for.
func (b *bookOf) channelFor(channel int64) int64 {
	s := b.state
	at := s.Channel
	for _, m := range s.Payments {
		if at = s.ChannelOf(m); at == channel {
			return at
		}
	}
	for _, a := range s.Attempts {
		if a.Channel == channel {
			return channel
		}
	}
	return at
}

// refunds are what went back: by us, and by the provider without having been asked.
func (b *bookOf) refunds() []reconciliation.Refund {
	var out []reconciliation.Refund
	channelOf := func(t transaction.Terms) int64 {
		if t.Channel != 0 {
			return t.Channel
		}
		return b.state.Channel
	}
	for _, r := range b.state.Refunds {
		if r.Amount.Currency != b.currency {
			continue
		}
		m := reconciliation.Refund{
			Reference: r.Name, Payment: string(r.Reference), Channel: channelOf(r.Terms), Amount: r.Amount, Status: reconciliation.Status(r.Status),
			Receipt: r.RefundReceipt, Phone: string(r.Phone), SentAt: r.At, BookedAt: b.done[r.Refund], Events: b.events,
		}
		if r.Status == transaction.RefundDone {
			m.Amount, m.MovedAt = r.Came, r.RefundedAt
		}
		out = append(out, m)
	}
	for _, r := range b.state.Reversals {
		if r.Amount.Currency == b.currency {
			out = append(out, reconciliation.Refund{
				Reference: "reversal " + r.Receipt, Payment: string(b.state.Reference), Channel: b.channelOfReceipt(r.Original), Amount: r.Amount,
				Status: reconciliation.StatusCompleted, Receipt: r.Receipt, SentAt: r.At, BookedAt: b.reversed[r.Receipt], MovedAt: r.At, Events: b.events,
			})
		}
	}
	return out
}

// channelOfReceipt is where the money under a receipt is.
func (b *bookOf) channelOfReceipt(number string) int64 {
	for _, m := range b.state.Payments {
		if m.Receipt == number {
			return b.state.ChannelOf(m)
		}
	}
	return b.state.Channel
}

// newLoader is a loader for the channel, whose receipts are its own word or its sandbox's.
func (w *WriteSide) newLoader(merchantID int64, m *reconciliation.Matcher, scope reconciliation.Scope, ch channel.State) *loader {
	return &loader{w: w, matcher: m, scope: scope, owner: merchantID, receipt: ch.ReceiptScope(), loaded: map[string]bool{}, known: map[string]bool{}, since: map[string]time.Time{}}
}

// books gives the matcher what the statement may show, and answers up to which position of the log the books are read.
func (l *loader) books(ctx context.Context, q BooksQuery, news func(ImportProgress)) (eventstore.Position, error) {
	head, err := l.w.log.Store().Head(ctx)
	if err != nil {
		return 0, asUnavailable(err)
	}
	if err := l.w.Books.Await(ctx, head); err != nil {
		return 0, fmt.Errorf("wait for the read models: %w", err)
	}
	outgoing, err := l.w.Books.Payouts(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("find the payouts of the time: %w", err)
	}
	late, err := l.late(ctx, q)
	if err != nil {
		return 0, err
	}
	for _, stream := range late {
		if ref, ok := strings.CutPrefix(stream, payout.Reference("").Stream()); ok && !slices.Contains(outgoing, ref) {
			outgoing = append(outgoing, ref)
		}
	}
	if err := l.payouts(ctx, outgoing); err != nil || q.Channel == 0 { // no payer pays into a bank account through Kipay
		return head, err
	}
	if err := l.elsewhere(ctx, q); err != nil {
		return 0, err
	}
	for _, stream := range late {
		if number, ok := strings.CutPrefix(stream, receipt.Stream(l.receipt, "")); ok {
			if err := l.byReceipt(ctx, number); err != nil {
				return 0, err
			}
		}
	}
	references, err := l.w.Books.References(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("find the payments of the time: %w", err)
	}
	l.matcher.Grow(0, len(references))
	if err := l.load(ctx, references, func(done int) { news(ImportProgress{Step: "books", Done: done, Total: len(references)}) }); err != nil {
		return 0, err
	}
	return head, nil
}

// late are the streams of what was booked in the time and need not have happened in it: money that an earlier month's statement put into
// suspense, or let go, and what it says that a payout cost. Without them the clearing account would move by more than the entries
// that are compared.
func (l *loader) late(ctx context.Context, q BooksQuery) ([]string, error) {
	streams, err := l.w.Books.Streams(ctx, q, receipt.SuspenseOpened{}.EventType(), receipt.SuspenseReleased{}.EventType(), receipt.SuspenseRestored{}.EventType(), payout.ChargeReported{}.EventType())
	if err != nil {
		return nil, fmt.Errorf("find what was booked in the time: %w", err)
	}
	return streams, nil
}
