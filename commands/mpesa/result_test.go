package mpesa

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

const reversedResult = `{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"The service request is processed successfully.",
  "OriginatorConversationID":"dad6-4c34-8787-c8cb963a496d1268232","ConversationID":"AG_20211114_201018edbbf9f1582eaa","TransactionID":"SKE52PAWR9",
  "ResultParameters":{"ResultParameter":[
    {"Key":"DebitAccountBalance","Value":"Utility Account|KES|7722179.62|7722179.60|0.02|0.00"},{"Key":"Amount","Value":1.00},
    {"Key":"TransCompletedTime","Value":20211114132711},{"Key":"OriginalTransactionID","Value":"SKC82PACB8"},{"Key":"Charge","Value":0.00},
    {"Key":"CreditPartyPublicName","Value":"254705912645 - JANE ROE"},{"Key":"DebitPartyPublicName","Value":"600992 - Example Shop 992"}]},
  "ReferenceData":{"ReferenceItem":{"Key":"QueueTimeoutURL","Value":"https://internalsandbox.example/mpesa/reversalresults/v1/submit"}}}}`

const failedResult = `{"Result":{"ResultType":0,"ResultCode":"R000002","ResultDesc":"The OriginalTransactionID is invalid.",
  "OriginatorConversationID":"3124-481d-b706-10bdd6fbc8e21792398","ConversationID":"AG_20211114_2010573069aefb6b625a","TransactionID":"SKE0000000",
  "ReferenceData":{"ReferenceItem":[{"Key":"QueueTimeoutURL","Value":"https://internalsandbox.example/"},{"Key":"Occasion"}]}}}`

const paidOutResult = `{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"The service request is processed successfully.",
  "OriginatorConversationID":"kp-00000001","ConversationID":"AG_20240706_2010364430d9bbdaf872","TransactionID":"SG632NMUAB",
  "ResultParameters":{"ResultParameter":[
    {"Key":"TransactionAmount","Value":10},{"Key":"TransactionReceipt","Value":"SG632NMUAB"},{"Key":"ReceiverPartyPublicName","Value":"254705912645 - JANE ROE"},
    {"Key":"TransactionCompletedDateTime","Value":"06.07.2024 22:48:52"},{"Key":"B2CUtilityAccountAvailableFunds","Value":8959269.60},
    {"Key":"B2CWorkingAccountAvailableFunds","Value":1199371.00},{"Key":"B2CRecipientIsRegisteredCustomer","Value":"Y"},
    {"Key":"B2CChargesPaidAccountAvailableFunds","Value":-1980.00}]}}}`

const statusResult = `{"Result":{"ConversationID":"AG_20180223_0000493344ae97d86f75","OriginatorConversationID":"3213-416199-2",
  "ReferenceData":{"ReferenceItem":{"Key":"Occasion"}},"ResultCode":0,"ResultDesc":"The service request is processed successfully.",
  "ResultParameters":{"ResultParameter":[
    {"Key":"DebitPartyName","Value":"254708374149 - John Doe"},{"Key":"CreditPartyName","Value":"600782 - Example Shop"},
    {"Key":"OriginatorConversationID","Value":"3211-416020-3"},{"Key":"InitiatedTime","Value":20180223054112},
    {"Key":"DebitAccountType","Value":"Utility Account"},{"Key":"DebitPartyCharges","Value":"Fee For B2C Payment|KES|22.40"},{"Key":"TransactionReason"},
    {"Key":"ReasonType","Value":"Business Payment to Customer via API"},{"Key":"TransactionStatus","Value":"Completed"},
    {"Key":"FinalisedTime","Value":20180223054113},{"Key":"Amount","Value":"300"},{"Key":"ConversationID","Value":"AG_20180223_000041b09c22e613d6c9"},
    {"Key":"ReceiptNo","Value":"MBN31H462N"}]},"ResultType":0,"TransactionID":"MBN0000000"}}`

const balanceResult = `{"Result":{"ResultType":"0","ResultCode":"0","ResultDesc":"The service request is processed successfully",
  "OriginatorConversationID":"16917-22577599-3","ConversationID":"AG_20200206_00005e091a8ec6b9eac5","TransactionID":"OA90000000",
  "ResultParameters":{"ResultParameter":[
    {"Key":"AccountBalance","Value":"Working Account|KES|700000.00|700000.00|0.00|0.00&Utility Account|KES|228037.05|228037.00|0.05|0.00&Charges Paid Account|KES|-1540.00|-1540.00|0.00|0.00"},
    {"Key":"BOCompletedTime","Value":"20200109125710"}]}}}`

