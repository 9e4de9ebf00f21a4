package simulator

import (
	"net/http"
	"strconv"
	"time"
)

var errSettlementAbsent = refusal{status: http.StatusNotFound, message: "Settlement not found"}

// settlementView is a settlement as the API answers it (the fields of a third party's interface).
type settlementView struct {
	ID              uint64  `json:"id"`
	Domain          string  `json:"domain"`
	Status          string  `json:"status"`
	Currency        string  `json:"currency"`
	Integration     uint64  `json:"integration"`
	TotalAmount     int64   `json:"total_amount"`     // the payments without the fees
	EffectiveAmount int64   `json:"effective_amount"` // what reaches the bank
	TotalFees       int64   `json:"total_fees"`
	TotalProcessed  int64   `json:"total_processed"` // the payments
	Deductions      int64   `json:"deductions"`      // refunds and accepted disputes
	SettlementDate  string  `json:"settlement_date"`
	SettledBy       *string `json:"settled_by"`
	CreatedAt       string  `json:"createdAt"`
	UpdatedAt       string  `json:"updatedAt"`
}

func (st *settlement) status(now time.Time) string {
	if now.Before(st.paidAt) {
		return "processing"
	}
	return "success"
}

func (st *settlement) view(a *account, now time.Time) settlementView {
	v := settlementView{
		ID: st.id, Domain: a.domain(), Status: st.status(now), Currency: st.currency, Integration: a.integration(),
		TotalAmount: st.processed - st.fees, EffectiveAmount: st.net(), TotalFees: st.fees, TotalProcessed: st.processed,
		Deductions: st.deductions, SettlementDate: stamp(st.date), CreatedAt: stamp(st.createdAt), UpdatedAt: stamp(st.createdAt),
	}
	if v.Status == "success" {
		v.UpdatedAt = stamp(st.paidAt)
	}
	return v
}

// listSettlements is GET /settlement, newest first. There are no subaccounts here: asked for one, it finds nothing.
func (s *Simulator) listSettlements(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	q := r.URL.Query()
	p, e := parsePaging(q)
	if e != nil {
		return refused(*e)
	}
	from, okFrom := parseMoment(q.Get("from"), false)
	to, okTo := parseMoment(q.Get("to"), true)
	if !okFrom || !okTo {
		return refused(errFilter)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDays(a)
	now := s.opts.Now()
	var list []*settlement
	for _, st := range a.settlements {
		if (q.Get("status") == "" || q.Get("status") == st.status(now)) && (q.Get("subaccount") == "" || q.Get("subaccount") == "none") &&
			within(st.date, from, to) {
			list = append(list, st)
		}
	}
	rows, meta := cut(newestFirst(list, func(st *settlement) uint64 { return st.id }), p)
	views := []settlementView{}
	for _, st := range rows {
		views = append(views, st.view(a, now))
	}
	return answered("Settlements retrieved", views, meta)
}

// settlementTransactions is GET /settlement/{id}/transactions.
func (s *Simulator) settlementTransactions(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	p, e := parsePaging(r.URL.Query())
	if e != nil {
		return refused(*e)
	}
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDays(a)
	known := false
	for _, st := range a.settlements {
		known = known || st.id == id
	}
	if err != nil || !known {
		return refused(errSettlementAbsent)
	}
	rows, meta := s.rows(a, listFilter{settlement: id}, p)
	return answered("Transactions retrieved", rows, meta)
}
