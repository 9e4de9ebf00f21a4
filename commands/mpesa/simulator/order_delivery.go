package simulator

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// The result of an order (Daraja, B2C, Reversal, Transaction Status and Account Balance, callback payloads).
type (
	resultEnvelope struct {
		Result resultBody `json:"Result"`
	}
	resultBody struct {
		ResultType               any             `json:"ResultType"`
		ResultCode               any             `json:"ResultCode"`
		ResultDesc               string          `json:"ResultDesc"`
		OriginatorConversationID string          `json:"OriginatorConversationID"`
		ConversationID           string          `json:"ConversationID"`
		TransactionID            string          `json:"TransactionID,omitempty"`
		ResultParameters         *parameterGroup `json:"ResultParameters,omitempty"` // absent on failure
		ReferenceData            *referenceGroup `json:"ReferenceData,omitempty"`
	}
	parameterGroup struct {
		ResultParameter any `json:"ResultParameter"` // a list, or a single one
	}
	parameter struct {
		Key   string `json:"Key"`
		Value any    `json:"Value,omitempty"` // TransactionReason has none
	}
	referenceGroup struct {
		ReferenceItem any `json:"ReferenceItem"` // a single one, or a list
	}
)

// startOrder posts what comes before the answer, and schedules the rest.
func (s *Simulator) startOrder(o *order) {
	sends := o.plan.sends
	if len(sends) > 0 && sends[0].beforeReply {
		s.deliverOrder(s.ctx, o, sends[0])
		sends = sends[1:]
	}
	s.nextOrder(o, sends)
}

// nextOrder schedules the first of sends, and each later one when that has been delivered.
func (s *Simulator) nextOrder(o *order, sends []orderSend) {
	if len(sends) == 0 {
		return
	}
	due := o.acceptedAt.Add(s.scaled(sends[0].after))
	s.jobs.In(due.Sub(s.opts.Now()), func(ctx context.Context) {
		s.deliverOrder(ctx, o, sends[0])
		s.nextOrder(o, sends[1:])
	})
}

func (s *Simulator) deliverOrder(ctx context.Context, o *order, one orderSend) {
	s.mu.Lock()
	s.catchUp(s.opts.Now())
	done := o.outcome
	o.delivered++
	d := Delivery{
		Kind: one.kind, URL: o.resultURL, MSISDN: o.msisdn, Attempt: o.delivered,
		OriginatorConversationID: o.originatorID, ConversationID: o.conversationID,
	}
	s.mu.Unlock()
	switch one.kind {
	case TimeoutCallback:
		d.URL, d.Body = o.timeoutURL, timeoutJSON(o, one.shape)
	case JunkTimeout:
		d.URL, d.Body = o.timeoutURL, "The service request has timed out."
	case JunkCallback:
		d.Body = `{"Result":{"ResultType":0,"ResultCode":` // the connection of somebody's proxy broke here
	case ForgedCallback:
		d.OriginatorConversationID, d.ConversationID = s.originatorID(), s.conversationID(o.acceptedAt)
		d.Receipt = "ZZ" + s.letters(8, digits+capitals)
		d.Body = s.resultJSON(o, one, outcome{code: "0", receipt: d.Receipt}, d)
	case ResultCallback, STKCallback, C2BValidation, C2BConfirmation:
		if done == nil { // the plan posts a result before its order is carried out: a mistake in the table
			done = &outcome{code: "17", receipt: noReceipt(o.acceptedAt)}
		}
		told := *done
		if one.code != "" {
			told = outcome{code: one.code, receipt: noReceipt(done.at)}
		}
		d.Receipt = told.receipt
		d.Body = s.resultJSON(o, one, told, d)
	}
	s.post(ctx, d, o.shortCode, callbackDeadline)
}

