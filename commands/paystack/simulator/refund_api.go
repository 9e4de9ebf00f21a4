package simulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
)

// minRefund is the smallest refund, in subunits of any currency: the simulator's own, as is the text that refuses less.
const minRefund = 100

// maxNoteBytes bounds each note.
const maxNoteBytes = 500

// The refusals of refunds: the first six as recorded on the test API, the rest in the simulator's own words.
var (
	errRefundExceeds   = refusal{status: http.StatusBadRequest, message: "Total refund amount cannot exceed original transaction amount"}
	errRefundCurrency  = refusal{status: http.StatusBadRequest, message: "Transaction currency must match refund currency"}
	errRefundReversed  = refusal{status: http.StatusBadRequest, message: "Transaction has been fully reversed"}
	errRefundBalance   = refusal{status: http.StatusBadRequest, message: "Insufficient balance to fulfill this refund. Please top up."}
	errRefundMinimum   = refusal{status: http.StatusBadRequest, message: "Minimum refund amount is 1.00"}
	errRefundOfNothing = refusal{http.StatusBadRequest, "Transaction not found", "Ensure that you are passing the id or the reference of a transaction of this account", validationError, "transaction_not_found"}
	errRefundUnpaid    = params("Only a successful transaction can be refunded", "Provide a transaction that was paid")
	errRefundTooMany   = params("Transaction has too many refunds", "Refund the rest outside of the simulator")
	errRefundNote      = params("Invalid note", "Provide notes as strings of 500 bytes or less")
	errRefundAbsent    = refusal{status: http.StatusNotFound, message: "Refund not found"}
	errRefundCalm      = params("Refund does not need attention", "Retry a refund with status needs-attention")
	errRefundAccount   = params("Invalid refund_account_details", "Provide currency, account_number and bank_id")
)

// createRefund is POST /refund (Paystack, Create Refund).
func (s *Simulator) createRefund(w http.ResponseWriter, r *http.Request, a *account) *answer {
	f, err := readFields(w, r)
	if err != nil {
		return refused(errJSON)
	}
	if s.crowded() {
		return refused(errRateLimited)
	}
	back, out, before := s.acceptRefund(f, a)
	if back != nil {
		s.hand(s.ctx, &back.out, before)
		s.startRefund(back)
	}
	return out
}

func (s *Simulator) acceptRefund(f fields, a *account) (*refund, *answer, []letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	back, e := s.parseRefund(f, a)
	if e != nil {
		return nil, refused(*e), nil
	}
	habit := back.t.habit
	if n, scripted := s.take(func(n Next) bool {
		return n.Refund != "" && (n.Reference == "" || n.Reference == back.t.reference)
	}); scripted {
		back.outcome = n.Refund
		if n.Webhook != "" {
			habit = n.Webhook
		}
	}
	before := s.giveBack(back, habit)
	return back, answered("Refund has been queued for processing", back.view(s.view(back.t)), nil), before
}

// parseRefund checks a request in the order in which a person would want to be told. The caller holds mu.
func (s *Simulator) parseRefund(f fields, a *account) (*refund, *refusal) {
	t := s.findTransaction(f["transaction"], a)
	back := &refund{t: t, outcome: RefundSucceeds}
	switch {
	case t == nil:
		e := errRefundOfNothing
		e.status = s.opts.UnknownReferenceStatus
		return nil, &e
	case !t.paid():
		return nil, &errRefundUnpaid
	case t.status == statusReversed:
		return nil, &errRefundReversed
	}
	if t.card.Refund != "" {
		back.outcome = t.card.Refund
	}
	var okCustomer, okMerchant bool
	back.customerNote, okCustomer = f.text("customer_note")
	back.merchantNote, okMerchant = f.text("merchant_note")
	if !okCustomer || !okMerchant || len(back.customerNote) > maxNoteBytes || len(back.merchantNote) > maxNoteBytes {
		return nil, &errRefundNote
	}
	if back.customerNote == "" {
		back.customerNote = "Refund for transaction " + t.reference
	}
	if back.merchantNote == "" {
		back.merchantNote = "Refund for transaction " + t.reference + " by " + refundedBy
	}
	if currency, ok := f.text("currency"); !ok || currency != "" && currency != t.currency {
		return nil, &errRefundCurrency
	}
	back.amount = t.amount // all of it, also after a partial refund
	if f["amount"] != nil {
		var e *refusal
		if back.amount, e = parseAmount(f["amount"]); e != nil {
			return nil, e
		}
	}
	s.closeDays(a)
	switch {
	case back.amount < min(minRefund, t.amount):
		return nil, &errRefundMinimum
	case back.amount > t.amount-t.committed():
		return nil, &errRefundExceeds
	case len(t.refunds) >= maxRefunds:
		return nil, &errRefundTooMany
	case back.amount > a.balance[t.currency]+s.opts.RefundCredit:
		return nil, &errRefundBalance
	}
	return back, nil
}

