package simulator

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// pushRequest is a well-formed STK push.
type pushRequest struct {
	shortCode, password, timestamp string
	buyGoods                       bool
	amount                         int64
	partyB, phone                  string
	callbackURL                    string
	accountReference               string
}

// timestampWindow is how far a Timestamp may be from the simulator's clock.
const timestampWindow = time.Hour

// parsePush checks the fields in the order of the portal's table and names the first that is wrong.
func (s *Simulator) parsePush(f fields) (req pushRequest, bad string) {
	req.shortCode, req.password, req.timestamp, bad = s.parseCredentials(f)
	if bad != "" {
		return req, bad
	}
	switch kind, _ := f.text("TransactionType"); kind {
	case "CustomerPayBillOnline":
	case "CustomerBuyGoodsOnline":
		req.buyGoods = true
	default:
		return req, "TransactionType"
	}
	amount, ok := parseAmount(f.scalar("Amount"))
	if !ok {
		return req, "Amount"
	}
	req.amount = amount
	if !msisdnFormat.MatchString(f.scalar("PartyA")) {
		return req, "PartyA"
	}
	if req.partyB = f.scalar("PartyB"); !shortCodeFormat.MatchString(req.partyB) {
		return req, "PartyB"
	}
	if req.phone = f.scalar("PhoneNumber"); !msisdnFormat.MatchString(req.phone) {
		return req, "PhoneNumber"
	}
	if req.callbackURL, ok = f.text("CallBackURL"); !ok || !s.urlAllowed(req.callbackURL, false) {
		return req, "CallBackURL"
	}
	if req.accountReference, ok = f.text("AccountReference"); !ok || !referenceFormat.MatchString(req.accountReference) {
		return req, "AccountReference"
	}
	if desc, ok := f.text("TransactionDesc"); !ok || len([]rune(desc)) > 13 {
		return req, "TransactionDesc"
	}
	return req, ""
}

// parseCredentials reads what push and query have in common.
func (s *Simulator) parseCredentials(f fields) (shortCode, password, timestamp, bad string) {
	if shortCode = f.scalar("BusinessShortCode"); !shortCodeFormat.MatchString(shortCode) {
		return "", "", "", "BusinessShortCode"
	}
	password, ok := f.text("Password")
	if _, err := base64.StdEncoding.DecodeString(password); !ok || password == "" || err != nil {
		return "", "", "", "Password"
	}
	timestamp = f.scalar("Timestamp")
	at, err := time.ParseInLocation(timestampLayout, timestamp, eat)
	if err != nil || len(timestamp) != len(timestampLayout) || at.Sub(s.opts.Now()).Abs() > timestampWindow {
		return "", "", "", "Timestamp"
	}
	return shortCode, password, timestamp, ""
}

func parseAmount(text string) (int64, bool) {
	if !amountFormat.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n <= maxAmount
}

// password is base64(shortcode + passkey + timestamp) (Daraja, M-Pesa Express, Password).
func password(shortCode, passkey, timestamp string) string {
	return base64.StdEncoding.EncodeToString([]byte(shortCode + passkey + timestamp))
}

// credentialsRefusal checks shortcode and password against the app's; nil when they fit.
func credentialsRefusal(app *App, shortCode, given, timestamp string) *refusal {
	sc, known := app.shortCode(shortCode)
	if !known || sc.Passkey == "" {
		return &errMerchant
	}
	if given != password(shortCode, sc.Passkey, timestamp) {
		return &errPassword
	}
	return nil
}

// bodyRefusal words a body that could not be read. Without a JSON content type Daraja does not parse the body and
// misses its first field.
func bodyRefusal(err error, first refusal) refusal {
	if errors.Is(err, errNotJSON) {
		return first
	}
	return errPayload
}

