package simulator

import "net/http"

// Handler serves Daraja's paths, the admin API under /__sim/ and the page at /.
func (s *Simulator) Handler() http.Handler {
	push := func(f Faults) Fault { return f.STKPush }
	query := func(f Faults) Fault { return f.STKQuery }
	c2b := func(f Faults) Fault { return f.C2B }
	pull := func(f Faults) Fault { return f.Pull }
	none := func(Faults) Fault { return NoFault }

	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/v1/generate", s.authorize)
	mux.HandleFunc("/mpesa/stkpush/v1/processrequest", s.api(errTokenSTK, push, s.stkPush))
	mux.HandleFunc("/mpesa/stkpushquery/v1/query", s.api(errTokenSTK, query, s.stkQuery))
	mux.HandleFunc("/mpesa/c2b/v1/registerurl", s.api(errTokenC2B, c2b, s.registerURL(1)))
	mux.HandleFunc("/mpesa/c2b/v2/registerurl", s.api(errTokenC2B, c2b, s.registerURL(2)))
	mux.HandleFunc("/mpesa/c2b/v1/simulate", s.api(errTokenC2B, c2b, s.simulateC2B))
	mux.HandleFunc("/mpesa/c2b/v2/simulate", s.api(errTokenC2B, c2b, s.simulateC2B))
	s.orderRoutes(mux)
	mux.HandleFunc("/pulltransactions/v1/register", s.api(errTokenPull, pull, s.registerPull))
	// The page has GET with a body, its clients use POST.
	mux.HandleFunc("/pulltransactions/v1/query", s.verbs(errTokenPull, pull, s.pullTransactions, http.MethodGet, http.MethodPost))
	// What is not simulated (B2B, bill manager, dynamic QR …) says so as Daraja says it of an unknown path.
	mux.HandleFunc("/mpesa/c2b/", s.api(errTokenC2B, none, s.unknown(errResourceC2)))
	mux.HandleFunc("/mpesa/", s.api(errTokenSTK, none, s.unknown(errResource)))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { s.refuse(w, errResource) })
	s.admin(mux)
	return mux
}

func (s *Simulator) unknown(e refusal) handler {
	return func(w http.ResponseWriter, _ *http.Request, _ caller) { s.refuse(w, e) }
}
