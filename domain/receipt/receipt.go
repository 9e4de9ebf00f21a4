// Package receipt holds the rules of who owns a provider's receipt. The same receipt can come through several doors (STK
// callback, C2B confirmation, card webhook, a verify call): each claims it here, in the stream
// receipt-{scope}-{receipt}, before it completes anything, and the first claim owns it. So one payment at the provider
// is one payment here.
package receipt

import (
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// Stream is the stream of a receipt. scope is the provider, and whose word it is: a channel in production, so that no
// merchant can take a receipt of another by posting it first; the whole sandbox, where everybody shares the numbers.
func Stream(scope, number string) string { return "receipt-" + scope + "-" + number }

// Valid tells whether a text can be a receipt number: 4 to 40 of 0-9A-Z.
func Valid(number string) bool {
	if len(number) < 4 || len(number) > 40 {
		return false
	}
	return strings.IndexFunc(number, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) < 0
}

// Claimed gives the receipt to a transaction.
type Claimed struct {
	Provider    string    `json:"provider"`
	Number      string    `json:"number"`
	Transaction string    `json:"transaction"`
	Attempt     int       `json:"attempt"`
	Door        string    `json:"door"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (Claimed) EventType() string { return "ReceiptClaimed" }

// Reassigned moves the receipt from a payment that stood alone to the transaction that had asked for the money, or back where
// the money goes back already.
type Reassigned struct {
	Provider string    `json:"provider"`
	Number   string    `json:"number"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Attempt  int       `json:"attempt"`
	Door     string    `json:"door"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Reassigned) EventType() string { return "ReceiptReassigned" }

// Confirmation is a C2B confirmation as it came, kept word for word before it is understood further, with what is needed
// to open a transaction for it.
type Confirmation struct {
	Provider string `json:"provider"`
	Scope    string `json:"scope"`
	Number   string `json:"number"`
	// ID and Transaction are drawn for the transaction that it becomes if no push claims it.
	ID          int64           `json:"id"`
	Transaction string          `json:"transaction"`
	Merchant    int64           `json:"merchant_id"`
	Mode        domain.Mode     `json:"mode"`
	Channel     int64           `json:"channel_id"`
	Subject     string          `json:"subject"`
	Door        string          `json:"door"`
	Trusted     bool            `json:"trusted"`
	Amount      money.Money     `json:"amount"`
	PaidAt      time.Time       `json:"paid_at"`
	Account     domain.Personal `json:"account,omitempty"`
	FirstName   domain.Personal `json:"first_name,omitempty"`
	LastName    domain.Personal `json:"last_name,omitempty"`
	Phone       domain.Personal `json:"phone,omitempty"`
	Digest      string          `json:"digest"`
	Raw         domain.Personal `json:"raw"`
	// Awaits is the pending push that it fits, until Until; empty when it fits none.
	Awaits  string    `json:"awaits,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	At      time.Time `json:"at"`
}

// EventType is the wire name.
func (Confirmation) EventType() string { return "C2BPaymentReceived" }

// SubjectName is whose key seals it.
func (e Confirmation) SubjectName() string { return e.Subject }

// State is a receipt.
type State struct {
	Owner     string
	Attempt   int
	Door      string
	StoodOnly string // the C2B transaction that it was taken from
	First     *Confirmation
	Trusted   *Confirmation
	// Suspense is money that nobody is credited with yet; Released how what stood there left. At most one of them is there.
	Suspense *SuspenseOpened
	Released *SuspenseReleased
	// Noted is the money as it came into suspense, also after it left.
	Noted *SuspenseOpened
	// Restored are the ends of it that were taken back.
	Restored []Restoration
	// Asked is the last question to the provider, Answer what it last said.
	Asked   *StatusAsked
	Answer  *StatusAnswered
	digests []string
	answers []string
}

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case SuspenseOpened:
		s.Suspense, s.Released, s.Noted = &e, nil, &e
	case SuspenseReleased:
		s.Suspense, s.Released = nil, &e
	case SuspenseRestored:
		if s.Released != nil {
			s.Restored = append(s.Restored[:len(s.Restored):len(s.Restored)], Restoration{How: e.Was, LeftAt: s.Released.At, BackAt: e.At})
		}
		s.Suspense, s.Released = s.Noted, nil
	case StatusAsked:
		s.Asked = &e
	case StatusAnswered:
		s.Answer, s.answers = &e, append(s.answers[:len(s.answers):len(s.answers)], e.Digest)
	case Claimed:
		s.Owner, s.Attempt, s.Door = e.Transaction, e.Attempt, e.Door
	case Reassigned:
		s.Owner, s.Attempt, s.Door, s.StoodOnly = e.To, e.Attempt, e.Door, e.From
		if s.OwnedAlone() {
			s.StoodOnly = "" // it does again
		}
	case Confirmation:
		s.digests = append(s.digests[:len(s.digests):len(s.digests)], e.Digest)
		if s.First == nil {
			s.First = &e
		}
		if e.Trusted && s.Trusted == nil {
			s.Trusted = &e
		}
	}
	return s
}

