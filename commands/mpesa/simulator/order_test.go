package simulator

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOrdersAreAnsweredInDarajasWords(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 1000 })
	for path, body := range map[string]map[string]any{
		reversalPath: w.reversalBody("SKC82PACB8", "5"), b2cPath: w.b2cBody("kp-1", ordinary, "10"), statusPath: w.statusBody("SKC82PACB8", ""), balancePath: w.balanceBody(),
	} {
		a := w.post(path, body)
		got := a.json(t)
		id, _ := got["OriginatorConversationID"].(string)
		conversation, _ := got["ConversationID"].(string)
		if a.status != 200 || got["ResponseCode"] != "0" || got["ResponseDescription"] != "Accept the service request successfully." || len(got) != 4 ||
			!regexp.MustCompile(`^AG_20260101_[0-9a-f]{20}$`).MatchString(conversation) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if path == b2cPath && id != "kp-1" || path != b2cPath && !regexp.MustCompile(`^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[0-9]{7}$`).MatchString(id) {
			t.Errorf("%s: id %s", path, id)
		}
	}
}

func TestOrdersNameTheBadField(t *testing.T) {
	w := newWorld(t, nil)
	long := strings.Repeat("x", 101)
	common := func(initiator string) map[string][]any {
		return map[string][]any{
			initiator:            {nil, "", 7, long},
			"SecurityCredential": {nil, "", "not base64!", 7},
			"CommandID":          {nil, "Something", 7},
			"Remarks":            {nil, "x", long, 7},
			"ResultURL":          {nil, "", "no URL", w.merchant.URL + "/mpesa/r", w.merchant.URL + "/a b", 7},
			"QueueTimeOutURL":    {nil, "", "ftp://x.example/", w.merchant.URL + "/QUERY"},
		}
	}
	with := func(fields map[string][]any, more map[string][]any) map[string][]any {
		maps.Copy(fields, more)
		return fields
	}
	for path, c := range map[string]struct {
		code   string
		right  func() map[string]any
		wrong  map[string][]any
		absent map[string]bool // may be missing
	}{
		reversalPath: {"400.002.02", func() map[string]any { return w.reversalBody("SKC82PACB8", "5") }, with(common("Initiator"), map[string][]any{
			"TransactionID": {nil, "", "short", "skc82pacb8", 7}, "Amount": {nil, "0", "1.5", "-1", "1000000", "x"}, "ReceiverParty": {nil, "999999", "x"},
			"RecieverIdentifierType": {nil, "4", "x"}, "Occasion": {long, 7},
		}), nil},
		b2cPath: {"400.002.02", func() map[string]any { return w.b2cBody("kp-1", ordinary, "10") }, with(common("InitiatorName"), map[string][]any{
			"OriginatorConversationID": {nil, "", long, 7}, "Amount": {nil, "0", "10.5"}, "PartyA": {nil, "999999"}, "PartyB": {nil, "0722000001", "174379"}, "Occassion": {long},
		}), nil},
		statusPath: {"400.003.02", func() map[string]any { return w.statusBody("SKC82PACB8", "") }, with(common("Initiator"), map[string][]any{
			"TransactionID": {nil, "", "short", 7}, "IdentifierType": {nil, "3", "2"}, "PartyA": {nil, "999999"}, "Occasion": {long},
		}), nil},
		balancePath: {"400.002.02", func() map[string]any { return w.balanceBody() }, with(common("Initiator"), map[string][]any{
			"IdentifierType": {nil, "1", "2"}, "PartyA": {nil, "999999"},
		}), nil},
	} {
		right := c.right()
		for field, values := range c.wrong {
			for _, v := range values {
				body := maps.Clone(right)
				if body[field] = v; v == nil {
					delete(body, field)
				}
				a := w.post(path, body)
				if got := a.json(t); a.status != 400 || got["errorCode"] != c.code || got["errorMessage"] != "Bad Request - Invalid "+field {
					t.Errorf("%s %s = %v: %d %s", path, field, v, a.status, a.body)
				}
			}
		}
		if a := w.do("POST", path, w.headers(), "{"); a.json(t)["errorCode"] != "400.002.05" {
			t.Errorf("%s: junk: %d %s", path, a.status, a.body)
		}
		if a := w.do("GET", path, w.headers(), "{}"); a.status != 405 {
			t.Errorf("%s: GET: %d %s", path, a.status, a.body)
		}
		h := w.headers()
		delete(h, "Content-Type")
		if a := w.do("POST", path, h, marshal(t, right)); a.status != 400 || a.json(t)["errorCode"] != c.code {
			t.Errorf("%s: no content type: %d %s", path, a.status, a.body)
		}
	}
	if n := len(w.sim.Orders()); n != 0 {
		t.Errorf("%d orders were taken", n)
	}
}

