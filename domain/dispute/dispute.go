// Package dispute holds the rules of disputes: a payer's complaint to the bank about a card payment, which the merchant
// answers before a deadline or loses. A dispute's stream is dispute-{channel}-{number}, where the number is the provider's:
// within one channel, so that nobody can speak of another's disputes by signing with a key of his own.
//
// What a dispute takes back is money of the payment, and stands in the payment's stream (transaction.PaymentReversed): here
// is only what was said of it. An open dispute takes nothing.
//
// Start with Weigh, which lets what the provider says count, then answer.go and evidence.go for what the merchant says.
package dispute

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// Stream is the stream of the dispute that the provider numbers so, about a payment through the channel.
func Stream(channel, id int64) string {
	return streamPrefix + strconv.FormatInt(channel, 10) + "-" + strconv.FormatInt(id, 10)
}

// FromStream reads what Stream wrote.
func FromStream(stream string) (channel, id int64, ok bool) {
	first, second, split := strings.Cut(strings.TrimPrefix(stream, streamPrefix), "-")
	channel, err := strconv.ParseInt(first, 10, 64)
	id, wrong := strconv.ParseInt(second, 10, 64)
	return channel, id, split && err == nil && wrong == nil && strings.HasPrefix(stream, streamPrefix)
}

const streamPrefix = "dispute-"

// Receipt is under what the money that a dispute took back stands in its payment.
func Receipt(id int64) string { return streamPrefix + strconv.FormatInt(id, 10) }

// FromReceipt reads what Receipt wrote.
func FromReceipt(receipt string) (id int64, ok bool) {
	digits, is := strings.CutPrefix(receipt, streamPrefix)
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, is && err == nil
}

// Status is whose turn it is, or how it ended.
type Status string

// The statuses.
const (
	NeedsResponse Status = "needs_response" // the merchant has to answer before the deadline
	UnderReview   Status = "under_review"   // the bank, or the provider, decides
	Won           Status = "won"            // the merchant keeps the money
	Lost          Status = "lost"           // the payer gets it back
	Closed        Status = "closed"         // over in a way that doesn't tell who has the money: a person has to look
)

// Statuses are all of them.
func Statuses() []Status { return []Status{NeedsResponse, UnderReview, Won, Lost, Closed} }

// Final tells whether it has ended.
func (s Status) Final() bool { return s == Won || s == Lost || s == Closed }

// rank orders the statuses that a dispute passes through.
func (s Status) rank() int {
	switch s {
	case NeedsResponse:
		return 1
	case UnderReview:
		return 2
	case Won, Lost, Closed:
		return 3
	}
	return 0
}

// Door is how something of a dispute was heard.
type Door string

// The doors.
const (
	DoorWebhook Door = "paystack_dispute_webhook" // signed with the channel's secret key
	DoorList    Door = "paystack_dispute_list"    // our question after all disputes
	DoorFetch   Door = "paystack_dispute_fetch"   // our question after this one
	DoorAnswer  Door = "paystack_dispute_answer"  // the provider's word on our answer
)

// Answer is what the merchant says to a dispute.
type Answer string

// The answers.
const (
	Accept  Answer = "accepted" // the payer gets the money back
	Decline Answer = "declined" // the payment was right; the bank decides
)

// Outcome is what the provider made of something that it was told.
type Outcome string

// The outcomes.
const (
	Pending Outcome = "pending"
	Taken   Outcome = "taken"
	Refused Outcome = "refused"
	Unknown Outcome = "unknown"
)

// Evidence is what was said about the payment.
type Evidence struct {
	EvidenceGiven
	Outcome     Outcome
	ProviderID  string
	Upload      string
	FailureCode string
	Reason      string
}

// Answered is an answer that was given.
type Answered struct {
	AnswerRequested
	Outcome     Outcome
	FailureCode string
	Reason      string
	KnownAt     time.Time // since when the outcome is so
}

