package reconciliation

import (
	"errors"
	"fmt"
	"sort"

	"github.com/benfex/kipay/domain/money"
)

// Matcher compares a statement with the books. It is given both, in any order, and Match then answers the results: the same
// ones, in the same order, whatever the order in which the parts were given.
type Matcher struct {
	scope     Scope
	lines     []lineRec
	payments  []paymentRec
	moves     []moveRec
	attempts  []attemptRec
	atoms     []atom
	elsewhere map[string]int64
	// receipts finds the first atom of a receipt, the others hang on its next.
	receipts map[string]int32
	groups   []group
	// named are the references that an unexplained line might belong to.
	named map[int32][]string
	used  bool
}

// none is the index of nothing.
const none = int32(-1)

// lineRec is a Line as it waits to be matched, and what was found.
type lineRec struct {
	kind                                          Kind
	receipt, linked, account, phone, details, key string
	amount, at                                    int64 // minor units; milliseconds since 1970
	number                                        int32
	unsure                                        bool
	found
}

// found is what a line was matched to or is about: indices, none for nothing.
type found struct {
	why     reason
	rule    Rule
	atom    int32 // the amount in the books that it is matched to
	payment int32
	move    int32
	group   int32
	peer    int32 // another line
}

// paymentRec is a Payment; its receipts and fee are atoms.
type paymentRec struct {
	reference, merchantReference, settlement string
	events                                   []string
	channel, amount, opened                  int64
	firstAtom, firstAttempt                  int32
	atoms, attempts                          int16
	claimed                                  int32 // the line whose money completes it
	status                                   Status
	asked                                    bool
}

// moveRec is a Refund or a Payout; its amount is an atom, and so is the fee that the books posted for it, if they did.
type moveRec struct {
	reference, payment, phone, settlement string
	kind                                  Kind // KindReversal for a refund
	events                                []string
	channel, sent, moved                  int64 // moved by the provider's clock, never while that is not known
	atom, fee, members                    int32
	status                                Status
}

type attemptRec struct {
	phone, account    string
	requested, window int64
	refused           bool
}

// atomKind is what an atom is.
type atomKind uint8

const (
	ofReceipt atomKind = iota // money of a payment
	ofFee                     // the fee that the books posted for a payment
	ofMove                    // a refund or a payout
	ofMoveFee                 // the fee that the books posted for a payout
)

// ofMove tells whether the owner of such an atom is a move.
func (k atomKind) ofMove() bool { return k == ofMove || k == ofMoveFee }

// isFee tells whether it is what the provider took.
func (k atomKind) isFee() bool { return k == ofFee || k == ofMoveFee }

// atom is one amount in the books, the smallest thing that a line can be matched to.
type atom struct {
	receipt      string
	amount       int64 // as the statement would show it: less than zero went out
	paid, booked int64 // milliseconds; booked is never when the books have not counted it
	owner        int32 // a payment; a move, for what is of one
	line         int32
	next         int32
	kind         atomKind
	here         bool  // of the statement's channel
	inBooks      bool  // here, and booked in the period
	other        int64 // what of the amount was booked in another period, though the rest was booked in this one
	surplus      bool  // came when its payment was paid already
}

// ErrUsed is a second Match of one Matcher.
var ErrUsed = errors.New("reconciliation: a matcher matches once")

// New is a Matcher for scope. Error: ErrScope.
func New(scope Scope) (*Matcher, error) {
	scope, err := scope.complete()
	if err != nil {
		return nil, err
	}
	return &Matcher{scope: scope, elsewhere: map[string]int64{}, named: map[int32][]string{}}, nil
}

// Grow makes room for so many lines and payments at once: it saves copying.
func (m *Matcher) Grow(lines, payments int) {
	lines, payments = min(max(lines, 0), MaxLines), min(max(payments, 0), MaxEntries)
	m.lines = append(make([]lineRec, 0, len(m.lines)+lines), m.lines...)
	m.payments = append(make([]paymentRec, 0, len(m.payments)+payments), m.payments...)
	m.atoms = append(make([]atom, 0, len(m.atoms)+payments), m.atoms...)
	m.attempts = append(make([]attemptRec, 0, len(m.attempts)+payments), m.attempts...)
}

// AddLine takes a line of the statement. It fails on another currency, on an amount over MaxAmount and after MaxLines.
func (m *Matcher) AddLine(l Line) error {
	if len(m.lines) >= MaxLines {
		return fmt.Errorf("reconciliation: more than %d lines", MaxLines)
	}
	if err := m.fits(l.Amount); err != nil {
		return fmt.Errorf("line %d: %w", l.Number, err)
	}
	r := lineRec{
		kind: l.Kind, receipt: l.Receipt, linked: l.Linked, account: normalAccount(l.Account), phone: normalPhone(l.Phone), key: l.Key,
		amount: l.Amount.Minor, at: milli(l.At), number: int32(l.Number), unsure: l.AccountUnsure,
		found: found{atom: none, payment: none, move: none, group: none, peer: none},
	}
	if r.unsure {
		r.account = ""
	}
	if m.scope.Source == SourceBank {
		r.details = l.Details
	}
	m.lines = append(m.lines, r)
	return nil
}

