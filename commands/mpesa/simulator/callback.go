package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// The STK callback (Daraja, M-Pesa Express, callback payload).
type (
	callbackEnvelope struct {
		Body callbackBody `json:"Body"`
	}
	callbackBody struct {
		STKCallback stkCallback `json:"stkCallback"`
	}
	stkCallback struct {
		MerchantRequestID string            `json:"MerchantRequestID"`
		CheckoutRequestID string            `json:"CheckoutRequestID"`
		ResultCode        any               `json:"ResultCode"`
		ResultDesc        string            `json:"ResultDesc"`
		CallbackMetadata  *callbackMetadata `json:"CallbackMetadata,omitempty"` // absent on failure
	}
	callbackMetadata struct {
		Item []metadataItem `json:"Item"`
	}
	metadataItem struct {
		Name  string `json:"Name"`
		Value any    `json:"Value,omitempty"` // Balance has none
	}
)

// next schedules the first of sends, and each later one when that has been delivered.
func (s *Simulator) next(t *transaction, sends []send) {
	if len(sends) == 0 {
		return
	}
	due := t.acceptedAt.Add(s.scaled(sends[0].after))
	s.jobs.In(due.Sub(s.opts.Now()), func(ctx context.Context) {
		s.deliverRetrying(ctx, t, sends[0], 1, func() { s.next(t, sends[1:]) })
	})
}

// deliverRetrying delivers one, again while its answer is not 200 and retries are left, then goes on.
func (s *Simulator) deliverRetrying(ctx context.Context, t *transaction, one send, attempt int, then func()) {
	d, sent := s.deliver(ctx, t, one, attempt)
	if sent && d.Status != http.StatusOK && attempt <= one.retries {
		s.jobs.In(s.scaled(retryPause), func(ctx context.Context) {
			s.deliverRetrying(ctx, t, one, attempt+1, then)
		})
		return
	}
	then()
}

// deliver posts one thing of t's plan. sent is false when there is nobody to post it to (no C2B URLs).
func (s *Simulator) deliver(ctx context.Context, t *transaction, one send, attempt int) (d Delivery, sent bool) {
	d = Delivery{
		Kind: one.kind, URL: t.callbackURL, MSISDN: t.msisdn, CheckoutRequestID: t.checkoutRequestID, Attempt: attempt,
	}
	switch one.kind {
	case C2BConfirmation:
		s.mu.Lock()
		reg, registered := s.registrations[t.partyB]
		if registered && t.confirmation == "" {
			t.confirmation = s.confirm(t.payment, reg, "")
		}
		d.Body, d.Receipt, d.URL = t.confirmation, t.receipt, reg.confirmationURL
		s.mu.Unlock()
		if !registered {
			return d, false
		}
		return s.post(ctx, d, t.partyB, callbackDeadline), true
	case JunkCallback:
		d.Body = `{"Body":{"stkCallback":{"MerchantRequestID":` // the connection of somebody's proxy broke here
	case ForgedCallback:
		d.CheckoutRequestID = "ws_CO_" + s.letters(26, digits)
		d.Receipt = "ZZ" + s.letters(8, digits+capitals)
		d.Body = callbackJSON(t, one, d.CheckoutRequestID, d.Receipt)
	case STKCallback, C2BValidation, ResultCallback, TimeoutCallback, JunkTimeout: // the latter are of orders, not of pushes
		if one.result.Ok() {
			d.Receipt = t.receipt
			if one.newReceipt {
				d.Receipt = t.secondReceipt
			}
		}
		d.Body = callbackJSON(t, one, t.checkoutRequestID, d.Receipt)
	}
	return s.post(ctx, d, t.shortCode, callbackDeadline), true
}

func callbackJSON(t *transaction, one send, checkoutRequestID, receipt string) string {
	cb := stkCallback{
		MerchantRequestID: t.merchantRequestID, CheckoutRequestID: checkoutRequestID,
		ResultCode: one.result.wire(), ResultDesc: one.result.Callback,
	}
	if one.result.Ok() {
		cb.CallbackMetadata = &callbackMetadata{Item: metadata(t, one, receipt)}
	}
	if one.oddTypes {
		cb.ResultCode = one.result.Code
	}
	body, err := json.Marshal(callbackEnvelope{callbackBody{cb}})
	if err != nil {
		panic("simulator: a callback of plain values does not marshal: " + err.Error())
	}
	return string(body)
}

func metadata(t *transaction, one send, receipt string) []metadataItem {
	amount, paidAt := t.amount, t.paidAt
	if paidAt.IsZero() { // a claim of success about a prompt that was not paid
		paidAt = t.acceptedAt
	}
	if one.wrongAmount {
		amount++
	}
	items := []metadataItem{
		{"Amount", json.Number(shillings(amount))},
		{"MpesaReceiptNumber", receipt},
		{Name: "Balance"},
		{"TransactionDate", json.Number(paidAt.In(eat).Format(timestampLayout))},
		{"PhoneNumber", json.Number(t.msisdn)},
	}
	if one.oddTypes {
		items[0].Value = strconv.FormatInt(amount, 10)
		items[4].Value = t.msisdn[:4] + "*****" + t.msisdn[9:]
		items = slices.Delete(items, 2, 3)
		slices.Reverse(items)
	}
	return items
}