func TestAWrongInitiatorShowsInTheResultOnly(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 1000 })
	for name, change := range map[string]func(map[string]any){
		"name":        func(b map[string]any) { b["InitiatorName"] = "somebody" },
		"password":    func(b map[string]any) { b["SecurityCredential"] = w.seal("wrong") },
		"certificate": func(b map[string]any) { b["SecurityCredential"] = base64.StdEncoding.EncodeToString(make([]byte, 256)) },
		"no sealing": func(b map[string]any) {
			b["SecurityCredential"] = base64.StdEncoding.EncodeToString([]byte(SandboxInitiatorPassword))
		},
	} {
		body := w.b2cBody("kp-"+name[:2], ordinary, "10")
		change(body)
		r := w.orders(b2cPath, body)
		if r.code != "2001" || r.parameters != nil || r.transactionID != "UA10000000" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if w.utility() != 1000_00 {
		t.Error("money moved")
	}
}

func TestAReversalGivesTheMoneyBackOnce(t *testing.T) {
	w := newWorld(t, nil)
	receipt := w.paid(ordinary)
	if w.utility() != 5_00 {
		t.Fatalf("%d cents", w.utility())
	}
	r := w.orders(reversalPath, w.reversalBody(receipt, "5"))
	want := map[string]string{
		"DebitAccountBalance": `"Utility Account|KES|0.00|0.00|0.00|0.00"`, "Amount": "5.00", "TransCompletedTime": atNoon(4 * time.Second),
		"OriginalTransactionID": `"` + receipt + `"`, "Charge": "0.00", "CreditPartyPublicName": `"` + ordinary + ` - John Doe"`,
		"DebitPartyPublicName": `"174379 - Simulated Shop 174379"`,
	}
	if diff := cmp.Diff(want, r.parameters); diff != "" || r.code != "0" || r.transactionID == receipt || w.utility() != 0 {
		t.Errorf("%+v %s", r, diff)
	}
	w.fund(100)
	for path, c := range map[string]struct{ body, code, id string }{
		"again":              {receipt, `"R000001"`, "UA10000000"},
		"an unknown receipt": {"SKC82PACB8", `"R000002"`, "UA10000000"},
		"the reversal":       {r.transactionID, `"R000002"`, "UA10000000"},
	} {
		if got := w.orders(reversalPath, w.reversalBody(c.body, "5")); got.code != c.code || got.transactionID != c.id || got.parameters != nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if w.utility() != 100_00 {
		t.Errorf("%d cents", w.utility())
	}
	other := w.reversalBody(w.paid(ordinary), "5")
	other["ReceiverParty"] = "600984"
	if got := w.orders(reversalPath, other); got.code != `"R000002"` {
		t.Errorf("to another shortcode: %+v", got)
	}
}

func TestAReversalNeedsTheMoneyAndTheWholeAmount(t *testing.T) {
	w := newWorld(t, nil)
	receipt := w.paid(ordinary)
	for amount, code := range map[string]string{"4": "25", "6": "25"} {
		if got := w.orders(reversalPath, w.reversalBody(receipt, amount)); got.code != code {
			t.Errorf("%s: %+v", amount, got)
		}
	}
	if _, err := w.sim.Withdraw(SandboxShortCode, 1); err != nil {
		t.Fatal(err)
	}
	if got := w.orders(reversalPath, w.reversalBody(receipt, "5")); got.code != "1" {
		t.Errorf("%+v", got)
	}
	if err := w.sim.SetFaults(Faults{PartialReversals: true}); err != nil {
		t.Fatal(err)
	}
	if got := w.orders(reversalPath, w.reversalBody(receipt, "3")); got.code != "0" || got.parameters["Amount"] != "3.00" || w.utility() != 1_00 {
		t.Errorf("%+v, %d cents", got, w.utility())
	}
	if got := w.orders(reversalPath, w.reversalBody(receipt, "1")); got.code != `"R000001"` {
		t.Errorf("%+v", got)
	}
}

func TestAPayoutPaysOut(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance, o.Tariff = 1000, Tariff{B2CCents: 2240} })
	r := w.orders(b2cPath, w.b2cBody("kp-1", ordinary, "250"))
	want := map[string]string{
		"TransactionAmount": "250.00", "TransactionReceipt": `"` + r.transactionID + `"`, "ReceiverPartyPublicName": `"` + ordinary + ` - John Doe"`,
		"TransactionCompletedDateTime": `"01.01.2026 12:00:02"`, "B2CUtilityAccountAvailableFunds": "750.00", "B2CWorkingAccountAvailableFunds": "0.00",
		"B2CRecipientIsRegisteredCustomer": `"Y"`, "B2CChargesPaidAccountAvailableFunds": "-22.40",
	}
	if diff := cmp.Diff(want, r.parameters); diff != "" || r.code != "0" {
		t.Errorf("%+v %s", r, diff)
	}
	for _, c := range []struct{ id, amount, code string }{{"kp-2", "9", "2"}, {"kp-3", "250001", "3"}, {"kp-4", "751", "1"}, {"kp-5", "750", "0"}} {
		if got := w.orders(b2cPath, w.b2cBody(c.id, ordinary, c.amount)); got.code != c.code {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	till := w.b2cBody("kp-6", ordinary, "10")
	till["PartyA"] = SandboxTill
	if got := w.orders(b2cPath, till); got.code != "2028" {
		t.Errorf("from a till: %+v", got)
	}
	if b := w.sim.Balances()[0]; b != (Balance{SandboxShortCode, 0, 0, -44_80}) {
		t.Errorf("%+v", b)
	}
	old := w.b2cBody("", ordinary, "10")
	delete(old, "OriginatorConversationID")
	if got := w.orders("/mpesa/b2c/v1/paymentrequest", old); got.code != "1" {
		t.Errorf("v1: %+v", got)
	}
}

func TestAnIdOfAPayoutIsTakenOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 1000 })
	body := w.b2cBody("kp-1", ordinary, "10")
	w.orders(b2cPath, body)
	a := w.post(b2cPath, body)
	if got := a.json(t); a.status != 500 || got["errorCode"] != "500.002.1001" || got["errorMessage"] != "Duplicate OriginatorConversationID." {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.nothing()
	if w.utility() != 990_00 {
		t.Errorf("%d cents", w.utility())
	}
}