func (m *Matcher) fits(amount money.Money) error {
	if amount.Currency != m.scope.Currency {
		return fmt.Errorf("reconciliation: an amount in %.8q in a reconciliation of %s", amount.Currency, m.scope.Currency)
	}
	if amount.Minor > MaxAmount || amount.Minor < -MaxAmount {
		return fmt.Errorf("reconciliation: an amount over %d", int64(MaxAmount))
	}
	return nil
}

// AddPayment takes a payment. The same one may be given again. It fails like AddLine, and on a payment without a
// reference.
func (m *Matcher) AddPayment(p Payment) error {
	if err := m.room(p.Reference, len(p.Receipts)+1); err != nil {
		return err
	}
	if len(p.Receipts) > MaxReceipts || len(p.Attempts) > MaxAttempts {
		return fmt.Errorf("reconciliation: payment %s has %d receipts and %d attempts, at most %d and %d are compared", p.Reference, len(p.Receipts), len(p.Attempts), MaxReceipts, MaxAttempts)
	}
	if err := m.fits(p.Amount); err != nil {
		return fmt.Errorf("payment %s: %w", p.Reference, err)
	}
	rec := paymentRec{
		reference: p.Reference, merchantReference: normalAccount(p.MerchantReference), settlement: p.Settlement, events: p.Events,
		channel: p.Channel, amount: p.Amount.Minor, opened: milli(p.OpenedAt), firstAtom: int32(len(m.atoms)), firstAttempt: int32(len(m.attempts)),
		attempts: int16(len(p.Attempts)), status: p.Status, asked: p.Asked, claimed: none,
	}
	owner := int32(len(m.payments))
	here := func(channel int64) bool {
		return (channel == m.scope.Channel || channel == 0 && p.Channel == m.scope.Channel) && m.scope.Source != SourceBank
	}
	for _, r := range p.Receipts {
		if err := m.fits(r.Amount); err != nil {
			return fmt.Errorf("payment %s, a receipt: %w", p.Reference, err)
		}
		m.addAtom(atom{kind: ofReceipt, receipt: r.Number, amount: r.Amount.Minor, paid: milli(r.PaidAt), booked: milli(r.CreditedAt), owner: owner, here: here(r.Channel)})
	}
	if err := m.addFee(&p, owner, here(0)); err != nil {
		return err
	}
	for _, a := range p.Attempts {
		m.attempts = append(m.attempts, attemptRec{
			phone: normalPhone(a.Phone), account: normalAccount(a.Account), requested: milli(a.RequestedAt), window: milli(a.Window), refused: a.Refused,
		})
	}
	rec.atoms = int16(int32(len(m.atoms)) - rec.firstAtom)
	m.payments = append(m.payments, rec)
	return nil
}

// addFee adds what the books posted as a payment's fee. A part of it may have been posted in another period than the rest.
func (m *Matcher) addFee(p *Payment, owner int32, here bool) error {
	if p.Fee.Minor == 0 && len(p.FeeLater) == 0 || m.scope.Source.PaymentsOnly() {
		return nil
	}
	if err := m.fits(p.Fee); err != nil {
		return fmt.Errorf("payment %s, its fee: %w", p.Reference, err)
	}
	a := atom{kind: ofFee, amount: -p.Fee.Minor, paid: milli(p.FeeAt), booked: milli(p.FeeAt), owner: owner, here: here}
	first, counted := p.Fee.Minor, int64(0)
	for _, l := range p.FeeLater {
		if err := m.fits(l.Amount); err != nil {
			return fmt.Errorf("payment %s, its fee: %w", p.Reference, err)
		}
		first -= l.Amount.Minor
		if m.scope.inPeriod(milli(l.At)) {
			counted += l.Amount.Minor
		}
	}
	if m.scope.inPeriod(a.booked) {
		counted += first
	}
	m.addAtom(a)
	if last := &m.atoms[len(m.atoms)-1]; here {
		last.inBooks = counted != 0
		last.other = last.amount + counted
	}
	return nil
}

func (m *Matcher) room(reference string, atoms int) error {
	if reference == "" {
		return errors.New("reconciliation: a book entry without a reference")
	}
	if len(m.atoms)+atoms > MaxEntries || len(m.attempts) > MaxEntries {
		return fmt.Errorf("reconciliation: more than %d entries", MaxEntries)
	}
	return nil
}

// addAtom appends a and says whether the books count it: what is here and booked in the period.
func (m *Matcher) addAtom(a atom) {
	a.line, a.next = none, none
	a.inBooks = a.here && m.scope.inPeriod(a.booked)
	m.atoms = append(m.atoms, a)
}

