package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Fault is a way in which an API misbehaves.
type Fault string

// The faults.
const (
	NoFault     Fault = ""
	Internal    Fault = "500"        // HTTP 500, Paystack's error body
	Empty       Fault = "empty"      // HTTP 500 without a body
	HTML        Fault = "html"       // HTTP 502 with a gateway's HTML page
	Unavailable Fault = "503"        // HTTP 503 without a body
	RateLimited Fault = "429"        // rate_limited
	Slow        Fault = "slow"       // right, but after 35 s (scaled)
	Drop        Fault = "drop"       // the connection is closed and nothing was done
	DropAfter   Fault = "drop-after" // it was done, then the connection is closed
)

// slowness is how long a slow answer takes, in the provider's time.
const slowness = 35 * time.Second

// Faults are the switches at /__sim/faults; each stays until it is switched off.
type Faults struct {
	Initialize Fault `json:"initialize"`
	Verify     Fault `json:"verify"`
	List       Fault `json:"list"`
	Refund     Fault `json:"refund"`
	Refunds    Fault `json:"refunds"`
	Settlement Fault `json:"settlement"`
	Dispute    Fault `json:"dispute"`
	// RateLimit is how many calls a minute each account has; 0 means no limit. Paystack's own in test mode is 100.
	RateLimit int `json:"rate_limit"`
}

func (f Fault) known() bool {
	switch f {
	case NoFault, Internal, Empty, HTML, Unavailable, RateLimited, Slow, Drop, DropAfter:
		return true
	}
	return false
}

// apis are the names that Faults and Next know.
func apis() []string {
	return []string{onInitialize, onVerify, onList, onRefund, onRefunds, onSettlement, onDispute}
}

// of is the switch of an API.
func (f Faults) of(on string) Fault {
	switch on {
	case onInitialize:
		return f.Initialize
	case onVerify:
		return f.Verify
	case onList:
		return f.List
	case onRefund:
		return f.Refund
	case onRefunds:
		return f.Refunds
	case onSettlement:
		return f.Settlement
	case onDispute:
		return f.Dispute
	}
	return NoFault
}

// Validate names the first switch that has no such position.
func (f Faults) Validate() error {
	for _, on := range apis() {
		if fault := f.of(on); !fault.known() {
			return fmt.Errorf("%s: no fault %q", on, fault)
		}
	}
	if f.RateLimit < 0 {
		return fmt.Errorf("rate_limit: %d is negative", f.RateLimit)
	}
	return nil
}

// Faults are the switches as they stand.
func (s *Simulator) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// SetFaults sets all switches at once.
func (s *Simulator) SetFaults(f Faults) error {
	if err := f.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	return nil
}

// misbehave acts f out. It is true when the request has been answered (or its connection closed).
func (s *Simulator) misbehave(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch f {
	case Internal:
		s.refuse(w, errInternal)
	case Empty:
		w.WriteHeader(http.StatusInternalServerError)
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"))
	case Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case RateLimited:
		s.refuse(w, errRateLimited)
	case Drop:
		dropConnection(w)
	case Slow:
		return !s.wait(r.Context(), slowness)
	case NoFault, DropAfter: // DropAfter is for the handler's end
		return false
	}
	return true
}

// dropConnection closes the connection without an answer.
func dropConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 cannot be hijacked: net/http's own way to reset the stream
	}
	_ = conn.Close()
}

// window is the length of Paystack's rate limit.
const window = 60

// spend counts a call against the account's limit and tells the rest in headers. The names limit and remaining are
// inferred, reset was recorded.
func (s *Simulator) spend(w http.ResponseWriter, a *account) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.faults.RateLimit
	if limit == 0 {
		return true
	}
	now := s.opts.Now().Unix()
	if now-a.windowStart >= window || now < a.windowStart {
		a.windowStart, a.used = now, 0
	}
	a.used++
	w.Header().Set("x-ratelimit-limit", strconv.Itoa(limit))
	w.Header().Set("x-ratelimit-remaining", strconv.Itoa(max(0, limit-a.used)))
	w.Header().Set("x-ratelimit-reset", strconv.FormatInt(a.windowStart+window-now, 10))
	return a.used <= limit
}
