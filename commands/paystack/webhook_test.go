package paystack

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/upstream"
)

const (
	signedBody = `{"event":"charge.success","data":{"id":302961,"reference":"qTPrJoy9Bx","amount":10000}}`
	signature  = "6325c2176278874c72e22c6958ea2313ca13ac866a5751123aa23dd34ef9b802962fbe62f8031bd4151644b4ec8bddae7add5404fcb93de64e711847a5f98a94"
)

func TestVerifySignature(t *testing.T) {
	if len(signedBody) != 87 || !VerifySignature("sk_test_0123456789", []byte(signedBody), signature) {
		t.Error("the vector is refused")
	}
	mac := hmac.New(sha512.New, nil)
	mac.Write([]byte(signedBody))
	underNoKey := hex.EncodeToString(mac.Sum(nil))
	for name, test := range map[string]struct{ secret, body, header string }{
		"no header":        {"sk_test_0123456789", signedBody, ""},
		"cut header":       {"sk_test_0123456789", signedBody, signature[:126]},
		"longer header":    {"sk_test_0123456789", signedBody, signature + "00"},
		"not hex":          {"sk_test_0123456789", signedBody, strings.Repeat("z", 128)},
		"spaces":           {"sk_test_0123456789", signedBody, " " + signature},
		"another key":      {"sk_test_0123456780", signedBody, signature},
		"no key":           {"", signedBody, underNoKey},
		"one byte changed": {"sk_test_0123456789", strings.Replace(signedBody, "10000", "10001", 1), signature},
		"re-serialised":    {"sk_test_0123456789", strings.Replace(signedBody, ",", ", ", 1), signature},
		"empty body":       {"sk_test_0123456789", "", signature},
	} {
		if VerifySignature(test.secret, []byte(test.body), test.header) {
			t.Errorf("%s passed", name)
		}
	}
}

const charge = `{"event":"charge.success","data":{
 "id":302961,"domain":"live","status":"success","reference":"qTPrJoy9Bx","amount":10000,"message":null,
 "gateway_response":"Approved by Financial Institution","paid_at":"2016-09-30T21:10:19.000Z","created_at":"2016-09-30T21:09:56.000Z",
 "channel":"card","currency":"KES","ip_address":"41.242.49.37","metadata":0,
 "log":{"time_spent":16,"attempts":1,"authentication":"pin","errors":0,"success":false,"mobile":false,"input":[],"channel":null,"history":[]},
 "fees":null,
 "customer":{"id":68324,"first_name":"BoJack","last_name":"Horseman","email":"bojack@horseman.com","customer_code":"CUS_qo38as2hpsgk2r0","phone":null,"metadata":null,"risk_action":"default"},
 "authorization":{"authorization_code":"AUTH_f5rnfq9p","bin":"539999","last4":"8877","exp_month":"08","exp_year":"2030","card_type":"mastercard DEBIT","bank":"Guaranty Trust Bank","country_code":"NG","brand":"mastercard","account_name":"BoJack Horseman"},
 "plan":{}}}`