func TestStatusTellsOfPaymentsReversalsAndPayouts(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance, o.Tariff = 1000, Tariff{B2CCents: 2240} })
	receipt := w.paid(ordinary)
	said, r := w.status(receipt, "")
	want := map[string]string{
		"DebitPartyName": `"` + ordinary + ` - John Doe"`, "CreditPartyName": `"174379 - Simulated Shop 174379"`, "OriginatorConversationID": "", "ConversationID": "",
		"InitiatedTime": atNoon(2 * time.Second), "FinalisedTime": atNoon(2 * time.Second), "DebitAccountType": `"MMF Account For Customer"`, "DebitPartyCharges": "",
		"TransactionReason": "", "ReasonType": `"Pay Bill Online"`, "TransactionStatus": `"Completed"`, "Amount": `"5.00"`, "ReceiptNo": `"` + receipt + `"`,
	}
	if diff := cmp.Diff(want, r.parameters); diff != "" || said != "Completed" || r.transactionID != "UA10000000" {
		t.Errorf("%s %s", said, diff)
	}
	reversal := w.orders(reversalPath, w.reversalBody(receipt, "5"))
	if said, _ := w.status(receipt, ""); said != "Reversed" {
		t.Errorf("the payment: %s", said)
	}
	if said, r := w.status("", reversal.originatorID); said != "Completed" || r.parameters["ReceiptNo"] != `"`+reversal.transactionID+`"` {
		t.Errorf("the reversal: %s %+v", said, r)
	}
	if err := w.sim.SetFaults(Faults{ReversedReadsCompleted: true}); err != nil {
		t.Fatal(err)
	}
	if said, _ := w.status(receipt, ""); said != "Completed" {
		t.Errorf("the payment, switched: %s", said)
	}
	out := w.orders(b2cPath, w.b2cBody("kp-1", ordinary, "10"))
	said, r = w.status("", "kp-1")
	if said != "Completed" || r.parameters["ReceiptNo"] != `"`+out.transactionID+`"` || r.parameters["DebitPartyCharges"] != `"Fee For B2C Payment|KES|22.40"` ||
		r.parameters["OriginatorConversationID"] != `"kp-1"` || r.parameters["CreditPartyName"] != `"`+ordinary+` - John Doe"` {
		t.Errorf("the payout: %s %+v", said, r)
	}
	byOther := w.statusBody("", "")
	delete(byOther, "OriginalConversationID")
	byOther["OriginatorConversationID"] = "kp-1"
	if r := w.orders(statusPath, byOther); r.code != "0" {
		t.Errorf("the other spelling: %+v", r)
	}
	w.orders(b2cPath, w.b2cBody("kp-2", ordinary, "9"))
	if said, _ := w.status("", "kp-2"); said != "Declined" {
		t.Errorf("a declined payout: %s", said)
	}
	for _, c := range []struct{ receipt, conversation string }{{"SKC82PACB8", ""}, {"", "never"}} {
		if said, r := w.status(c.receipt, c.conversation); said != "R000002" || r.parameters != nil {
			t.Errorf("%+v: %s", c, said)
		}
	}
	elsewhere := w.statusBody(receipt, "")
	elsewhere["PartyA"] = "600984"
	if r := w.orders(statusPath, elsewhere); r.code != `"R000002"` {
		t.Errorf("asked by a stranger: %+v", r)
	}
	payer := w.statusBody(receipt, "")
	payer["PartyA"], payer["IdentifierType"] = json.Number(ordinary), "1"
	if r := w.orders(statusPath, payer); r.code != "0" {
		t.Errorf("asked of the payer: %+v", r)
	}
}

