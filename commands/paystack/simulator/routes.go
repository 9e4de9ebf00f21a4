package simulator

import "net/http"

// The names of the APIs in Faults and Next.
const (
	onInitialize = "initialize"
	onVerify     = "verify"
	onList       = "list"
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
	// What is not simulated (charge, refund, settlement, transfer …) says so.
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
