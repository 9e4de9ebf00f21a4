package payout

import (
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// Status is what merchants see of a payout.
type Status string

// The statuses.
const (
	Waiting   Status = "awaiting_approval"
	Ready     Status = "approved" // to be sent, or to be made by a person
	Pending   Status = "sent"     // the provider may have paid
	Paid      Status = "completed"
	Refused   Status = "failed"
	Stopped   Status = "rejected"
	Forgotten Status = "abandoned"
)

// Statuses are all that a merchant can ask for.
func Statuses() []Status { return []Status{Waiting, Ready, Pending, Paid, Refused, Stopped} }

// Failure is why a provider has not paid.
type Failure struct {
	Code        string // the provider's
	FailureCode string
	Reason      string
	At          time.Time
}

// State is a payout.
type State struct {
	Requested
	Status                 Status
	ApprovedBy, RejectedBy string
	// WasSent says that the provider was asked, or is about to be; Answered that its answer is known, be it that it was lost.
	WasSent, Answered, Unknown bool
	SentAt                     time.Time
	ConversationID             string
	Receipt                    string
	Came                       money.Money  // what was paid, zero before
	Charge                     *money.Money // what the provider took for it, nil while that is not known
	PaidAt                     time.Time
	Failure                    *Failure
	BankReference, ValueDate   string
	// Attention is why a person has to look, empty when nobody has to.
	Attention string
	UpdatedAt time.Time

	digests []string
}

// Exists tells whether the payout was requested.
func (s State) Exists() bool { return s.ID != 0 }

// Holds tells whether money of the channel's is set apart for it, or gone with it.
func (s State) Holds() bool {
	switch s.Status {
	case Waiting, Ready, Pending, Paid:
		return true
	case Refused, Stopped, Forgotten:
	}
	return false
}

// Has tells whether a notice with the digest was recorded.
func (s State) Has(digest string) bool { return slices.Contains(s.digests, digest) }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Requested:
		s.Requested, s.Status, s.Came = e, Ready, money.Of(0, e.Amount.Currency)
		if e.NeedsApproval {
			s.Status = Waiting
		}
		s.UpdatedAt = e.At
	case Abandoned:
		s.Status, s.UpdatedAt = Forgotten, e.At
	case Approved:
		s.Status, s.ApprovedBy, s.UpdatedAt = Ready, e.ApprovedBy, e.At
	case Rejected:
		s.Status, s.RejectedBy, s.Attention, s.UpdatedAt = Stopped, e.RejectedBy, "", e.At
	case Sent:
		s.Status, s.WasSent, s.SentAt, s.Attention, s.UpdatedAt = Pending, true, e.At, "", e.At
	case Accepted:
		s.Answered, s.ConversationID, s.UpdatedAt = true, e.ConversationID, e.At
	case OutcomeUnknown:
		s.Answered, s.Unknown, s.UpdatedAt = true, true, e.At
	case NoticeReceived:
		s.digests = append(s.digests[:len(s.digests):len(s.digests)], e.Digest)
	case Completed:
		s.Status, s.Receipt, s.Came, s.PaidAt = Paid, e.Receipt, e.Amount, e.PaidAt
		s.Answered, s.Unknown, s.Failure, s.Attention, s.UpdatedAt = true, false, nil, "", e.At
		if charge := e.Charge; charge.Currency != "" {
			s.Charge = &charge
		}
		if e.Amount != s.Amount {
			s.Attention = "the provider says that it paid " + e.Amount.Format()
		}
	case ChargeReported:
		charge := e.Charge
		s.Charge, s.UpdatedAt = &charge, e.At
	case Failed:
		s.Status, s.Answered, s.Unknown, s.Attention, s.UpdatedAt = Refused, true, false, "", e.At
		s.Failure = &Failure{Code: e.Code, FailureCode: e.FailureCode, Reason: e.Reason, At: e.At}
	case NeedsAttention:
		s.Attention, s.UpdatedAt = e.Why, e.At
	case Recorded:
		s.Status, s.Came, s.PaidAt, s.BankReference, s.ValueDate = Paid, s.Amount, e.ValuedAt, e.BankReference, e.ValueDate
		s.Attention, s.UpdatedAt = "", e.At
	}
	return s
}
