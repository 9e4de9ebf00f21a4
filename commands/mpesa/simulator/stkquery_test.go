package simulator

import (
	"strings"
	"testing"
)

func TestQueryAnswersInTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	id := w.push("254700011032")
	w.clock.Advance(failedAfter)
	a := w.post(queryPath, w.queryBody(id))
	got := a.json(t)
	merchant, _ := got["MerchantRequestID"].(string)
	want := `{"ResponseCode":"0","ResponseDescription":"The service request has been accepted successsfully",` +
		`"MerchantRequestID":"` + merchant + `","CheckoutRequestID":"` + id + `",` +
		`"ResultCode":"1032","ResultDesc":"Request Cancelled by user."}`
	if a.status != 200 || a.body != want || len(merchant) != 31 {
		t.Errorf("got %d %s\nwant %s", a.status, a.body, want)
	}
}

func TestQueryRefusesAsDaraja(t *testing.T) {
	w := newWorld(t, nil)
	id := w.push(ordinary)
	with := func(changes map[string]any) string {
		body := w.queryBody(id)
		for k, v := range changes {
			body[k] = v
		}
		return marshal(t, body)
	}
	ts := w.queryBody(id)["Timestamp"].(string)
	for name, c := range map[string]struct {
		body          string
		status        int
		code, message string
	}{
		"no shortcode":      {with(map[string]any{"BusinessShortCode": nil}), 400, "400.002.02", "Bad Request - Invalid BusinessShortCode"},
		"no password":       {with(map[string]any{"Password": ""}), 400, "400.002.02", "Bad Request - Invalid Password"},
		"no timestamp":      {with(map[string]any{"Timestamp": nil}), 400, "400.002.02", "Bad Request - Invalid Timestamp"},
		"no id":             {with(map[string]any{"CheckoutRequestID": nil}), 400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"},
		"id is a number":    {with(map[string]any{"CheckoutRequestID": 7}), 400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"},
		"long id":           {with(map[string]any{"CheckoutRequestID": strings.Repeat("x", 129)}), 400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"},
		"junk":              {"{", 400, "400.002.05", "Invalid Request Payload"},
		"unknown shortcode": {with(map[string]any{"BusinessShortCode": "999999"}), 500, "500.001.1001", "Merchant does not exist"},
		"wrong password":    {with(map[string]any{"Password": "eA=="}), 500, "500.001.1001", "Wrong credentials"},
		"unknown id":        {with(map[string]any{"CheckoutRequestID": "ws_CO_x"}), 500, "500.001.1001", "The transaction does not Exist"},
		"another shortcode's": {with(map[string]any{
			"BusinessShortCode": "600984", "Password": password("600984", SandboxPasskey, ts),
		}), 500, "500.001.1001", "The transaction does not Exist"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", queryPath, w.headers(), c.body)
			got := a.json(t)
			if a.status != c.status || got["errorCode"] != c.code || got["errorMessage"] != c.message {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	h := w.headers()
	delete(h, "Content-Type")
	if a := w.do("POST", queryPath, h, with(nil)); a.json(t)["errorMessage"] != "Bad Request - Invalid BusinessShortCode" {
		t.Errorf("without a content type: %d %s", a.status, a.body)
	}
}