// State is a dispute: what its events add up to.
type State struct {
	Opened
	// Status and DueAt hide those of the beginning.
	Status     Status
	DueAt      time.Time
	Evidence   []Evidence
	Answers    []Answered
	Resolution string
	Returned   money.Money
	ResolvedAt time.Time
	RemindedAt time.Time
	Reminders  int
	// Attention is why a person has to look, empty when nobody has to.
	Attention string
	UpdatedAt time.Time
	asOf      time.Time
	digests   []string
}

// Exists tells whether it was heard of.
func (s State) Exists() bool { return s.ID != 0 }

// Known tells whether the payment is one of Kipay's.
func (s State) Known() bool { return s.Reference != "" }

// LastAnswer is the newest answer, and whether there is one.
func (s State) LastAnswer() (Answered, bool) {
	if len(s.Answers) == 0 {
		return Answered{}, false
	}
	return s.Answers[len(s.Answers)-1], true
}

// Upload is the provider's name of the newest file that it has, and EvidenceID its number of the newest evidence.
func (s State) Upload() (upload, evidenceID string) {
	for _, e := range s.Evidence {
		if e.Outcome == Taken {
			evidenceID = e.ProviderID
			if e.Upload != "" {
				upload = e.Upload
			}
		}
	}
	return upload, evidenceID
}

// Has tells whether what the digest is of was heard.
func (s State) Has(digest string) bool { return slices.Contains(s.digests, digest) }

// Evolve is the state after e. It copies what it changes: states are shared between goroutines.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Opened:
		s.Opened, s.Status, s.DueAt, s.asOf, s.UpdatedAt = e, e.Status, e.DueAt, e.AsOf, e.At
	case NoticeReceived:
		s.digests = append(slices.Clip(s.digests), e.Digest)
	case Reminded:
		s.RemindedAt, s.UpdatedAt = e.At, e.At
		s.Reminders++
	case Moved:
		s.Status, s.DueAt, s.asOf, s.UpdatedAt = e.Status, e.DueAt, e.AsOf, e.At
	case EvidenceGiven:
		s.Evidence = append(slices.Clip(s.Evidence), Evidence{EvidenceGiven: e, Outcome: Pending})
		s.UpdatedAt = e.At
	case EvidenceAccepted:
		s = s.changeEvidence(e.N, e.At, func(v *Evidence) {
			v.Outcome, v.ProviderID, v.Upload, v.FailureCode, v.Reason = Taken, e.ProviderID, e.Upload, "", ""
		})
	case EvidenceFailed:
		s = s.changeEvidence(e.N, e.At, func(v *Evidence) { v.Outcome, v.FailureCode, v.Reason = Refused, e.FailureCode, e.Reason })
	case AnswerRequested:
		s.Answers = append(slices.Clip(s.Answers), Answered{AnswerRequested: e, Outcome: Pending})
		s.UpdatedAt = e.At
	case AnswerAccepted:
		s = s.changeAnswer(e.N, e.At, func(a *Answered) { a.Outcome = Taken })
	case AnswerRefused:
		s = s.changeAnswer(e.N, e.At, func(a *Answered) { a.Outcome, a.FailureCode, a.Reason = Refused, e.FailureCode, e.Reason })
	case AnswerUnknown:
		s = s.changeAnswer(e.N, e.At, func(a *Answered) { a.Outcome = Unknown })
	case Resolved:
		s.Status, s.Resolution, s.Returned, s.ResolvedAt, s.UpdatedAt = e.Status, e.Resolution, e.Returned, e.ResolvedAt, e.At
	case NeedsAttention:
		s.Attention, s.UpdatedAt = e.Why, e.At
	}
	return s
}

func (s State) changeEvidence(n int, at time.Time, fn func(*Evidence)) State {
	s.Evidence = slices.Clone(s.Evidence)
	for i := range s.Evidence {
		if s.Evidence[i].N == n {
			fn(&s.Evidence[i])
			s.UpdatedAt = at
		}
	}
	return s
}

func (s State) changeAnswer(n int, at time.Time, fn func(*Answered)) State {
	s.Answers = slices.Clone(s.Answers)
	for i := range s.Answers {
		if s.Answers[i].N == n {
			fn(&s.Answers[i])
			s.Answers[i].KnownAt, s.UpdatedAt = at, at
		}
	}
	return s
}