func TestAPayoutIsNotKnownBeforeItIsCarriedOut(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 1000 })
	w.post(b2cPath, w.b2cBody("kp-1", "254700090010", "10")) // silent
	w.post(statusPath, w.statusBody("", "kp-1"))
	w.clock.Advance(orderAfter - time.Millisecond)
	if w.utility() != 1000_00 {
		t.Error("it went out too early")
	}
	w.clock.Advance(time.Millisecond)
	if r := resulted(t, w.delivered()); r.code != "0" { // the question is answered after the payout went out
		t.Errorf("%+v", r)
	}
	if w.utility() != 990_00 {
		t.Error("it did not go out")
	}
}

func TestAccountBalanceTellsEveryAccount(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance, o.Tariff = 1000, Tariff{B2CCents: 2240} })
	w.orders(b2cPath, w.b2cBody("kp-1", ordinary, "10"))
	r := w.orders(balancePath, w.balanceBody())
	want := map[string]string{
		"AccountBalance": `"Working Account|KES|0.00|0.00|0.00|0.00&Float Account|KES|0.00|0.00|0.00|0.00&Utility Account|KES|990.00|990.00|0.00|0.00` +
			`&Charges Paid Account|KES|-22.40|-22.40|0.00|0.00&Organization Settlement Account|KES|0.00|0.00|0.00|0.00"`,
		"BOCompletedTime": `"` + atNoon(4*time.Second) + `"`,
	}
	if diff := cmp.Diff(want, r.parameters); diff != "" || r.code != `"0"` {
		t.Errorf("%+v %s", r, diff)
	}
	till := w.balanceBody()
	till["PartyA"], till["IdentifierType"] = SandboxTill, "2"
	if r := w.orders(balancePath, till); !contains(r.parameters["AccountBalance"], "Merchant Account|KES|1000.00") {
		t.Errorf("%+v", r)
	}
}