func withoutParameters() cmp.Option { return cmpopts.IgnoreFields(Result{}, "parameters") }

func replaced(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }

func TestDecodeResult(t *testing.T) {
	want := Result{
		ResultCode: "0", ResultDesc: "The service request is processed successfully.", OriginatorConversationID: "dad6-4c34-8787-c8cb963a496d1268232",
		ConversationID: "AG_20211114_201018edbbf9f1582eaa", TransactionID: "SKE52PAWR9",
	}
	with := func(change func(*Result)) Result {
		r := want
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		raw  string
		want Result
	}{
		"success":                  {reversedResult, want},
		"code as text":             {replaced(reversedResult, `"ResultCode":0`, `"ResultCode":"0"`), want},
		"code in Java's spelling":  {replaced(reversedResult, `"ResultCode":0`, `"ResultCode":2.001E+3`), with(func(r *Result) { r.ResultCode = "2001" })},
		"waits for more":           {replaced(reversedResult, `"ResultType":0`, `"ResultType":"1"`), with(func(r *Result) { r.Partial = true })},
		"no type":                  {replaced(reversedResult, `"ResultType":0,`, ``), want},
		"no envelope":              {strings.TrimSuffix(strings.TrimPrefix(reversedResult, `{"Result":`), "}"), want},
		"BOM":                      {"\xef\xbb\xbf" + reversedResult, want},
		"a receipt that is none":   {replaced(reversedResult, "SKE52PAWR9", "no receipt"), with(func(r *Result) { r.TransactionID = "" })},
		"ids that cannot be":       {replaced(reversedResult, "AG_20211114_201018edbbf9f1582eaa", "a b"), with(func(r *Result) { r.ConversationID = "" })},
		"parameters are a text":    {replaced(reversedResult, `"ResultParameters":{"ResultParameter":[`, `"ResultParameters":"none","x":{"y":[`), want},
		"an object for an id":      {replaced(reversedResult, `"AG_20211114_201018edbbf9f1582eaa"`, `{}`), with(func(r *Result) { r.ConversationID = "" })},
		"parameters without a key": {replaced(reversedResult, `{"Key":"Amount","Value":1.00}`, `{"Value":1},null,7,{"Key":{}}`), want},
	} {
		got, err := DecodeResult([]byte(test.raw))
		if diff := cmp.Diff(test.want, got, withoutParameters(), cmp.AllowUnexported(Result{})); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestWhatIsNoResultIsADecodeError(t *testing.T) {
	for raw, want := range map[string]upstream.DecodeError{
		"":                                      {Problem: upstream.NotJSON},
		"[]":                                    {Problem: upstream.NotJSON},
		"<html>":                                {Problem: upstream.NotJSON},
		"{}":                                    {Problem: upstream.MissingField, Field: "Result"},
		`{"Result":null}`:                       {Problem: upstream.MissingField, Field: "Result"},
		`{"Result":[]}`:                         {Problem: upstream.WrongType, Field: "Result"},
		`{"Result":{}}`:                         {Problem: upstream.MissingField, Field: "ResultCode"},
		`{"Result":{"ResultCode":""}}`:          {Problem: upstream.MissingField, Field: "ResultCode"},
		`{"Result":{"ResultCode":true}}`:        {Problem: upstream.WrongType, Field: "ResultCode"},
		`{"Result":{"ResultCode":"a b"}}`:       {Problem: upstream.BadValue, Field: "ResultCode"},
		`{"Result":` + strings.Repeat("[", 40):  {Problem: upstream.TooDeep},
		`"` + strings.Repeat("x", 65<<10) + `"`: {Problem: upstream.TooLarge},
	} {
		for name, decode := range map[string]func([]byte) error{
			"result":   func(b []byte) error { _, err := DecodeResult(b); return err },
			"reversal": func(b []byte) error { _, err := DecodeReversalResult(b); return err },
			"b2c":      func(b []byte) error { _, err := DecodeB2CResult(b); return err },
			"status":   func(b []byte) error { _, err := DecodeTransactionStatusResult(b); return err },
			"balance":  func(b []byte) error { _, err := DecodeAccountBalanceResult(b); return err },
		} {
			var e *upstream.DecodeError
			if err := decode([]byte(raw)); !errors.As(err, &e) || *e != want {
				t.Errorf("%.60s as %s: %v", raw, name, err)
			}
		}
	}
}

func TestDecodeReversalResult(t *testing.T) {
	shillings := func(minor int64) money.Money { return money.Of(minor, money.KES) }
	want := ReversalResult{
		Outcome: Outcome{"", "The payment was reversed.", ClassSuccess}, Receipt: "SKE52PAWR9", OriginalReceipt: "SKC82PACB8", Amount: kes(100), Charge: kes(0),
		CompletedAt:  paidAt(2021, 11, 14, 10, 27, 11),
		DebitParty:   Party{ShortCode: "600992", Number: "600992", Name: "Example Shop 992"},
		CreditParty:  Party{Phone: "254705912645", Number: "254705912645", Name: "JANE ROE"},
		DebitBalance: &Account{"Utility Account", shillings(772217962), shillings(772217960), shillings(2), shillings(0)},
	}
	got, err := DecodeReversalResult([]byte(reversedResult))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ReversalResult{}, "Result")); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = DecodeReversalResult([]byte(failedResult))
	want = ReversalResult{Outcome: Outcome{FailureReceiptNotFound, reasonReceipt, ClassFinal}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ReversalResult{}, "Result")); diff != "" || err != nil || got.TransactionID != "SKE0000000" {
		t.Error(err, diff)
	}
}