func TestDecodeEvent(t *testing.T) {
	paid := &Transaction{
		ID: "302961", Domain: Live, Status: "success", Reference: "qTPrJoy9Bx", Amount: *kes(10000), CreatedAt: at("2016-09-30T21:09:56Z"), PaidAt: at("2016-09-30T21:10:19Z"), Channel: "card",
		GatewayResponse: "Approved by Financial Institution", CardBrand: "mastercard", CardLast4: "8877", CustomerEmail: "bojack@horseman.com",
	}
	failed := *paid
	failed.Status = "failed"
	for name, test := range map[string]struct {
		raw  string
		want Event
	}{
		"charge.success": {charge, Event{Type: "charge.success", Domain: Live, DedupeKey: "charge.success|302961|success", Transaction: paid}},
		"charge.failed": {
			strings.NewReplacer("charge.success", "charge.failed", `"status":"success"`, `"status":"failed"`).Replace(charge),
			Event{Type: "charge.failed", Domain: Live, DedupeKey: "charge.failed|302961|failed", Transaction: &failed},
		},
		"refund, amount as text": {
			`{"event":"refund.processed","data":{"status":"processed","transaction_reference":"qTPrJoy9Bx","refund_reference":null,"amount":"10000","currency":"KES","processor":"mpgs","customer":{"email":"a@b.c"},"integration":100073,"domain":"live"}}`,
			Event{Type: "refund.processed", Domain: Live, DedupeKey: "refund.processed|qTPrJoy9Bx||processed|10000", Refund: &Refund{Domain: Live, Status: "processed", TransactionReference: "qTPrJoy9Bx", Amount: *kes(10000), Processor: "mpgs"}},
		},
		"refund, amount as number": {
			`{"event":"refund.needs-attention","data":{"id":77,"status":"needs-attention","transaction_reference":"q","refund_reference":"R1","amount":10000,"currency":"KES","domain":"test","customer_note":"x"}}`,
			Event{Type: "refund.needs-attention", Domain: Test, DedupeKey: "refund.needs-attention|77|needs-attention", Refund: &Refund{
				ID: "77", Domain: Test, Status: "needs-attention", TransactionReference: "q", RefundReference: "R1", Amount: *kes(10000), CustomerNote: "x",
			}},
		},
		"dispute": {
			`{"event":"charge.dispute.create","data":{"id":358950,"refund_amount":5800,"currency":"KES","status":"awaiting-merchant-feedback","resolution":null,"domain":"live","transaction":{"id":896467688,"domain":"live","status":"success","reference":"v3mjfgbnc19v97x","amount":5800},"transaction_reference":null,"category":"chargeback","customer":{"email":"a@b.co"},"bin":null,"last4":"4081","dueAt":"2020-11-25T18:00:00.000Z","resolvedAt":null,"evidence":null,"attachments":null,"note":null,"history":[{"status":"pending","by":"demo@test.co","createdAt":"2017-11-16T16:12:24.000Z"},7],"messages":[{"sender":"demo@test.co","body":"never bought it","createdAt":"2017-11-16T16:12:24.000Z"}],"created_at":"2020-11-24T13:45:57.000Z","updated_at":"2020-11-24T18:00:02.000Z"}}`,
			Event{Type: "charge.dispute.create", Domain: Live, DedupeKey: "charge.dispute.create|358950|awaiting-merchant-feedback", Dispute: &Dispute{
				ID: "358950", Domain: Live, Status: "awaiting-merchant-feedback", Category: "chargeback", TransactionID: "896467688", TransactionReference: "v3mjfgbnc19v97x",
				TransactionAmount: kes(5800), RefundAmount: kes(5800), DueAt: at("2020-11-25T18:00:00Z"), CreatedAt: at("2020-11-24T13:45:57Z"),
				UpdatedAt: at("2020-11-24T18:00:02Z"), CustomerEmail: "a@b.co", CardLast4: "4081",
				History:  []DisputeStep{{"pending", "demo@test.co", at("2017-11-16T16:12:24Z")}},
				Messages: []DisputeMessage{{"demo@test.co", "never bought it", at("2017-11-16T16:12:24Z")}},
			}},
		},
		"dispute, domain in the transaction": {
			`{"event":"charge.dispute.resolve","data":{"id":1,"status":"resolved","resolution":"auto-accepted","transaction":{"domain":"test","reference":"x"}}}`,
			Event{Type: "charge.dispute.resolve", Domain: Test, DedupeKey: "charge.dispute.resolve|1|resolved", Dispute: &Dispute{ID: "1", Domain: Test, Status: "resolved", Resolution: "auto-accepted", TransactionReference: "x"}},
		},
		"transfer": {
			`{"event":"transfer.success","data":{"amount":30000,"currency":"KES","domain":"live","failures":null,"id":9,"integration":{"id":1},"reason":"Rent","reference":"r1","source":"balance","status":"success","titan_code":null,"transfer_code":"TRF_1","transferred_at":null,"recipient":{"recipient_code":"RCP_1","details":{"account_number":"0"}},"session":{"provider":null,"id":null},"created_at":"2020-10-26T12:28:57.000Z","updated_at":"2020-10-26T12:28:57.000Z","fee_charged":100}}`,
			Event{Type: "transfer.success", Domain: Live, DedupeKey: "transfer.success|9|success", Transfer: &Transfer{
				ID: "9", Domain: Live, Status: "success", Reference: "r1", TransferCode: "TRF_1", Amount: kes(30000), FeeCharged: kes(100), Reason: "Rent", RecipientCode: "RCP_1",
				CreatedAt: at("2020-10-26T12:28:57Z"), UpdatedAt: at("2020-10-26T12:28:57Z"),
			}},
		},
		"transfer of anything":  {`{"event":"transfer.failed","data":{"id":[],"amount":"x","currency":7,"status":{}}}`, Event{Type: "transfer.failed", DedupeKey: "transfer.failed||||x", Transfer: &Transfer{}}},
		"transfer without data": {`{"event":"transfer.reversed","data":7}`, Event{Type: "transfer.reversed", DedupeKey: "transfer.reversed||||", Data: []byte("7")}},
		"unknown":               {`{"event":"moon.landed","data":[1]}`, Event{Type: "moon.landed", DedupeKey: "moon.landed||||", Data: []byte("[1]")}},
		"unknown, no data":      {`{"event":"moon.landed"}`, Event{Type: "moon.landed", DedupeKey: "moon.landed||||"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeEvent([]byte(test.raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeEventRefusesJunkByType(t *testing.T) {
	refund := `{"event":"refund.failed","data":{"status":"failed","transaction_reference":"q","amount":"1","currency":"KES"}}`
	for name, test := range map[string]struct {
		raw  string
		want upstream.DecodeError
	}{
		"empty":              {"", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"list":               {"[]", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"cut off":            {charge[:99], upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"too large":          {charge + strings.Repeat(" ", MaxWebhookBytes), upstream.DecodeError{Problem: upstream.TooLarge, Field: ""}},
		"too deep":           {strings.Replace(charge, `"metadata":0`, `"metadata":`+strings.Repeat("[", 40)+strings.Repeat("]", 40), 1), upstream.DecodeError{Problem: upstream.TooDeep, Field: ""}},
		"no event":           {`{"data":{}}`, upstream.DecodeError{Problem: upstream.MissingField, Field: "event"}},
		"event of type list": {`{"event":[]}`, upstream.DecodeError{Problem: upstream.WrongType, Field: "event"}},
		"endless event":      {`{"event":"` + strings.Repeat("x", 300) + `"}`, upstream.DecodeError{Problem: upstream.BadValue, Field: "event"}},
		"charge no data":     {`{"event":"charge.success"}`, upstream.DecodeError{Problem: upstream.WrongType, Field: "data"}},
		"no reference":       {strings.Replace(charge, `"reference"`, `"x"`, 1), upstream.DecodeError{Problem: upstream.MissingField, Field: "reference"}},
		"no status":          {strings.Replace(charge, `"status"`, `"x"`, 1), upstream.DecodeError{Problem: upstream.MissingField, Field: "status"}},
		"no amount":          {strings.Replace(charge, `"amount"`, `"x"`, 1), upstream.DecodeError{Problem: upstream.MissingField, Field: "amount"}},
		"amount of type":     {strings.Replace(charge, `"amount":10000`, `"amount":{}`, 1), upstream.DecodeError{Problem: upstream.WrongType, Field: "amount"}},
		"fractional":         {strings.Replace(charge, `"amount":10000`, `"amount":100.5`, 1), upstream.DecodeError{Problem: upstream.BadValue, Field: "amount"}},
		"currency":           {strings.Replace(charge, `"KES"`, `"???"`, 1), upstream.DecodeError{Problem: upstream.BadValue, Field: "currency"}},
		"refund reference":   {strings.Replace(refund, `"transaction_reference":"q"`, `"x":1`, 1), upstream.DecodeError{Problem: upstream.MissingField, Field: "transaction_reference"}},
		"refund amount":      {strings.Replace(refund, `"1"`, `"1.00"`, 1), upstream.DecodeError{Problem: upstream.BadValue, Field: "amount"}},
		"dispute of nothing": {`{"event":"charge.dispute.create","data":{"id":1,"status":"x"}}`, upstream.DecodeError{Problem: upstream.MissingField, Field: "transaction"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeEvent([]byte(test.raw))
			var got *upstream.DecodeError
			if !errors.As(err, &got) || *got != test.want {
				t.Errorf("got %v, want %v", err, &test.want)
			}
		})
	}
}

func TestAnEventThatIsNotDocumentedIsNoJunk(t *testing.T) {
	for _, raw := range []string{
		`{"event":"charge.authorization_expired","data":{"id":7,"authorization_code":"AUTH_1"}}`, `{"event":"charge.review"}`,
		`{"event":"refund.rerouted","data":{"id":7}}`, `{"event":"charge.dispute.escalate","data":{"id":7}}`,
		`{"event":"paymentrequest.success","data":{"id":7}}`, `{"event":"dedicatedaccount.assign.failed","data":{"id":7}}`,
	} {
		// Refused, Paystack would send it again for three days.
		e, err := DecodeEvent([]byte(raw))
		if err != nil || e.Type == "" || e.Transaction != nil || e.Refund != nil || e.Dispute != nil || strings.Contains(raw, "data") != (e.Data != nil) {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
	}
	pending := strings.Replace(charge, "charge.success", "charge.review", 1)
	if e, err := DecodeEvent([]byte(pending)); err != nil || e.Transaction == nil {
		t.Errorf("%s: %+v, %v", pending, e, err)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, s := range []string{
		charge, signedBody, "", `{"event":"refund.processed","data":{"status":"processed","transaction_reference":"q","amount":"10000","currency":"KES"}}`,
		`{"event":"charge.dispute.create","data":{"id":1,"status":"x","transaction":{"id":2}}}`, `{"event":"x","data":0}`,
		`{"event":"refund.failed","data":{"id":1,"status":"failed","transaction":7,"refund_reference":null,"amount":10000,"currency":"KES","fully_deducted":1}}`,
		`{"event":"charge.dispute.remind","data":{"id":1,"status":"resolved","resolution":"declined","currency":"KES","refund_amount":5,"transaction":{"id":2,"amount":6},"history":[{"by":1}],"messages":[[]]}}`,
		`{"event":"transfer.success","data":{"id":9,"amount":30000,"currency":"KES","recipient":{"recipient_code":"RCP_1"}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := DecodeEvent(raw)
		var junk *upstream.DecodeError
		if err != nil && !errors.As(err, &junk) {
			t.Fatalf("%T", err)
		}
		if err != nil {
			if e.Transaction != nil || e.Refund != nil || e.Dispute != nil || e.Transfer != nil || e.Data != nil {
				t.Fatal("something to act on beside an error")
			}
			return
		}
		if utf8.RuneCountInString(e.Type) > maxTextRunes || e.DedupeKey == "" {
			t.Fatalf("%+v", e)
		}
		if tx := e.Transaction; tx != nil && (tx.Amount.Minor < 0 || tx.Reference == "" || tx.Status == "") {
			t.Fatalf("%+v", tx)
		}
		if f := e.Refund; f != nil && (f.Amount.Minor < 0 || f.Amount.Currency == "" || f.TransactionID == "" && f.TransactionReference == "" || f.Status == "") {
			t.Fatalf("%+v", f)
		}
		if d := e.Dispute; d != nil && (d.TransactionID == "" && d.TransactionReference == "" || d.Status == "" || len(d.History) > maxDisputeEntries) {
			t.Fatalf("%+v", d)
		}
		for _, decode := range []func([]byte) error{
			func(b []byte) error { _, err := DecodeNotice(b); return err },
			func(b []byte) error { _, err := DecodeRefundNotice(b); return err },
			func(b []byte) error { _, err := DecodeDisputeNotice(b); return err },
		} {
			if err := decode(raw); err != nil && !errors.As(err, &junk) {
				t.Fatalf("%T", err)
			}
		}
	})
}

func FuzzVerifySignature(f *testing.F) {
	f.Add("sk_test_0123456789", []byte(signedBody), signature)
	f.Fuzz(func(t *testing.T, secret string, body []byte, header string) {
		mac := hmac.New(sha512.New, []byte(secret))
		mac.Write(body)
		right := hex.EncodeToString(mac.Sum(nil))
		if VerifySignature(secret, body, header) && !strings.EqualFold(header, right) {
			t.Fatal("a wrong signature passed")
		}
		if VerifySignature(secret, body, right) != (secret != "") {
			t.Fatal("the right signature did not pass")
		}
	})
}