// Confirmation is the confirmation to go by: the first trusted one, else the first; nil when none came.
func (s State) Confirmation() *Confirmation {
	if s.Trusted != nil {
		return s.Trusted
	}
	return s.First
}

// OwnedAlone tells whether the receipt belongs to the C2B transaction that was opened for it.
func (s State) OwnedAlone() bool {
	return s.Trusted != nil && s.Owner == s.Trusted.Transaction
}

// Alone are the transactions that confirmations of this receipt may have opened, other than its owner.
func (s State) Alone() []string {
	var out []string
	for _, c := range []*Confirmation{s.First, s.Trusted} {
		if c != nil && c.Transaction != s.Owner && (len(out) == 0 || out[0] != c.Transaction) {
			out = append(out, c.Transaction)
		}
	}
	return out
}

// Like is the earlier confirmation whose transaction another one of the same trust shares; nil when it would be the first.
// A trusted one never shares what an untrusted one opened: anybody could have chosen that one's amount.
func (s State) Like(trusted bool) *Confirmation {
	switch {
	case trusted:
		return s.Trusted
	case s.First != nil && !s.First.Trusted:
		return s.First
	}
	return nil
}

// Claim asks for the receipt on behalf of a transaction. A transaction that had asked for the money (Asked) takes it from
// the payment that stood alone.
type Claim struct {
	Provider    string
	Number      string
	Transaction string
	Attempt     int
	Door        string
	Asked       bool
	At          time.Time
}

// Decide gives the receipt to the first that asks, and takes the money out of suspense if it stands there. When another
// transaction owns it, or the money went back, nothing is decided: look at the owner afterwards.
func (c Claim) Decide(s State) ([]domain.Event, error) {
	switch {
	case s.Owner == c.Transaction, s.WentBack():
		return nil, nil
	case s.Owner == "":
		claimed := Claimed{Provider: c.Provider, Number: c.Number, Transaction: c.Transaction, Attempt: c.Attempt, Door: c.Door, At: c.At}
		if out, stood := s.credit(c.Transaction, c.At); stood {
			return []domain.Event{claimed, out}, nil
		}
		return []domain.Event{claimed}, nil
	case c.Asked && s.OwnedAlone():
		return []domain.Event{Reassigned{
			Provider: c.Provider, Number: c.Number, From: s.Owner, To: c.Transaction, Attempt: c.Attempt, Door: c.Door, At: c.At,
		}}, nil
	}
	return nil, nil
}

// LeaveAlone gives the receipt back to the payment that stood alone, which could not become a part of the one that took it.
type LeaveAlone struct{ At time.Time }

// Decide gives it back once.
func (c LeaveAlone) Decide(s State) ([]domain.Event, error) {
	if s.Trusted == nil || s.StoodOnly != s.Trusted.Transaction {
		return nil, nil
	}
	return []domain.Event{Reassigned{
		Provider: s.Trusted.Provider, Number: s.Trusted.Number, From: s.Owner, To: s.StoodOnly, Door: s.Trusted.Door, At: c.At,
	}}, nil
}

// maxConfirmations bounds what is kept of confirmations of one receipt.
const maxConfirmations = 50

// Confirm records a C2B confirmation.
type Confirm struct{ Confirmation }

// Decide records it once. A later one of the same trust keeps the transaction, id and subject drawn for the first.
// Errors: Conflict when there are more than any provider sends; the first trusted one is always taken.
func (c Confirm) Decide(s State) ([]domain.Event, error) {
	for _, d := range s.digests {
		if d == c.Digest {
			return nil, nil
		}
	}
	if len(s.digests) >= maxConfirmations && (!c.Trusted || s.Trusted != nil) {
		return nil, domain.Conflictf("receipt %s has too many confirmations", c.Number)
	}
	e := c.Confirmation
	if like := s.Like(e.Trusted); like != nil {
		e.ID, e.Transaction, e.Subject = like.ID, like.Transaction, like.Subject
		e.Awaits, e.Attempt, e.Until = like.Awaits, like.Attempt, like.Until
	}
	return []domain.Event{e}, nil
}
