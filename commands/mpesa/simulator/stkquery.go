package simulator

import "net/http"

type queryAnswer struct {
	ResponseCode        string `json:"ResponseCode"`
	ResponseDescription string `json:"ResponseDescription"`
	MerchantRequestID   string `json:"MerchantRequestID"`
	CheckoutRequestID   string `json:"CheckoutRequestID"`
	ResultCode          string `json:"ResultCode"` // a string here, a number in callbacks
	ResultDesc          string `json:"ResultDesc"`
}

// stkQuery is POST /mpesa/stkpushquery/v1/query.
func (s *Simulator) stkQuery(w http.ResponseWriter, r *http.Request, by caller) {
	f, err := readFields(w, r)
	if err != nil {
		s.refuse(w, bodyRefusal(err, badField("BusinessShortCode")))
		return
	}
	shortCode, given, timestamp, bad := s.parseCredentials(f)
	if bad != "" {
		s.refuse(w, badField(bad))
		return
	}
	id, ok := f.text("CheckoutRequestID")
	if !ok || id == "" || len(id) > 128 {
		s.refuse(w, badField("CheckoutRequestID"))
		return
	}
	if e := credentialsRefusal(by.app, shortCode, given, timestamp); e != nil {
		s.refuse(w, *e)
		return
	}
	t, now, e := s.lookUp(shortCode, id, by)
	if e != nil {
		s.refuse(w, *e)
		return
	}
	if t.plan.garbled {
		writeHTML500(w)
		return
	}
	s.answerQuery(w, t, now)
}

// lookUp finds the push and what the query says about it at this moment.
func (s *Simulator) lookUp(shortCode, id string, by caller) (*transaction, phase, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.transactions[id]
	if t == nil || t.shortCode != shortCode {
		return nil, phase{}, &errUnknownTx
	}
	t.queries++
	if t.plan.revoke && t.queries == 1 {
		delete(s.tokens, by.token)
		return nil, phase{}, &errTokenSTK
	}
	if t.plan.flap && t.queries%2 == 1 {
		return nil, phase{}, &errFlapping
	}
	return t, t.saysAt(s.opts.Now()), nil
}

func (s *Simulator) answerQuery(w http.ResponseWriter, t *transaction, now phase) {
	answer := queryAnswer{
		ResponseCode:        "0",
		ResponseDescription: "The service request has been accepted successsfully", // three s, as sent
		MerchantRequestID:   t.merchantRequestID, CheckoutRequestID: t.checkoutRequestID,
		ResultCode: "4999", ResultDesc: "The transaction is still under processing",
	}
	switch now.say {
	case sayResult:
		answer.ResultCode, answer.ResultDesc = now.result.Code, now.result.Query
	case sayPending:
	case sayProcessing:
		s.refuse(w, errProcessing)
		return
	case sayNothing: // seen with HTTP 200
		writeJSON(w, http.StatusOK, errorBody{RequestID: s.requestID(), ErrorCode: "500.001.1001"})
		return
	}
	writeJSON(w, http.StatusOK, answer)
}
