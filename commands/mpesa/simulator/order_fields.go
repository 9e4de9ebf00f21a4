package simulator

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// orderFields reads the fields of an order one after the other and keeps the name of the first that is wrong.
type orderFields struct {
	s   *Simulator
	f   fields
	by  caller
	bad string
}

// want notes that a field is wrong, unless an earlier one is.
func (a *orderFields) want(name string, right bool) {
	if a.bad == "" && !right {
		a.bad = name
	}
}

// initiator reads the initiator's name, from a field that is named differently in B2C, and its credential. What is well
// formed is taken here; whether it is right shows in the result (Daraja, B2C, result 2001).
func (a *orderFields) initiator(nameField string) (trusted func() bool) {
	name, ok := a.f.text(nameField)
	a.want(nameField, ok && name != "" && len(name) <= 100)
	credential, ok := a.f.text("SecurityCredential")
	sealed, err := base64.StdEncoding.DecodeString(credential)
	a.want("SecurityCredential", ok && credential != "" && err == nil)
	return func() bool { return name == a.by.app.Initiator && a.s.opens(sealed, a.by.app.InitiatorPassword) }
}

func (a *orderFields) command(allowed ...string) string {
	got, _ := a.f.text("CommandID")
	for _, each := range allowed {
		if got == each {
			return got
		}
	}
	a.want("CommandID", false)
	return ""
}

// shortCode is one of the app's numbers.
func (a *orderFields) shortCode(name string) ShortCode {
	sc, known := a.by.app.shortCode(a.f.scalar(name))
	a.want(name, known)
	return sc
}

// shillings is a whole amount. Those that no transaction can have are taken here; M-Pesa itself refuses them.
func (a *orderFields) shillings() int64 {
	text := a.f.scalar("Amount")
	n, err := strconv.ParseInt(text, 10, 64)
	a.want("Amount", amountFormat.MatchString(text) && err == nil)
	return n
}

func (a *orderFields) msisdn(name string) string {
	got := a.f.scalar(name)
	a.want(name, msisdnFormat.MatchString(got))
	return got
}

func (a *orderFields) url(name string) string {
	got, ok := a.f.text(name)
	a.want(name, ok && a.s.urlAllowed(got, false))
	return got
}

func (a *orderFields) remarks() {
	got, ok := a.f.text("Remarks")
	n := len([]rune(got))
	a.want("Remarks", ok && n >= 2 && n <= 100)
}

// occasion may be missing; B2C's has another spelling.
func (a *orderFields) occasion(name string) string {
	got, ok := a.f.text(name)
	a.want(name, ok && len([]rune(got)) <= 100)
	return got
}

// parseReversal is POST /mpesa/reversal/v1/request.
func (s *Simulator) parseReversal(f fields, by caller) (*order, string) {
	a := &orderFields{s: s, f: f, by: by}
	o := &order{api: Reversal, originatorID: s.originatorID()}
	trusted := a.initiator("Initiator")
	a.command("TransactionReversal")
	o.receipt, _ = f.text("TransactionID")
	a.want("TransactionID", receiptFormat.MatchString(o.receipt))
	amount := a.shillings()
	o.shortCode = a.shortCode("ReceiverParty").Number
	a.want("RecieverIdentifierType", f.scalar("RecieverIdentifierType") == "11")
	o.resultURL, o.timeoutURL = a.url("ResultURL"), a.url("QueueTimeOutURL")
	a.remarks()
	o.occasion = a.occasion("Occasion")
	if a.bad != "" {
		return nil, a.bad
	}
	o.trusted = trusted()
	o.work = func(at time.Time) outcome { return s.workReversal(o, amount*100, at) }
	o.refused = func(at time.Time) *outcome {
		return &outcome{receipt: s.decline(o, paymentReversal, amount*100, at).receipt}
	}
	return o, ""
}

