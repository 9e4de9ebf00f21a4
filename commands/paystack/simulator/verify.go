package simulator

import (
	"net/http"
	"strconv"
)

// verify is GET /transaction/verify/{reference}.
func (s *Simulator) verify(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := a.byReference[r.PathValue("reference")]
	if t == nil {
		return s.notFound()
	}
	return answered("Verification successful", s.view(t), nil)
}

// fetch is GET /transaction/{id}.
func (s *Simulator) fetch(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.byID[id]
	if err != nil || t == nil || t.account != a {
		return s.notFound()
	}
	return answered("Transaction retrieved", s.view(t), nil)
}

func (s *Simulator) notFound() *answer {
	e := errNotFound
	e.status = s.opts.UnknownReferenceStatus
	return refused(e)
}
