package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// disputeRequest is POST /__sim/disputes.
type disputeRequest struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`   // subunits; 0 means all that has not gone back
	Category  string `json:"category"` // default chargeback
	Webhook   string `json:"webhook"`  // a name of WebhookScenarios; default that of the card
}

// adminOpenDispute lets the payer complain. The account is that of the Bearer key, else the only one that has the
// reference.
func (s *Simulator) adminOpenDispute(w http.ResponseWriter, r *http.Request) {
	var want disputeRequest
	if !readAdmin(w, r, &want) {
		return
	}
	bearer, named := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	keys := []string{bearer}
	if !named {
		keys = s.keysWith(want.Reference)
	}
	if len(keys) != 1 {
		adminError(w, http.StatusUnprocessableEntity, "reference: "+strconv.Itoa(len(keys))+" accounts have it; name one by its key as Bearer")
		return
	}
	id, err := s.OpenDispute(keys[0], want.Reference, DisputeOptions{want.Amount, want.Category, want.Webhook})
	if err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"dispute": id})
}

// keysWith are the accounts that have a reference.
func (s *Simulator) keysWith(reference string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key, a := range s.accounts {
		if a.byReference[reference] != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// adminDispute finds the dispute of the path, not resolved yet. When there is none it has answered. The caller holds mu
// when it gets one, and lets go of it.
func (s *Simulator) adminDispute(w http.ResponseWriter, r *http.Request) *dispute {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	s.mu.Lock()
	d := s.disputes[id]
	if err == nil && d != nil && d.status != disputeResolved {
		return d
	}
	s.mu.Unlock()
	if err != nil || d == nil {
		adminError(w, http.StatusNotFound, "no such dispute")
	} else {
		adminError(w, http.StatusUnprocessableEntity, "the dispute is resolved")
	}
	return nil
}

// adminRemind sends a charge.dispute.remind at once.
func (s *Simulator) adminRemind(w http.ResponseWriter, r *http.Request) {
	d := s.adminDispute(w, r)
	if d == nil {
		return
	}
	before := s.tellDispute(d, "charge.dispute.remind")
	s.mu.Unlock()
	s.hand(s.ctx, &d.out, before)
	writeJSON(w, http.StatusOK, map[string]any{"dispute": d.id})
}

// adminResolve is how the bank, or the end of the time, decides: {"resolution":"auto-accepted"|"merchant-accepted"|"declined"}.
func (s *Simulator) adminResolve(w http.ResponseWriter, r *http.Request) {
	var want struct {
		Resolution string `json:"resolution"`
	}
	if !readAdmin(w, r, &want) {
		return
	}
	if !slices.Contains([]string{autoAccepted, merchantAccepted, declined}, want.Resolution) {
		adminError(w, http.StatusUnprocessableEntity, "resolution: auto-accepted, merchant-accepted or declined")
		return
	}
	d := s.adminDispute(w, r)
	if d == nil {
		return
	}
	end := s.resolve(d, want.Resolution, d.amount, bankEmail)
	s.mu.Unlock()
	end(s.ctx)
	writeJSON(w, http.StatusOK, map[string]any{"dispute": d.id})
}

// adminSettle ends the day for every account.
func (s *Simulator) adminSettle(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"settlements": s.SettleNow()})
}