func TestASuccessIsNotLostOverOddParameters(t *testing.T) {
	for name, test := range map[string]struct {
		raw    string
		wrong  bool
		amount *money.Money
	}{
		"no parameters":          {`{"Result":{"ResultCode":0,"TransactionID":"SKE52PAWR9"}}`, false, nil},
		"an empty list":          {`{"Result":{"ResultCode":0,"TransactionID":"SKE52PAWR9","ResultParameters":{"ResultParameter":[]}}}`, false, nil},
		"a single one":           {`{"Result":{"ResultCode":0,"TransactionID":"SKE52PAWR9","ResultParameters":{"ResultParameter":{"Key":"amount","Value":"12.50"}}}}`, false, kes(1250)},
		"no value":               {replaced(reversedResult, `,"Value":1.00`, ``), false, nil},
		"an amount as text":      {replaced(reversedResult, `"Value":1.00`, `"Value":"1.0"`), false, kes(100)},
		"an amount with Java's":  {replaced(reversedResult, `"Value":1.00`, `"Value":1.5E+3`), false, kes(150000)},
		"no amount at all":       {replaced(reversedResult, `"Value":1.00`, `"Value":"abc"`), true, nil},
		"less than nothing":      {replaced(reversedResult, `"Value":1.00`, `"Value":-1.00`), true, nil},
		"parts of a cent":        {replaced(reversedResult, `"Value":1.00`, `"Value":1.001`), true, nil},
		"an object for a date":   {replaced(reversedResult, `20211114132711`, `{}`), false, kes(100)},
		"a balance without bars": {replaced(reversedResult, `Utility Account|KES|7722179.62|7722179.60|0.02|0.00`, `12`), false, kes(100)},
	} {
		got, err := DecodeReversalResult([]byte(test.raw))
		if got.Outcome.Class != ClassSuccess || got.Receipt != "SKE52PAWR9" || (err != nil) != test.wrong || cmp.Diff(test.amount, got.Amount) != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestDecodeB2CResult(t *testing.T) {
	yes := true
	want := B2CResult{
		Outcome: Outcome{"", "The money was sent.", ClassSuccess}, Receipt: "SG632NMUAB", Amount: kes(1000),
		Receiver:   Party{Phone: "254705912645", Number: "254705912645", Name: "JANE ROE"},
		Registered: &yes, CompletedAt: paidAt(2024, 7, 6, 19, 48, 52), Utility: kes(895926960), Working: kes(119937100), ChargesPaid: kes(-198000),
	}
	got, err := DecodeB2CResult([]byte(paidOutResult))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(B2CResult{}, "Result")); diff != "" || err != nil || got.OriginatorConversationID != "kp-00000001" {
		t.Error(err, diff)
	}
	got, err = DecodeB2CResult([]byte(replaced(paidOutResult, `"ResultCode":0`, `"ResultCode":2040`)))
	if err != nil || got.Outcome.FailureCode != FailureRecipientNotRegistered || got.Outcome.Class != ClassFinal || got.Receipt != "" || got.Amount != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodeTransactionStatusResult(t *testing.T) {
	want := TransactionStatusResult{
		Outcome: Outcome{"", "M-Pesa has answered.", ClassSuccess}, State: TransactionCompleted, Status: "Completed", Receipt: "MBN31H462N", Amount: kes(30000),
		DebitParty:  Party{Phone: "254708374149", Number: "254708374149", Name: "John Doe"},
		CreditParty: Party{ShortCode: "600782", Number: "600782", Name: "Example Shop"},
		InitiatedAt: paidAt(2018, 2, 23, 2, 41, 12), FinalisedAt: paidAt(2018, 2, 23, 2, 41, 13),
		Charges: []Charge{{"Fee For B2C Payment", money.Of(2240, money.KES)}}, AccountType: "Utility Account", Reason: "Business Payment to Customer via API",
		AskedOriginatorConversationID: "3211-416020-3", AskedConversationID: "AG_20180223_000041b09c22e613d6c9",
	}
	got, err := DecodeTransactionStatusResult([]byte(statusResult))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(TransactionStatusResult{}, "Result")); diff != "" || err != nil {
		t.Error(err, diff)
	}
	// Safaricom's own sample has one key twice; the first is who paid.
	got, err = DecodeTransactionStatusResult([]byte(replaced(statusResult, `"CreditPartyName"`, `"DebitPartyName"`)))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(TransactionStatusResult{}, "Result")); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestOnlyAnAnsweredQueryTellsATransactionsState(t *testing.T) {
	for name, test := range map[string]struct {
		raw  string
		want TransactionState
	}{
		"completed":       {statusResult, TransactionCompleted},
		"in capitals":     {replaced(statusResult, `"Completed"`, `"COMPLETED"`), TransactionCompleted},
		"reversed":        {replaced(statusResult, `"Completed"`, `"Reversed"`), TransactionReversed},
		"declined":        {replaced(statusResult, `"Completed"`, `"Declined"`), TransactionFailed},
		"cancelled":       {replaced(statusResult, `"Completed"`, `"Cancelled"`), TransactionFailed},
		"expired":         {replaced(statusResult, `"Completed"`, `"Expired"`), TransactionFailed},
		"authorised":      {replaced(statusResult, `"Completed"`, `"Authorized"`), TransactionUnknown},
		"no word":         {replaced(statusResult, `,"Value":"Completed"`, ``), TransactionUnknown},
		"not found":       {replaced(statusResult, `"ResultCode":0`, `"ResultCode":"R000002"`), TransactionUnknown},
		"a code unknown":  {replaced(statusResult, `"ResultCode":0`, `"ResultCode":31337`), TransactionUnknown},
		"more to come":    {replaced(statusResult, `"ResultType":0`, `"ResultType":1`), TransactionUnknown},
		"wrong initiator": {replaced(statusResult, `"ResultCode":0`, `"ResultCode":2001`), TransactionUnknown},
	} {
		got, err := DecodeTransactionStatusResult([]byte(test.raw))
		if err != nil || got.State != test.want || got.UnknownCode != (name == "a code unknown") || (got.Outcome.Class == ClassSuccess) != (got.Status != "" || name == "no word") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestDecodeAccountBalanceResult(t *testing.T) {
	shillings := func(minor int64) money.Money { return money.Of(minor, money.KES) }
	got, err := DecodeAccountBalanceResult([]byte(balanceResult))
	want := []Account{
		{WorkingAccount, shillings(70000000), shillings(70000000), shillings(0), shillings(0)},
		{UtilityAccount, shillings(22803705), shillings(22803700), shillings(5), shillings(0)},
		{ChargesPaidAccount, shillings(-154000), shillings(-154000), shillings(0), shillings(0)},
	}
	if diff := cmp.Diff(want, got.Accounts); diff != "" || err != nil || !got.CompletedAt.Equal(time.Date(2020, 1, 9, 9, 57, 10, 0, time.UTC)) {
		t.Error(err, diff)
	}
	if a, ok := got.Account("utility account"); !ok || a != want[1] {
		t.Error(a, ok)
	}
	if _, ok := got.Account("Float Account"); ok {
		t.Error("an account that is not there")
	}
}

func TestABalanceIsExactOrAnError(t *testing.T) {
	for _, bad := range []string{
		"", "&", "Utility Account", "Utility Account|KES|1.00", "Utility Account|USD|1.00|1.00|0.00|0.00", "Utility Account|KES|1.001|1.00|0.00|0.00",
		"Utility Account|KES|1,000.00|1.00|0.00|0.00", "|KES|1.00|1.00|0.00|0.00", strings.Repeat("A|KES|1|1|0|0&", maxAccounts+1),
		"Utility Account|KES|1.00|1.00|0.00|0.00&Working Account|KES|x|1.00|0.00|0.00", "A|KES|99999999999999999999|0|0|0",
	} {
		raw := replaced(balanceResult, `"Working Account|KES|700000.00|700000.00|0.00|0.00&Utility Account|KES|228037.05|228037.00|0.05|0.00&Charges Paid Account|KES|-1540.00|-1540.00|0.00|0.00"`, `"`+bad+`"`)
		got, err := DecodeAccountBalanceResult([]byte(raw))
		var e *upstream.DecodeError
		if !errors.As(err, &e) || e.Field != "AccountBalance" || got.Accounts != nil {
			t.Errorf("%.60q: %+v, %v", bad, got.Accounts, err)
		}
	}
	if _, err := DecodeAccountBalanceResult([]byte(`{"Result":{"ResultCode":0}}`)); err == nil {
		t.Error("no balance is no error")
	}
	if got, err := DecodeAccountBalanceResult([]byte(`{"Result":{"ResultCode":"26"}}`)); err != nil || got.Outcome.Class != ClassRetry {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAPartialResultDecidesNothing(t *testing.T) {
	r, err := DecodeReversalResult([]byte(replaced(reversedResult, `"ResultType":0`, `"ResultType":1`)))
	if err != nil || r.Outcome.Class != ClassPending || r.UnknownCode || r.Receipt != "" || !r.Partial {
		t.Errorf("%+v, %v", r, err)
	}
	b, err := DecodeB2CResult([]byte(replaced(paidOutResult, `"ResultType":0,"ResultCode":0`, `"ResultType":1,"ResultCode":1`)))
	if err != nil || b.Outcome.Class != ClassPending || b.Outcome.FailureCode != "" {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestATimeoutNoticeIsNeverAFailureWhateverItsShape(t *testing.T) {
	flat := `{"ResultType":1,"ResultCode":"1","ResultDesc":"The service request has timed out.","OriginatorConversationID":"kp-1","ConversationID":"AG_1"}`
	for name, test := range map[string]struct {
		raw  string
		want TimeoutNotice
	}{
		"envelope":    {`{"Result":` + flat + `}`, TimeoutNotice{ResultCode: "1", ResultDesc: "The service request has timed out.", OriginatorConversationID: "kp-1", ConversationID: "AG_1"}},
		"flat":        {flat, TimeoutNotice{ResultCode: "1", ResultDesc: "The service request has timed out.", OriginatorConversationID: "kp-1", ConversationID: "AG_1"}},
		"ids alone":   {`{"ConversationID":"AG_1"}`, TimeoutNotice{ConversationID: "AG_1"}},
		"other names": {`{"error":"timeout"}`, TimeoutNotice{}},
		"not JSON":    {`request timed out`, TimeoutNotice{}},
		"nothing":     {``, TimeoutNotice{}},
		"odd types":   {`{"Result":{"ResultCode":{},"OriginatorConversationID":[1],"ConversationID":7}}`, TimeoutNotice{ConversationID: "7"}},
	} {
		test.want.Raw = []byte(test.raw)
		if diff := cmp.Diff(test.want, DecodeTimeout([]byte(test.raw))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPartiesAreReadAsMPesaWritesThem(t *testing.T) {
	for in, want := range map[string]Party{
		"254708374149 - John Doe":     {Phone: "254708374149", Number: "254708374149", Name: "John Doe"},
		"600782 - Example - Shop":     {ShortCode: "600782", Number: "600782", Name: "Example - Shop"},
		"25472****108 - JOHN DOE":     {Number: "25472****108", Name: "JOHN DOE"},
		"254708374149":                {Phone: "254708374149", Number: "254708374149"},
		"+254708374149 - ":            {Phone: "254708374149", Number: "+254708374149"},
		"JOHN DOE":                    {Name: "JOHN DOE"},
		"":                            {},
		"0708374149 - a local number": {Number: "0708374149", Name: "a local number"},
	} {
		if diff := cmp.Diff(want, readParty(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}
