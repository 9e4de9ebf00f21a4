package simulator

import (
	"fmt"
	"net/http"
	"time"
)

// Fault is a way in which a whole API misbehaves, until it is switched off.
type Fault string

// The faults.
const (
	NoFault     Fault = ""
	Internal    Fault = "500"   // HTTP 500, 500.003.1001 Internal Server Error
	Empty       Fault = "empty" // HTTP 500 without a body
	HTML        Fault = "html"  // HTTP 500 with a gateway's HTML page
	Unavailable Fault = "503"   // HTTP 503 without a body
	Busy        Fault = "busy"  // HTTP 500, 500.003.02 System is busy
	SpikeArrest Fault = "spike" // HTTP 500, 500.003.02 Spike Arrest Violation
	Slow        Fault = "slow"  // right, but after 35 s (scaled)
	Drop        Fault = "drop"  // the connection is closed and nothing was done
	Rejected    Fault = "token" // every token is rejected, in the API's own spelling
)

// slowness is how long a slow answer takes, in the provider's time.
const slowness = 35 * time.Second

// Faults are the switches at /__sim/faults.
type Faults struct {
	OAuth    Fault `json:"oauth"`
	STKPush  Fault `json:"stkpush"`
	STKQuery Fault `json:"stkquery"`
	C2B      Fault `json:"c2b"`
	// The APIs of initiators, and Pull Transactions.
	Reversal          Fault `json:"reversal"`
	B2C               Fault `json:"b2c"`
	TransactionStatus Fault `json:"transactionstatus"`
	AccountBalance    Fault `json:"accountbalance"`
	Pull              Fault `json:"pull"`
	// TokenTTLSeconds is the lifetime of new tokens, in real seconds; 0 means 3599.
	TokenTTLSeconds int `json:"token_ttl_seconds"`
	// NewTokenKillsOld makes a new token invalidate the app's earlier ones (Daraja's FAQ says so; not observed).
	NewTokenKillsOld bool `json:"new_token_kills_old"`
	// WrongSecretEmptyBody answers a wrong key or secret with 400 and no body (reported) instead of 400.008.01.
	WrongSecretEmptyBody bool `json:"wrong_secret_empty_body"`
	// PartialReversals lets a part of a payment be reversed; otherwise that ends with 25. Which it is at Safaricom is not
	// documented.
	PartialReversals bool `json:"partial_reversals"`
	// ReversedReadsCompleted makes a status query say "Completed" of a payment that was reversed, rather than "Reversed".
	// Which it is at Safaricom is not documented.
	ReversedReadsCompleted bool `json:"reversed_reads_completed"`
}

// Validate names the first switch that has no such position.
func (f Faults) Validate() error {
	for _, each := range []struct {
		name  string
		fault Fault
	}{
		{"oauth", f.OAuth},
		{"stkpush", f.STKPush},
		{"stkquery", f.STKQuery},
		{"c2b", f.C2B},
		{"reversal", f.Reversal},
		{"b2c", f.B2C},
		{"transactionstatus", f.TransactionStatus},
		{"accountbalance", f.AccountBalance},
		{"pull", f.Pull},
	} {
		switch each.fault {
		case NoFault, Internal, Empty, HTML, Unavailable, Busy, SpikeArrest, Slow, Drop, Rejected:
		default:
			return fmt.Errorf("%s: no fault %q", each.name, each.fault)
		}
	}
	if f.TokenTTLSeconds < 0 {
		return fmt.Errorf("token_ttl_seconds: %d is negative", f.TokenTTLSeconds)
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
		writeHTML500(w)
	case Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case Busy:
		s.refuse(w, errBusy)
	case SpikeArrest:
		s.refuse(w, errSpikeArrest)
	case Drop:
		dropConnection(w)
	case Slow:
		return !s.wait(r.Context(), slowness)
	case NoFault, Rejected: // Rejected is for the token check
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
