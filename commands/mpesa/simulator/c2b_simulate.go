package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// c2bRequest is a well-formed C2B simulation.
type c2bRequest struct {
	shortCode, msisdn, billRef string
	buyGoods                   bool
	amount                     int64
}

// simulateC2B is POST /mpesa/c2b/v1/simulate and /v2/simulate. It answers before anything is delivered; without
// registered URLs nothing ever is.
func (s *Simulator) simulateC2B(w http.ResponseWriter, r *http.Request, by caller) {
	f, err := readFields(w, r)
	if err != nil {
		s.refuse(w, bodyRefusal(err, badFieldC2B("ShortCode")))
		return
	}
	req, bad := parseC2B(f, by.app)
	if bad != "" {
		s.refuse(w, badFieldC2B(bad))
		return
	}
	if s.crowded() {
		s.refuse(w, errBusy)
		return
	}
	s.payC2B(req, by.app)
	writeJSON(w, http.StatusOK, c2bAnswer{s.originatorID(), "0", "Accept the service request successfully."})
}

func parseC2B(f fields, app *App) (req c2bRequest, bad string) {
	req.shortCode = f.scalar("ShortCode")
	if _, known := app.shortCode(req.shortCode); !known {
		return req, "ShortCode"
	}
	switch kind, _ := f.text("CommandID"); kind {
	case "CustomerPayBillOnline":
	case "CustomerBuyGoodsOnline":
		req.buyGoods = true
	default:
		return req, "CommandID"
	}
	amount, ok := parseAmount(f.scalar("Amount"))
	if !ok {
		return req, "Amount"
	}
	req.amount = amount
	if req.msisdn = f.scalar("Msisdn"); !msisdnFormat.MatchString(req.msisdn) {
		return req, "Msisdn"
	}
	req.billRef = f.scalar("BillRefNumber")
	if req.buyGoods && req.billRef != "" || !req.buyGoods && !billRefFormat.MatchString(req.billRef) {
		return req, "BillRefNumber"
	}
	return req, ""
}

// payC2B is a customer who pays from the SIM menu. The money is there at once, unless ValidationURL is asked first.
func (s *Simulator) payC2B(req c2bRequest, app *App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc, _ := s.choose(req.msisdn)
	how := sc.plan.confirm
	if sc.API == ForSTK {
		how = confirmations{}
	}
	now := s.opts.Now()
	s.catchUp(now)
	p := &payment{
		kind: "Pay Bill", receipt: s.menuReceipt(now), at: now, amount: req.amount, shortCode: req.shortCode,
		billRef: req.billRef, msisdn: req.msisdn, bare: how.bare,
	}
	if req.buyGoods {
		p.kind = "Buy Goods"
	}
	number, _ := app.shortCode(req.shortCode)
	if _, registered := s.registrations[p.shortCode]; how.never || !registered || !number.ExternalValidation {
		s.credit(p, now)
	}
	if how.never {
		return
	}
	s.jobs.In(s.scaled(confirmC2B+how.offset), func(ctx context.Context) {
		third, paid := s.validate(ctx, p, number, how)
		if paid {
			s.confirmC2B(ctx, p, third, max(1, how.copies))
		}
	})
}

// confirmC2B posts the confirmation, and its copies, one after the other.
func (s *Simulator) confirmC2B(ctx context.Context, p *payment, thirdParty string, copies int) {
	s.mu.Lock()
	reg, registered := s.registrations[p.shortCode]
	body := ""
	if registered {
		body = s.confirm(p, reg, thirdParty)
	} else { // nobody is told; the money is there all the same
		now := s.opts.Now()
		s.catchUp(now)
		s.credit(p, now)
	}
	s.mu.Unlock()
	if !registered {
		return
	}
	s.sendConfirmation(ctx, p, reg.confirmationURL, body, 1, copies)
}

func (s *Simulator) sendConfirmation(ctx context.Context, p *payment, url, body string, attempt, copies int) {
	s.post(ctx, Delivery{
		Kind: C2BConfirmation, URL: url, MSISDN: p.msisdn, Receipt: p.receipt, Attempt: attempt, Body: body,
	}, p.shortCode, callbackDeadline)
	if attempt < copies {
		s.jobs.In(s.scaled(copyGap), func(ctx context.Context) {
			s.sendConfirmation(ctx, p, url, body, attempt+1, copies)
		})
	}
}

// validate asks ValidationURL when the shortcode has external validation. paid is false when the merchant refused,
// or did not answer and ResponseType is Cancelled.
func (s *Simulator) validate(ctx context.Context, p *payment, number ShortCode, how confirmations) (thirdParty string, paid bool) {
	s.mu.Lock()
	reg, registered := s.registrations[p.shortCode]
	s.mu.Unlock()
	if !registered || !number.ExternalValidation {
		return "", true
	}
	d := s.post(ctx, Delivery{
		Kind: C2BValidation, URL: reg.validationURL, MSISDN: p.msisdn, Receipt: p.receipt, Attempt: 1,
		Body: p.body(reg, "", ""),
	}, p.shortCode, validationDeadline)
	code, third, answered := validationAnswer(d)
	if !answered || how.loseValidation {
		return "", reg.responseType == "Completed"
	}
	return third, code == "0"
}

// validationAnswer reads the merchant's answer: {"ResultCode":"0"} accepts, a number is taken too, C2B000xx refuses.
func validationAnswer(d Delivery) (code, thirdParty string, answered bool) {
	if d.Status != http.StatusOK {
		return "", "", false
	}
	var f fields
	dec := json.NewDecoder(strings.NewReader(d.Reply))
	dec.UseNumber()
	if err := dec.Decode(&f); err != nil {
		return "", "", false
	}
	code = f.scalar("ResultCode")
	return code, f.scalar("ThirdPartyTransID"), code != ""
}

// paid is the payment behind a paid push.
func (t *transaction) paid(receipt string) *payment {
	p := &payment{
		kind: "Pay Bill", receipt: receipt, at: t.paidAt, amount: t.amount, shortCode: t.partyB,
		billRef: t.accountReference, msisdn: t.msisdn, bare: t.plan.confirm.bare, prompted: true,
	}
	if t.buyGoods { // a till has no account number
		p.kind, p.billRef = "Buy Goods", ""
	}
	return p
}

// confirm books the payment, if that has not happened yet, and words its confirmation. The caller holds mu.
func (s *Simulator) confirm(p *payment, reg registration, thirdParty string) string {
	now := s.opts.Now()
	s.catchUp(now)
	m := s.credit(p, now)
	return p.body(reg, cents(m.lines[0].balance), thirdParty)
}
