package payout

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// What M-Pesa pays out at once, in shillings (Daraja, B2C).
const (
	minShillings = 10
	maxShillings = 250_000
)

// Request wants a payout, for which the money is reserved already. Way, NeedsApproval and Limit are decided here.
type Request struct {
	Requested
	Policy Policy
}

// Check says what is wrong with what is wanted, whatever there is: Invalid, naming every field.
func (c Request) Check() error {
	var p domain.Problems
	c.Destination.check(&p)
	switch {
	case !c.Amount.IsPositive():
		p.Add("amount", "must be more than zero")
	case c.Destination.Way() == ByPerson:
	case c.Amount.Currency != money.KES:
		p.Add("amount", "must be in KES for M-Pesa")
	case !c.Amount.IsWhole():
		p.Add("amount", "must be whole shillings for M-Pesa")
	case c.Amount.Major() < minShillings || c.Amount.Major() > maxShillings:
		p.Addf("amount", "must be from %d to %d shillings for M-Pesa", minShillings, maxShillings)
	}
	return p.Err()
}

// Decide opens the payout once. Errors: Invalid; Conflict when it was given up, or the reference is another payout's.
func (c Request) Decide(s State) ([]domain.Event, error) {
	switch {
	case s.Status == Forgotten:
		return nil, domain.Conflictf("This payout was given up before it was recorded: request it again, with another Idempotency-Key")
	case s.Exists() && s.ID == c.ID && s.Merchant == c.Merchant && s.Amount == c.Amount:
		return nil, nil
	case s.Exists():
		return nil, domain.Conflictf("payout %s was requested with something else", c.Reference)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	e := c.Requested
	e.Way = e.Destination.Way()
	e.Limit = c.Policy.Limit(e.Amount.Currency)
	e.NeedsApproval = e.Amount.Minor > e.Limit
	return []domain.Event{e}, nil
}

// Abandon gives up a payout that money was reserved for and that was never requested, so that it can't be any more.
type Abandon struct {
	Reference Reference
	Merchant  int64
	At        time.Time
}

// Decide gives up only what is not there.
func (c Abandon) Decide(s State) ([]domain.Event, error) {
	if s.Exists() || s.Status == Forgotten {
		return nil, nil
	}
	return []domain.Event{Abandoned{Reference: c.Reference, Merchant: c.Merchant, At: c.At}}, nil
}

// Approve is a second person's yes.
type Approve struct {
	By string // the actor
	At time.Time
}

// Decide takes it once. Errors: NotFound; Forbidden for who requested it; Conflict when it isn't waiting for one.
func (c Approve) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payout not found")
	case s.ApprovedBy == c.By && s.Status != Stopped:
		return nil, nil
	case s.Status != Waiting:
		return nil, domain.Conflictf("This payout is %s: it is not waiting for approval", s.Status)
	case c.By == s.RequestedBy:
		return nil, domain.Forbiddenf("Who requested a payout can't approve it: another person, with an API key for approvals, or the operator has to")
	}
	return []domain.Event{Approved{Reference: s.Reference, ApprovedBy: c.By, At: c.At}}, nil
}

// maxReason bounds the reason of a rejection, in characters.
const maxReason = 500

// Reject stops a payout before anything is sent. Whoever requested it may, too.
type Reject struct {
	By     string // the actor
	Reason string
	At     time.Time
}

// Decide stops it once. Errors: NotFound; Conflict when the provider was asked, or it was made; Invalid on reason.
func (c Reject) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payout not found")
	case s.Status == Stopped:
		return nil, nil
	case s.Status != Waiting && s.Status != Ready:
		return nil, domain.Conflictf("This payout is %s: it can't be stopped any more", s.Status)
	case characters(c.Reason) > maxReason:
		return nil, domain.Invalid("reason", "must have at most 500 characters")
	}
	return []domain.Event{Rejected{Reference: s.Reference, RejectedBy: c.By, Reason: domain.Personal(c.Reason), At: c.At}}, nil
}

// maxBankReference bounds a bank's reference, in characters.
const maxBankReference = 64

// Record says that a person made the transfer.
type Record struct {
	By            string // the actor
	BankReference string
	ValueDate     time.Time // the start of the bank's day, in Zone
	Zone          *time.Location
	At            time.Time
}

// Decide records it once. Errors: NotFound; Conflict when it is not for a person to make, or not approved; Invalid on
// bank_reference and value_date.
func (c Record) Decide(s State) ([]domain.Event, error) {
	day := c.ValueDate.In(c.Zone).Format(time.DateOnly)
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payout not found")
	case s.Way != ByPerson:
		return nil, domain.Conflictf("M-Pesa makes this payout: nobody has to")
	case s.Status == Paid && s.BankReference == c.BankReference && s.ValueDate == day:
		return nil, nil
	case s.Status != Ready:
		return nil, domain.Conflictf("This payout is %s: only an approved one can be recorded as made", s.Status)
	}
	var p domain.Problems
	if !isBankReference(c.BankReference) {
		p.Add("bank_reference", "must be 1 to 64 letters, digits, spaces and -/._:")
	}
	switch { // days as texts: they sort as days do
	case day > c.At.In(c.Zone).Format(time.DateOnly):
		p.Add("value_date", "must not be in the future")
	case day < s.At.In(c.Zone).Format(time.DateOnly):
		p.Add("value_date", "must not be before the day on which the payout was requested")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{Recorded{
		Reference: s.Reference, RecordedBy: c.By, BankReference: c.BankReference, ValueDate: day, ValuedAt: c.ValueDate.UTC(), At: c.At,
	}}, nil
}

func isBankReference(s string) bool {
	if s == "" || len(s) > maxBankReference {
		return false
	}
	for _, r := range s {
		switch {
		case !notDigit(r), r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z':
		case r == ' ', r == '-', r == '/', r == '.', r == '_', r == ':':
		default:
			return false
		}
	}
	return true
}