// findTransaction takes a reference, or an id as a number or a text. The caller holds mu.
func (s *Simulator) findTransaction(v any, a *account) *transaction {
	name, _ := v.(string)
	if n, ok := v.(json.Number); ok {
		name = n.String()
	}
	if t := a.byReference[name]; t != nil {
		return t
	}
	id, err := strconv.ParseUint(name, 10, 64)
	if t := s.byID[id]; err == nil && t != nil && t.account == a {
		return t
	}
	return nil
}

// listRefunds is GET /refund, newest first. transaction takes an id; a reference there finds nothing (recorded on the
// test API).
func (s *Simulator) listRefunds(_ http.ResponseWriter, r *http.Request, a *account) *answer {
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
	var list []*refund
	for _, t := range a.order {
		if wanted := q.Get("transaction"); wanted != "" && wanted != strconv.FormatUint(t.id, 10) {
			continue
		}
		for _, each := range t.refunds {
			if within(each.createdAt, from, to) {
				list = append(list, each)
			}
		}
	}
	rows, meta := cut(newestFirst(list, func(r *refund) uint64 { return r.id }), p)
	views := []refundView{}
	for _, each := range rows {
		views = append(views, each.view(each.t.id))
	}
	return answered("Refunds retrieved", views, meta)
}

// fetchRefund is GET /refund/{id}.
func (s *Simulator) fetchRefund(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDays(a)
	back := s.refundOf(r, a)
	if back == nil {
		return refused(errRefundAbsent)
	}
	return answered("Refund retrieved", back.view(back.t.id), nil)
}

// refundOf is the refund that the path names; nil when the account has none. The caller holds mu.
func (s *Simulator) refundOf(r *http.Request, a *account) *refund {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	back := s.refunds[id]
	if err != nil || back == nil || back.t.account != a {
		return nil
	}
	return back
}

var accountFormat = regexp.MustCompile(`^[0-9]{5,20}$`)

// retryRefund is POST /refund/retry_with_customer_details/{id}: the refund goes on, and succeeds this time.
func (s *Simulator) retryRefund(w http.ResponseWriter, r *http.Request, a *account) *answer {
	f, err := readFields(w, r)
	if err != nil {
		return refused(errJSON)
	}
	if s.crowded() {
		return refused(errRateLimited)
	}
	details, _ := f["refund_account_details"].(map[string]any)
	currency, okCurrency := fields(details).text("currency")
	number, okNumber := fields(details).text("account_number")
	bank, okBank := fields(details).text("bank_id")
	back, out, before := s.resumeRefund(r, a, okCurrency && okNumber && okBank && accountFormat.MatchString(number) && bank != "", currency)
	if back != nil {
		s.hand(s.ctx, &back.out, before)
		s.startRefund(back)
	}
	return out
}

func (s *Simulator) resumeRefund(r *http.Request, a *account, complete bool, currency string) (*refund, *answer, []letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := s.refundOf(r, a)
	switch {
	case back == nil:
		return nil, refused(errRefundAbsent), nil
	case back.status != refundNeedsAttention:
		return nil, refused(errRefundCalm), nil
	case !complete:
		return nil, refused(errRefundAccount), nil
	case currency != back.t.currency:
		return nil, refused(errRefundCurrency), nil
	}
	back.status, back.outcome, back.updatedAt = refundProcessing, RefundSucceeds, s.opts.Now()
	back.t.restate()
	before := s.tellRefund(back)
	return back, answered("Refund retried and has been queued for processing", back.view(back.t.id), nil), before
}