// AddRefund takes a refund; it fails like AddPayment.
func (m *Matcher) AddRefund(r Refund) error {
	return m.addMove(moveRec{
		reference: r.Reference, payment: r.Payment, phone: normalPhone(r.Phone), settlement: r.Settlement, kind: KindReversal, events: r.Events,
		channel: r.Channel, sent: milli(r.SentAt), moved: milli(r.MovedAt), status: r.Status,
	}, r.Amount, -1, r.Receipt, milli(r.BookedAt))
}

// AddPayout takes a payout; it fails like AddPayment, and on a kind that is none of a payout's.
func (m *Matcher) AddPayout(p Payout) error {
	if p.Kind != KindPayout && p.Kind != KindSettlement && !p.Kind.OwnTransfer() {
		return fmt.Errorf("reconciliation: payout %s: no payout is a %.30q", p.Reference, p.Kind)
	}
	sign := int64(-1)
	if p.Incoming {
		sign = 1
	}
	if p.Fee.Minor != 0 {
		if err := m.fits(p.Fee); err != nil {
			return fmt.Errorf("payout %s, its fee: %w", p.Reference, err)
		}
	}
	if err := m.addMove(moveRec{
		reference: p.Reference, phone: normalPhone(p.Phone), settlement: p.Settlement, kind: p.Kind, events: p.Events,
		channel: p.Channel, sent: milli(p.SentAt), moved: never, status: p.Status,
	}, p.Amount, sign, p.Receipt, milli(p.BookedAt)); err != nil {
		return err
	}
	if s := m.scope.Source; p.Fee.Minor == 0 || s == SourceBank || s.PaymentsOnly() { // a bank knows nothing of it
		return nil
	}
	last := len(m.moves) - 1
	m.moves[last].fee = int32(len(m.atoms))
	m.addAtom(atom{kind: ofMoveFee, amount: -p.Fee.Minor, paid: milli(p.FeeAt), booked: milli(p.FeeAt), owner: int32(last), here: p.Channel == m.scope.Channel})
	return nil
}

func (m *Matcher) addMove(r moveRec, amount money.Money, sign int64, receipt string, booked int64) error {
	if err := m.room(r.reference, 2); err != nil {
		return err
	}
	if err := m.fits(amount); err != nil {
		return fmt.Errorf("%s: %w", r.reference, err)
	}
	if amount.Minor < 0 {
		return fmt.Errorf("reconciliation: %s is of less than nothing", r.reference)
	}
	if m.scope.Source.PaymentsOnly() {
		return nil
	}
	r.atom, r.fee = int32(len(m.atoms)), none
	m.addAtom(atom{
		kind: ofMove, receipt: receipt, amount: sign * amount.Minor, paid: r.sent, booked: booked, owner: int32(len(m.moves)),
		here: r.channel == m.scope.Channel || m.scope.Source == SourceBank,
	})
	m.moves = append(m.moves, r)
	return nil
}

// AddElsewhere takes note of a receipt that another channel's statement shows. It fails after MaxEntries.
func (m *Matcher) AddElsewhere(e Elsewhere) error {
	if len(m.elsewhere) >= MaxEntries {
		return fmt.Errorf("reconciliation: more than %d entries", MaxEntries)
	}
	if e.Receipt == "" || e.Channel == m.scope.Channel {
		return nil
	}
	if c, ok := m.elsewhere[e.Receipt]; !ok || e.Channel < c {
		m.elsewhere[e.Receipt] = e.Channel
	}
	return nil
}

// Match matches, stage by stage, and hands every result to yield: first those of the lines, by number, then what only the
// books have, by reference. An error of yield ends it and is returned. The other errors are ErrUsed, a book entry that was
// given twice with different contents, and a *BrokenInvariant.
func (m *Matcher) Match(yield func(Result) error) (Totals, error) {
	if m.used {
		return Totals{}, ErrUsed
	}
	m.used = true
	if err := m.arrange(); err != nil {
		return Totals{}, err
	}
	m.byReceipt()
	m.byReference()
	m.byAmountPhoneTime()
	m.byAmountTime()
	m.bySettlement()
	shown := m.shownReceipts()
	m.charges(shown)
	m.reversals(shown)
	m.leaveOver()
	return m.report(yield)
}

// arrange puts everything into an order of its own, so that the order of giving does not matter.
func (m *Matcher) arrange() error {
	less := func(i, j int) bool { return m.lines[i].before(&m.lines[j]) }
	if !sort.SliceIsSorted(m.lines, less) {
		sort.Slice(m.lines, less)
	}
	if err := m.arrangePayments(); err != nil {
		return err
	}
	m.addBankSettlements()
	return m.arrangeMoves()
}

func (l *lineRec) before(o *lineRec) bool {
	switch {
	case l.number != o.number:
		return l.number < o.number
	case l.kind != o.kind:
		return l.kind < o.kind
	case l.receipt != o.receipt:
		return l.receipt < o.receipt
	case l.amount != o.amount:
		return l.amount < o.amount
	case l.at != o.at:
		return l.at < o.at
	case l.account != o.account:
		return l.account < o.account
	case l.phone != o.phone:
		return l.phone < o.phone
	case l.linked != o.linked:
		return l.linked < o.linked
	}
	return l.key < o.key
}