// parseB2C is POST /mpesa/b2c/v3/paymentrequest, or v1, which has no OriginatorConversationID.
func (s *Simulator) parseB2C(version int) parseOrder {
	return func(f fields, by caller) (*order, string) {
		a := &orderFields{s: s, f: f, by: by}
		o := &order{api: B2C, originatorID: s.originatorID()}
		if version >= 3 {
			o.chosenID = true
			o.originatorID, _ = f.text("OriginatorConversationID")
			a.want("OriginatorConversationID", o.originatorID != "" && len(o.originatorID) <= 100)
		}
		trusted := a.initiator("InitiatorName")
		command := a.command("BusinessPayment", "SalaryPayment", "PromotionPayment")
		amount := a.shillings()
		from := a.shortCode("PartyA")
		o.shortCode, o.msisdn = from.Number, a.msisdn("PartyB")
		a.remarks()
		o.timeoutURL, o.resultURL = a.url("QueueTimeOutURL"), a.url("ResultURL")
		o.occasion = a.occasion("Occassion")
		if a.bad != "" {
			return nil, a.bad
		}
		o.trusted = trusted()
		o.work = func(at time.Time) outcome { return s.workB2C(o, from, command, amount, at) }
		o.refused = func(at time.Time) *outcome { return &outcome{receipt: s.decline(o, payout, amount*100, at).receipt} }
		return o, ""
	}
}

// parseStatus is POST /mpesa/transactionstatus/v1/query. The id of a conversation is taken in both of its spellings.
func (s *Simulator) parseStatus(f fields, by caller) (*order, string) {
	a := &orderFields{s: s, f: f, by: by}
	o := &order{api: TransactionStatus, originatorID: s.originatorID()}
	trusted := a.initiator("Initiator")
	a.command("TransactionStatusQuery")
	receipt, okReceipt := f.text("TransactionID")
	conversation, okConversation := f.text("OriginalConversationID")
	if conversation == "" && okConversation {
		conversation, okConversation = f.text("OriginatorConversationID")
	}
	a.want("TransactionID", okReceipt && (receipt == "" && conversation != "" || receiptFormat.MatchString(receipt)))
	a.want("OriginalConversationID", okConversation && len(conversation) <= 100)
	kind := f.scalar("IdentifierType")
	switch kind {
	case "1":
		a.msisdn("PartyA")
		o.msisdn = f.scalar("PartyA")
	case "2", "4":
		sc := a.shortCode("PartyA")
		o.shortCode = sc.Number
		a.want("IdentifierType", kind == "4" || sc.Type == Till)
	default:
		a.want("IdentifierType", false)
	}
	o.resultURL, o.timeoutURL = a.url("ResultURL"), a.url("QueueTimeOutURL")
	a.remarks()
	o.occasion = a.occasion("Occasion")
	if a.bad != "" {
		return nil, a.bad
	}
	o.trusted = trusted()
	o.work = func(time.Time) outcome { return s.workStatus(o, receipt, conversation) }
	return o, ""
}

// parseBalance is POST /mpesa/accountbalance/v1/query.
func (s *Simulator) parseBalance(f fields, by caller) (*order, string) {
	a := &orderFields{s: s, f: f, by: by}
	o := &order{api: AccountBalance, originatorID: s.originatorID()}
	trusted := a.initiator("Initiator")
	a.command("AccountBalance")
	of := a.shortCode("PartyA")
	o.shortCode = of.Number
	a.want("IdentifierType", f.scalar("IdentifierType") == "4" || f.scalar("IdentifierType") == "2" && of.Type == Till)
	a.remarks()
	o.timeoutURL, o.resultURL = a.url("QueueTimeOutURL"), a.url("ResultURL")
	if a.bad != "" {
		return nil, a.bad
	}
	o.trusted = trusted()
	o.work = func(at time.Time) outcome { return s.workBalance(of, at) }
	return o, ""
}

// orderRoutes are the APIs of initiators.
func (s *Simulator) orderRoutes(mux *http.ServeMux) {
	for _, each := range []struct {
		path  string
		api   OrderAPI
		first string
		fault func(Faults) Fault
		parse parseOrder
	}{
		{"/mpesa/reversal/v1/request", Reversal, "Initiator", func(f Faults) Fault { return f.Reversal }, s.parseReversal},
		{"/mpesa/b2c/v1/paymentrequest", B2C, "InitiatorName", func(f Faults) Fault { return f.B2C }, s.parseB2C(1)},
		{"/mpesa/b2c/v3/paymentrequest", B2C, "OriginatorConversationID", func(f Faults) Fault { return f.B2C }, s.parseB2C(3)},
		{"/mpesa/transactionstatus/v1/query", TransactionStatus, "Initiator", func(f Faults) Fault { return f.TransactionStatus }, s.parseStatus},
		{"/mpesa/accountbalance/v1/query", AccountBalance, "Initiator", func(f Faults) Fault { return f.AccountBalance }, s.parseBalance},
	} {
		mux.HandleFunc(each.path, s.api(each.api.rejection(), each.fault, s.takeOrder(each.api, each.first, each.parse)))
	}
}