// stkPush is POST /mpesa/stkpush/v1/processrequest.
func (s *Simulator) stkPush(w http.ResponseWriter, r *http.Request, by caller) {
	f, err := readFields(w, r)
	if err != nil {
		s.refuse(w, bodyRefusal(err, badField("BusinessShortCode")))
		return
	}
	req, bad := s.parsePush(f)
	if bad != "" {
		s.refuse(w, badField(bad))
		return
	}
	if e := credentialsRefusal(by.app, req.shortCode, req.password, req.timestamp); e != nil {
		s.refuse(w, *e)
		return
	}
	if s.crowded() {
		s.refuse(w, errBusy)
		return
	}
	t, p, free := s.accept(req, by)
	switch {
	case !free:
		s.refuse(w, errLocked)
		return
	case t == nil:
		s.answerRefused(w, p, by)
		return
	}
	if len(p.sends) > 0 && p.sends[0].beforeReply {
		early := p.sends[0]
		s.deliver(s.ctx, t, early, 1)
		p.sends = p.sends[1:]
	}
	s.schedule(t, p.sends)
	if p.manual {
		s.awaitPerson(t)
	}
	s.answerPush(w, r, t)
}

// accept picks what will happen and opens the transaction; nil when the plan is to refuse. free is false while the
// subscriber has a live prompt.
func (s *Simulator) accept(req pushRequest, by caller) (t *transaction, p plan, free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	s.catchUp(now)
	if held := s.prompts[req.phone]; held != nil {
		if held.live(now) {
			return nil, plan{}, false
		}
		delete(s.prompts, req.phone)
	}
	sc, scripted := s.choose(req.phone)
	p = sc.plan
	if p.reply.kind == replyTokenOnce {
		if scripted || !s.tripped[req.phone] {
			if !scripted {
				s.tripped[req.phone] = true
			}
			delete(s.tokens, by.token)
			return nil, p, true
		}
		delete(s.tripped, req.phone)
		p.reply = reply{}
	}
	if p.reply.dead || p.refuses() {
		return nil, p, true
	}
	if !permitted(by.app, req) {
		p = ends("2028", failedAfter).answering(p.reply.kind)
	}
	t = s.open(req, sc, p, now)
	p.sends = s.withConfirmations(t, p)
	return t, p, true
}

// permitted is false for a PartyB that does not fit: Daraja accepts the push and ends it with 2028.
func permitted(app *App, req pushRequest) bool {
	if !req.buyGoods {
		return req.partyB == req.shortCode
	}
	till, known := app.shortCode(req.partyB)
	return known && till.Type == Till && till.Store == req.shortCode
}

// withConfirmations puts the payment of a paid prompt on the agenda and adds its C2B confirmations to its callbacks. The
// caller holds mu.
func (s *Simulator) withConfirmations(t *transaction, p plan) []send {
	sends := append([]send(nil), p.sends...)
	end := p.end()
	if end.say != sayResult || !end.result.Ok() {
		return sends
	}
	t.paidAt = t.acceptedAt.Add(s.scaled(end.after))
	t.receipt, t.secondReceipt = s.receipt(t.paidAt), s.receipt(t.paidAt)
	t.payment = t.paid(t.receipt)
	s.agenda.add(t.paidAt, func(at time.Time) { s.credit(t.payment, at) })
	if slices.ContainsFunc(sends, func(one send) bool { return one.newReceipt }) { // paid twice
		second := t.paid(t.secondReceipt)
		s.agenda.add(t.paidAt, func(at time.Time) { s.credit(second, at) })
	}
	if p.confirm.never {
		return sends
	}
	for i := range max(1, p.confirm.copies) {
		after := max(0, end.after+p.confirm.offset) + time.Duration(i)*copyGap
		sends = append(sends, send{after: after, kind: C2BConfirmation, result: end.result})
	}
	return sends
}

type pushAnswer struct {
	MerchantRequestID   string `json:"MerchantRequestID"`
	CheckoutRequestID   string `json:"CheckoutRequestID"`
	ResponseCode        string `json:"ResponseCode"`
	ResponseDescription string `json:"ResponseDescription"`
	CustomerMessage     string `json:"CustomerMessage"`
}

const accepted = "Success. Request accepted for processing"

// answerRefused answers a submit that starts nothing.
func (s *Simulator) answerRefused(w http.ResponseWriter, p plan, by caller) {
	s.answerNothing(w, p.reply, errTokenSTK, by.token, pushAnswer{
		s.merchantRequestID(), "", "1", "The request could not be accepted", "The request could not be accepted",
	})
}

// answerPush answers a submit whose prompt runs.
func (s *Simulator) answerPush(w http.ResponseWriter, r *http.Request, t *transaction) {
	s.answerAs(w, r, t.plan.reply.kind, pushAnswer{t.merchantRequestID, t.checkoutRequestID, "0", accepted, accepted})
}
