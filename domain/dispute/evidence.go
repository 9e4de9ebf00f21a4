package dispute

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// maxEvidence bounds how often evidence is given for one dispute.
const maxEvidence = 50

// GiveEvidence announces what the merchant says about the payment, before the provider is told.
type GiveEvidence struct{ EvidenceGiven }

// Decide announces it, unless the newest evidence is the same. Errors: NotFound; Conflict when it isn't the merchant's turn,
// or there is more than anybody reads.
func (c GiveEvidence) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("dispute not found")
	}
	if n := len(s.Evidence); n > 0 && s.Evidence[n-1].Digest == c.Digest && s.Evidence[n-1].Outcome != Refused {
		return nil, nil
	}
	if err := s.mayAnswer(); err != nil {
		return nil, err
	}
	if len(s.Evidence) >= maxEvidence {
		return nil, domain.Conflictf("This dispute has evidence enough")
	}
	e := c.EvidenceGiven
	e.ID, e.N, e.Subject = s.ID, len(s.Evidence)+1, s.Subject
	return []domain.Event{e}, nil
}

// mayAnswer tells whether it is the merchant's turn. Errors: Conflict.
func (s State) mayAnswer() error {
	a, given := s.LastAnswer()
	switch {
	case s.Status.Final():
		return domain.Conflictf("This dispute has ended: %s", s.Status)
	case s.Status != NeedsResponse:
		return domain.Conflictf("This dispute is under review: the provider takes no evidence now")
	case given && a.Outcome != Refused:
		return domain.Conflictf("This dispute has been answered already: %s", a.Answer)
	}
	return nil
}

// SettleEvidence notes what the provider made of evidence.
type SettleEvidence struct {
	N                   int
	ProviderID, Upload  string // when it has it
	FailureCode, Reason string // when it may not
	At                  time.Time
}

// Decide notes it; what may not have arrived may still be found to have. Errors: NotFound.
func (c SettleEvidence) Decide(s State) ([]domain.Event, error) {
	for _, e := range s.Evidence {
		switch {
		case e.N != c.N:
		case e.Outcome == Taken || c.ProviderID == "" && e.Outcome == Refused:
			return nil, nil
		case c.ProviderID != "":
			return []domain.Event{EvidenceAccepted{ID: s.ID, N: c.N, ProviderID: c.ProviderID, Upload: c.Upload, At: c.At}}, nil
		default:
			return []domain.Event{EvidenceFailed{ID: s.ID, N: c.N, FailureCode: c.FailureCode, Reason: c.Reason, At: c.At}}, nil
		}
	}
	return nil, domain.NotFoundf("evidence not found")
}
