package simulator

import (
	"fmt"
	"time"
)

// Next scripts coming payments, or with API coming orders of initiators: by the name of a scenario, or by a ResultCode
// with the delay until it is called back.
type Next struct {
	// API makes it for the next order of an initiator instead of the next payment: reversal, b2c, transactionstatus or
	// accountbalance.
	API      OrderAPI `json:"api,omitempty"`
	Scenario string   `json:"scenario,omitempty"`
	// ResultCode instead of a scenario; any code, listed or not.
	ResultCode string `json:"result_code,omitempty"`
	// AfterSeconds is the delay of ResultCode in the provider's time; 0 means 2 s.
	AfterSeconds float64 `json:"after_seconds,omitempty"`
	// Silent leaves the callback of ResultCode out.
	Silent bool `json:"silent,omitempty"`
	// MSISDN limits it to one number; empty means whoever comes next.
	MSISDN string `json:"msisdn,omitempty"`
	// Times is how many payments it holds for; 0 means 1.
	Times int `json:"times,omitempty"`
}

// Script queues n. It is used before the table of magic numbers, first come first served.
func (s *Simulator) Script(n Next) error {
	if (n.Scenario == "") == (n.ResultCode == "") {
		return fmt.Errorf("give either scenario or result_code")
	}
	_, known := s.scenarios[n.Scenario]
	switch n.API {
	case "":
	case Reversal, B2C, TransactionStatus, AccountBalance:
		_, known = s.orderScenarios[n.Scenario]
	default:
		return fmt.Errorf("api: no API %q", n.API)
	}
	if n.Scenario != "" && !known {
		return fmt.Errorf("scenario: no scenario %q", n.Scenario)
	}
	if len(n.ResultCode) > 20 {
		return fmt.Errorf("result_code: more than 20 characters")
	}
	if n.MSISDN != "" && !msisdnFormat.MatchString(n.MSISDN) {
		return fmt.Errorf("msisdn: %q is no 2547… or 2541… number", n.MSISDN)
	}
	if !(n.AfterSeconds >= 0 && n.AfterSeconds <= 86_400) {
		return fmt.Errorf("after_seconds: from 0 to 86400")
	}
	if n.Times < 0 {
		return fmt.Errorf("times: %d is negative", n.Times)
	}
	n.Times = max(1, n.Times)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.scripted) >= maxScripted {
		return fmt.Errorf("%d payments are scripted already", maxScripted)
	}
	s.scripted = append(s.scripted, n)
	return nil
}

// choose picks what happens to a payment of msisdn: a script, a magic number, or success. The caller holds mu.
func (s *Simulator) choose(msisdn string) (sc Scenario, scripted bool) {
	for i := range s.scripted {
		n := &s.scripted[i]
		if n.API != "" || n.MSISDN != "" && n.MSISDN != msisdn {
			continue
		}
		sc = s.scripting(*n)
		if n.Times--; n.Times == 0 {
			s.scripted = append(s.scripted[:i], s.scripted[i+1:]...)
		}
		return sc, true
	}
	if sc, magic := s.magic[msisdn]; magic {
		return sc, false
	}
	return s.scenarios["success"], false
}

func (s *Simulator) scripting(n Next) Scenario {
	if n.Scenario != "" {
		return s.scenarios[n.Scenario]
	}
	after := paidAfter
	if n.AfterSeconds > 0 {
		after = time.Duration(n.AfterSeconds * float64(time.Second))
	}
	p := ends(n.ResultCode, after)
	if n.Silent {
		p = p.quiet()
	}
	return Scenario{Name: "scripted-" + n.ResultCode, API: ForSTK, plan: p}
}
