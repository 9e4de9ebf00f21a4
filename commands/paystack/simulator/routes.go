package simulator

import "net/http"

// The names of the APIs in Faults and Next.
const (
	onInitialize = "initialize"
	onVerify     = "verify"
	onList       = "list"
	onRefund     = "refund"     // making one, and retrying it
	onRefunds    = "refunds"    // asking after them
	onSettlement = "settlement" // both of its lists
	onDispute    = "dispute"    // all of it
)

// answer is what an API call comes to, before it is written: a fault may close the connection instead.
type answer struct {
	refusal *refusal
	message string
	data    any
	meta    any
}

func refused(e refusal) *answer { return &answer{refusal: &e} }

func answered(message string, data, meta any) *answer {
	return &answer{message: message, data: data, meta: meta}
}

// call is an API call of an account that has been authenticated.
type call func(w http.ResponseWriter, r *http.Request, a *account) *answer

// Handler serves Paystack's paths, the checkout pages and the admin API under /__sim/.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /transaction/initialize", s.api(onInitialize, s.initialize))
	mux.HandleFunc("GET /transaction/verify/{reference}", s.api(onVerify, s.verify))
	mux.HandleFunc("GET /transaction", s.api(onList, s.list))
	mux.HandleFunc("GET /transaction/{id}", s.api(onVerify, s.fetch))
	mux.HandleFunc("POST /refund", s.api(onRefund, s.createRefund))
	mux.HandleFunc("POST /refund/retry_with_customer_details/{id}", s.api(onRefund, s.retryRefund))
	mux.HandleFunc("GET /refund", s.api(onRefunds, s.listRefunds))
	mux.HandleFunc("GET /refund/{id}", s.api(onRefunds, s.fetchRefund))
	mux.HandleFunc("GET /settlement", s.api(onSettlement, s.listSettlements))
	mux.HandleFunc("GET /settlement/{id}/transactions", s.api(onSettlement, s.settlementTransactions))
	mux.HandleFunc("GET /dispute", s.api(onDispute, s.listDisputes))
	mux.HandleFunc("GET /dispute/{id}", s.api(onDispute, s.fetchDispute))
	mux.HandleFunc("POST /dispute/{id}/evidence", s.api(onDispute, s.addEvidence))
	mux.HandleFunc("GET /dispute/{id}/upload_url", s.api(onDispute, s.uploadURL))
	mux.HandleFunc("PUT /dispute/{id}/resolve", s.api(onDispute, s.resolveDispute))
	mux.HandleFunc("PUT /dispute-files/{file}", s.takeFile)
	// What is not simulated (charge, transfer …) says so.
	mux.HandleFunc("/", s.api("", func(http.ResponseWriter, *http.Request, *account) *answer { return refused(errNoRoute) }))
	s.checkout(mux)
	s.admin(mux)
	return mux
}

// api guards h: the fault switches, the key, then the rate limit.
func (s *Simulator) api(on string, h call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fault := s.faultOn(on)
		if s.misbehave(w, r, fault) {
			return
		}
		a, e := s.authenticate(r)
		if e != nil {
			s.refuse(w, *e)
			return
		}
		if !s.spend(w, a) {
			s.refuse(w, errRateLimited)
			return
		}
		out := h(w, r, a)
		switch {
		case fault == DropAfter:
			dropConnection(w)
		case out.refusal != nil:
			s.refuse(w, *out.refusal)
		default:
			succeed(w, out.message, out.data, out.meta)
		}
	}
}
