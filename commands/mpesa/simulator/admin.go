package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// admin adds the routes that no provider has. They answer {"error":"…"} when something is wrong.
//
//	GET  /__sim/scenarios                      the magic numbers
//	GET  /__sim/results                        the ResultCodes and their texts
//	POST /__sim/next                           script the next payment, or order of an initiator (Next)
//	GET  /__sim/deliveries?after=0&wait=10     what was posted to merchants; wait: seconds to hold on for something new
//	GET  /__sim/prompts                        the live prompts
//	POST /__sim/prompts/{id}/{decision}        approve, cancel, wrong-pin, ignore (manual prompts)
//	GET  /__sim/faults                         the switches
//	POST /__sim/faults                         set the ones that are named
//	POST /__sim/reset                          forget everything but the delivery log
//
// and those of adminPortal.
func (s *Simulator) admin(mux *http.ServeMux) {
	// A web page elsewhere must not play with the sandbox of whoever looks at it.
	guard := http.NewCrossOriginProtection()
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, guard.Handler(h)) }

	handle("GET /__sim/scenarios", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"scenarios": Scenarios(), "initiator_scenarios": InitiatorScenarios()})
	})
	handle("GET /__sim/results", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"results": Results(), "initiator_results": InitiatorResults()})
	})
	handle("POST /__sim/next", s.adminNext)
	handle("GET /__sim/deliveries", s.adminDeliveries)
	handle("GET /__sim/prompts", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"prompts": s.Prompts()})
	})
	handle("POST /__sim/prompts/{id}/{decision}", s.adminDecide)
	handle("GET /__sim/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Faults()) })
	handle("POST /__sim/faults", s.adminFaults)
	handle("POST /__sim/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		writeJSON(w, http.StatusOK, map[string]any{"reset": true})
	})
	s.adminPortal(handle)
	mux.HandleFunc("/__sim/", func(w http.ResponseWriter, _ *http.Request) {
		adminError(w, http.StatusNotFound, "no such admin route")
	})
	mux.HandleFunc("GET /__sim/style.css", styleSheet)
	mux.HandleFunc("GET /{$}", s.page)
}

func adminError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

// readAdmin decodes a bounded JSON body onto v, unknown names refused: a misspelt switch must not pass for set.
func readAdmin(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		adminError(w, http.StatusBadRequest, "body: "+err.Error())
		return false
	}
	return true
}

func (s *Simulator) adminNext(w http.ResponseWriter, r *http.Request) {
	var n Next
	if !readAdmin(w, r, &n) {
		return
	}
	if err := s.Script(n); err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"next": n})
}

func (s *Simulator) adminFaults(w http.ResponseWriter, r *http.Request) {
	f := s.Faults()
	if !readAdmin(w, r, &f) {
		return
	}
	if err := s.SetFaults(f); err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, f)
}

// longestWait bounds a held-on request for deliveries, in seconds of real time.
const longestWait = 60

func (s *Simulator) adminDeliveries(w http.ResponseWriter, r *http.Request) {
	after, errAfter := wholeNumber(r, "after")
	wait, errWait := wholeNumber(r, "wait")
	if errAfter != nil || errWait != nil || wait > longestWait {
		adminError(w, http.StatusBadRequest, "after and wait are whole numbers, wait at most 60")
		return
	}
	over := time.NewTimer(time.Duration(wait) * time.Second)
	defer over.Stop()
	for {
		list, changed := s.book.Watch(after)
		if len(list) > 0 || wait == 0 {
			writeJSON(w, http.StatusOK, map[string]any{"deliveries": list, "scheduled": s.Pending()})
			return
		}
		select {
		case <-changed:
		case <-over.C:
			wait = 0
		case <-s.ctx.Done():
			wait = 0
		case <-r.Context().Done():
			return
		}
	}
}

func wholeNumber(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	return int64(n), err
}

func (s *Simulator) adminDecide(w http.ResponseWriter, r *http.Request) {
	if err := s.Decide(r.PathValue("id"), Decision(r.PathValue("decision"))); err != nil {
		adminError(w, http.StatusNotFound, err.Error())
		return
	}
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" { // the page's buttons
		// Relative, and not by http.Redirect, which would make it absolute: the simulator may be mounted below a path.
		w.Header().Set("Location", "../../../")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"decided": true})
}
