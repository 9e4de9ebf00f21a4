package receipt

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// SuspenseOpened says that money came under a receipt that fits no payment or account here: only a statement shows it. It
// stands in suspense until somebody says whose it is.
type SuspenseOpened struct {
	Provider string      `json:"provider"`
	Number   string      `json:"number"`
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Channel  int64       `json:"channel_id"`
	Funds    fee.Funds   `json:"funds,omitempty"`
	Amount   money.Money `json:"amount"`
	PaidAt   time.Time   `json:"paid_at"`
	// Import and Line are where it stands: the statement's import, and the line in its file.
	Import  int64           `json:"import_id"`
	Line    int             `json:"line"`
	Subject string          `json:"subject"`
	Account domain.Personal `json:"account,omitempty"`
	Party   domain.Personal `json:"party,omitempty"`
	At      time.Time       `json:"at"`
}

// EventType is the wire name.
func (SuspenseOpened) EventType() string { return "SuspenseOpened" }

// SubjectName is whose key seals it.
func (e SuspenseOpened) SubjectName() string { return e.Subject }

// Release is how money leaves suspense.
type Release string

// The ways.
const (
	ReleaseCredited   Release = "credited"    // it is a transaction's
	ReleaseWrittenOff Release = "written_off" // a person let it go
	ReleaseReturned   Release = "returned"    // it went back to whoever sent it, outside Kipay
)

// SuspenseReleased ends it.
type SuspenseReleased struct {
	Provider string      `json:"provider"`
	Number   string      `json:"number"`
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Channel  int64       `json:"channel_id"`
	Funds    fee.Funds   `json:"funds,omitempty"`
	Amount   money.Money `json:"amount"`
	PaidAt   time.Time   `json:"paid_at"`
	How      Release     `json:"how"`
	// Was is how it had left before, of money that is credited though it was written off.
	Was Release `json:"was,omitempty"`
	// Transaction is whose it is, of money that is credited.
	Transaction string    `json:"transaction,omitempty"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (SuspenseReleased) EventType() string { return "SuspenseReleased" }

// SuspenseRestored takes back that money left suspense: a person had said so by mistake.
type SuspenseRestored struct {
	Provider string      `json:"provider"`
	Number   string      `json:"number"`
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Channel  int64       `json:"channel_id"`
	Funds    fee.Funds   `json:"funds,omitempty"`
	Amount   money.Money `json:"amount"`
	// Was is how it had left: written off or returned.
	Was Release   `json:"was"`
	At  time.Time `json:"at"`
}

// EventType is the wire name.
func (SuspenseRestored) EventType() string { return "SuspenseRestored" }

// Restoration is a time in which money was said to have left suspense by mistake.
type Restoration struct {
	How            Release
	LeftAt, BackAt time.Time
}

// released is the end of what stands in suspense.
func (e SuspenseOpened) released(how Release, transaction string, at time.Time) SuspenseReleased {
	return SuspenseReleased{
		Provider: e.Provider, Number: e.Number, Merchant: e.Merchant, Mode: e.Mode, Channel: e.Channel, Funds: e.Funds, Amount: e.Amount,
		PaidAt: e.PaidAt, How: how, Transaction: transaction, At: at,
	}
}

// WentBack tells whether the money came and went back to whoever sent it: nobody can be credited with it.
func (s State) WentBack() bool {
	return s.Owner == "" && s.Released != nil && s.Released.How == ReleaseReturned
}

// credit is how money that a transaction claims leaves suspense, or comes back from having been written off; false where none
// stood there.
func (s State) credit(transaction string, at time.Time) (SuspenseReleased, bool) {
	switch {
	case s.Suspense != nil:
		return s.Suspense.released(ReleaseCredited, transaction, at), true
	case s.Released != nil && s.Released.How == ReleaseWrittenOff:
		e := *s.Released
		e.How, e.Was, e.Transaction, e.At = ReleaseCredited, ReleaseWrittenOff, transaction, at
		return e, true
	}
	return SuspenseReleased{}, false
}

// OpenSuspense notes money that nobody can be credited with.
type OpenSuspense struct{ SuspenseOpened }

// Decide notes it once; money that has an owner or was noted before is not in suspense.
func (c OpenSuspense) Decide(s State) ([]domain.Event, error) {
	if s.Owner != "" || s.Suspense != nil || s.Released != nil {
		return nil, nil
	}
	if t := s.Trusted; t != nil {
		return nil, nil // its own transaction is about to claim it
	}
	return []domain.Event{c.SuspenseOpened}, nil
}

// ReleaseSuspense ends what stands in suspense without crediting anybody: crediting is a Claim.
type ReleaseSuspense struct {
	How Release
	At  time.Time
}

// Decide ends it once. Errors: NotFound when nothing stands in suspense; Conflict when it was ended otherwise.
func (c ReleaseSuspense) Decide(s State) ([]domain.Event, error) {
	switch {
	case s.Suspense != nil:
		return []domain.Event{s.Suspense.released(c.How, "", c.At)}, nil
	case s.Released == nil:
		return nil, domain.NotFoundf("nothing stands in suspense under this receipt")
	case s.Released.How != c.How && s.Released.Was != c.How: // was, of what was ended so and is credited since
		return nil, domain.Conflictf("The money was %s already", s.Released.How)
	}
	return nil, nil
}

// RestoreSuspense takes back what ReleaseSuspense said.
type RestoreSuspense struct {
	How Release
	At  time.Time
}

// Decide takes it back once. Errors: NotFound when nothing stood in suspense; Conflict when it did not leave so, or counts for a
// transaction since.
func (c RestoreSuspense) Decide(s State) ([]domain.Event, error) {
	switch r := s.Released; {
	case s.Suspense != nil:
		return nil, nil
	case r == nil:
		return nil, domain.NotFoundf("nothing stood in suspense under this receipt")
	case s.Owner != "":
		return nil, domain.Conflictf("The receipt %s pays %s since", r.Number, s.Owner)
	case r.How != c.How:
		return nil, domain.Conflictf("The money was %s already", r.How)
	default:
		return []domain.Event{SuspenseRestored{
			Provider: r.Provider, Number: r.Number, Merchant: r.Merchant, Mode: r.Mode, Channel: r.Channel, Funds: r.Funds, Amount: r.Amount,
			Was: r.How, At: c.At,
		}}, nil
	}
}