func TestScriptedOrdersComeBeforeTheMagicNumber(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 1000 })
	for _, script := range []string{
		`{"api":"b2c","result_code":"31337","msisdn":"254722000009"}`, `{"api":"b2c","scenario":"order-2040"}`, `{"api":"accountbalance","result_code":"26"}`,
		`{"api":"transactionstatus","scenario":"order-silent"}`, `{"api":"b2c","result_code":"0"}`, `{"result_code":"1032"}`,
	} {
		if a := w.do("POST", "/__sim/next", nil, script); a.status != 200 {
			t.Fatalf("%s: %d %s", script, a.status, a.body)
		}
	}
	for i, want := range []string{"2040", "0", "1"} {
		if r := w.orders(b2cPath, w.b2cBody(strings.Repeat("k", i+1), "254700080001", "10")); r.code != want {
			t.Errorf("%d: %+v, want %s", i, r, want)
		}
	}
	if r := w.orders(b2cPath, w.b2cBody("kp-9", "254722000009", "10")); r.code != "31337" {
		t.Errorf("%+v", r)
	}
	if r := w.orders(balancePath, w.balanceBody()); r.code != `"26"` {
		t.Errorf("%+v", r)
	}
	if a := w.post(statusPath, w.statusBody("SKC82PACB8", "")); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.nothing()
	w.token = w.login()
	w.push(ordinary)
	w.clock.Advance(paidAfter)
	if code, _ := callback(t, w.delivered()); code != "1032" {
		t.Errorf("a payment took another script: %s", code)
	}
	for _, wrong := range []string{`{"api":"b2b","result_code":"0"}`, `{"api":"b2c","scenario":"success"}`, `{"scenario":"order-silent"}`} {
		if a := w.do("POST", "/__sim/next", nil, wrong); a.status != 422 {
			t.Errorf("%s: %d %s", wrong, a.status, a.body)
		}
	}
}

func TestFaultsOfTheInitiatorsAPIs(t *testing.T) {
	w := newWorld(t, nil)
	if a := w.do("POST", "/__sim/faults", nil, `{"reversal":"503","b2c":"html","transactionstatus":"spike","accountbalance":"token","pull":"empty"}`); a.status != 200 {
		t.Fatal(a.body)
	}
	for path, want := range map[string]string{
		reversalPath: "503 ", b2cPath: "500 <html>", statusPath: "500 500.003.02", balancePath: "401 401.002.01", pullPath: "500 ", registerPullPath: "500 ",
	} {
		a := w.post(path, map[string]any{})
		got := http.StatusText(a.status) + " " + a.body
		status, text, _ := strings.Cut(want, " ")
		if !strings.HasPrefix(got, http.StatusText(map[string]int{"503": 503, "500": 500, "401": 401}[status])) || !contains(a.body, text) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestATokenThatIsEchoedIsNotLogged(t *testing.T) {
	var log logged
	w := newWorld(t, func(o *Options) { o.Logger = log.logger() })
	h := w.headers()
	h["Authorization"] = "Bearer a-token-of-somebody"
	if a := w.do("POST", balancePath, h, "{}"); !contains(a.body, "Invalid Access Token - a-token-of-somebody") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if log.has("a-token-of-somebody") || !log.has("401.002.01") {
		t.Error("the log has the token, or nothing")
	}
}