func (s *Simulator) resultJSON(o *order, one orderSend, told outcome, d Delivery) string {
	r := initiatorResultOf(told.code)
	reference := parameter{"QueueTimeoutURL", "https://internalsandbox.safaricom.co.ke/mpesa/" + string(o.api) + "results/v1/submit"}
	if o.api == TransactionStatus {
		reference = parameter{Key: "Occasion"}
		if o.occasion != "" {
			reference.Value = o.occasion
		}
	}
	body := resultBody{
		ResultType: json.Number("0"), ResultCode: r.wire(), ResultDesc: r.Desc, OriginatorConversationID: d.OriginatorConversationID,
		ConversationID: d.ConversationID, TransactionID: told.receipt, ReferenceData: &referenceGroup{reference},
	}
	if o.api == AccountBalance { // as its page has it: all of it texts
		body.ResultType, body.ResultCode = "0", told.code
	}
	if len(told.parameters) > 0 {
		body.ResultParameters = &parameterGroup{told.parameters}
	}
	if one.wrongAmount {
		body.ResultParameters = &parameterGroup{moreByOne(told.parameters)}
	}
	if one.oddTypes {
		body.ResultType, body.ResultCode, body.ReferenceData = "0", told.code, &referenceGroup{[]parameter{reference, {Key: "Occasion"}}}
		if amount := amountOf(told.parameters); amount != nil {
			body.ResultParameters = &parameterGroup{*amount}
		}
	}
	return mustJSON(resultEnvelope{body})
}

// amountOf is the parameter that says how much, as a text.
func amountOf(all []parameter) *parameter {
	for _, p := range all {
		if n, ok := p.Value.(json.Number); ok && strings.HasSuffix(p.Key, "Amount") {
			return &parameter{p.Key, n.String()}
		}
	}
	return nil
}

// moreByOne is all with a shilling more.
func moreByOne(all []parameter) []parameter {
	more := append([]parameter(nil), all...)
	for i, p := range more {
		if n, ok := p.Value.(json.Number); ok && strings.HasSuffix(p.Key, "Amount") {
			whole, rest, _ := strings.Cut(n.String(), ".")
			if count, err := json.Number(whole).Int64(); err == nil {
				more[i].Value = json.Number(strings.TrimSuffix(shillings(count+1), "00") + rest)
			}
		}
	}
	return more
}

// timeoutJSON is a notice to QueueTimeOutURL. Its shape is not documented; integrators assume a Result, in its envelope or
// without.
func timeoutJSON(o *order, shape int) string {
	body := resultBody{
		ResultType: json.Number("1"), ResultCode: json.Number("1"), ResultDesc: "The service request has timed out.",
		OriginatorConversationID: o.originatorID, ConversationID: o.conversationID,
	}
	if shape == flat {
		return mustJSON(body)
	}
	return mustJSON(resultEnvelope{body})
}

// mustJSON writes & as Daraja does, and not as \u0026.
func mustJSON(v any) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("simulator: a body of plain values does not marshal: " + err.Error())
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// Order is an initiator's order as the admin API shows it.
type Order struct {
	API                      OrderAPI  `json:"api"`
	ShortCode                string    `json:"shortcode,omitempty"`
	MSISDN                   string    `json:"msisdn,omitempty"`
	OriginatorConversationID string    `json:"originator_conversation_id"`
	ConversationID           string    `json:"conversation_id"`
	Scenario                 string    `json:"scenario,omitempty"`
	AcceptedAt               time.Time `json:"accepted_at"`
	// ResultCode and Receipt are what became of it, whatever has been told; empty while it is not carried out.
	ResultCode string `json:"result_code,omitempty"`
	Receipt    string `json:"receipt,omitempty"`
}

// Orders are the initiators' orders that were taken, oldest first.
func (s *Simulator) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp(s.opts.Now())
	list := []Order{}
	for _, o := range s.asked {
		one := Order{
			API: o.api, ShortCode: o.shortCode, MSISDN: o.msisdn, OriginatorConversationID: o.originatorID, ConversationID: o.conversationID,
			Scenario: o.scenario, AcceptedAt: o.acceptedAt,
		}
		if o.outcome != nil {
			one.ResultCode, one.Receipt = o.outcome.code, o.outcome.receipt
		}
		list = append(list, one)
	}
	return list
}
