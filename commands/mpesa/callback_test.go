package mpesa

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

const failedCallback = `{"Body":{"stkCallback":{
  "MerchantRequestID":"2654-4b64-97ff-b827b542881d3130",
  "CheckoutRequestID":"ws_CO_1007202409152617172396192",
  "ResultCode":1032,
  "ResultDesc":"Request cancelled by user"}}}`

const paidCallback = `{"Body":{"stkCallback":{
  "MerchantRequestID":"2654-4b64-97ff-b827b542881d3130",
  "CheckoutRequestID":"ws_CO_1007202409152617172396192",
  "ResultCode":0,
  "ResultDesc":"The service request is processed successfully.",
  "CallbackMetadata":{"Item":[
    {"Name":"Amount","Value":1.00},
    {"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"},
    {"Name":"Balance"},
    {"Name":"TransactionDate","Value":20191219102115},
    {"Name":"PhoneNumber","Value":254708374149}
  ]}}}}`

func paidAt(year int, month time.Month, day, hour, minute, second int) *time.Time {
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	return &t
}

func kes(minor int64) *money.Money {
	m := money.Of(minor, money.KES)
	return &m
}

func TestDecodeSTKCallback(t *testing.T) {
	paid := StkCallback{
		MerchantRequestID: "2654-4b64-97ff-b827b542881d3130", CheckoutRequestID: "ws_CO_1007202409152617172396192",
		ResultCode: "0", ResultDesc: "The service request is processed successfully.",
		Receipt: "NLJ7RT61SV", Amount: kes(100), Phone: "254708374149", PaidAt: paidAt(2019, 12, 19, 7, 21, 15),
	}
	with := func(change func(*StkCallback)) StkCallback {
		c := paid
		change(&c)
		return c
	}
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(paidCallback) }
	for name, test := range map[string]struct {
		raw  string
		want StkCallback
	}{
		"success": {paidCallback, paid},
		"failure": {failedCallback, StkCallback{
			MerchantRequestID: paid.MerchantRequestID, CheckoutRequestID: paid.CheckoutRequestID, ResultCode: "1032", ResultDesc: "Request cancelled by user",
		}},
		"code as text":             {replace(`"ResultCode":0`, `"ResultCode":"0"`), paid},
		"code as 0.0":              {replace(`"ResultCode":0`, `"ResultCode":0.0`), paid},
		"lettered code":            {replace(`"ResultCode":0`, `"ResultCode":"SFC_IC0003"`), with(func(c *StkCallback) { c.ResultCode = "SFC_IC0003" })},
		"zeros are not a success":  {replace(`"ResultCode":0`, `"ResultCode":"00"`), with(func(c *StkCallback) { c.ResultCode = "00" })},
		"whole amount":             {replace("1.00", "1"), paid},
		"amount with one place":    {replace("1.00", "1.0"), paid},
		"amount as text":           {replace("1.00", `"1.00"`), paid},
		"amount by Java":           {replace("1.00", "1.5E+3"), with(func(c *StkCallback) { c.Amount = kes(150000) })},
		"amount with cents":        {replace("1.00", "19.99"), with(func(c *StkCallback) { c.Amount = kes(1999) })},
		"large amount":             {replace("1.00", "249999.99"), with(func(c *StkCallback) { c.Amount = kes(24999999) })},
		"date by Java":             {replace("20191219102115", "2.0191219102115E13"), paid},
		"date as text":             {replace("20191219102115", `"20191219102115"`), paid},
		"date that cannot be read": {replace("20191219102115", `"yesterday"`), with(func(c *StkCallback) { c.PaidAt = nil })},
		"date of 31 February":      {replace("20191219102115", `20190231102115`), with(func(c *StkCallback) { c.PaidAt = nil })},
		"masked phone":             {replace("254708374149", `"2547****149"`), with(func(c *StkCallback) { c.Phone = "2547****149" })},
		"phone by Java":            {replace("254708374149", `2.54708374149E11`), paid},
		"phone of another type":    {replace("254708374149", `{"a":[]}`), with(func(c *StkCallback) { c.Phone = "" })},
		"balance with a value":     {replace(`{"Name":"Balance"}`, `{"Name":"Balance","Value":"{Amount={CurrencyCode=KES}}"}`), paid},
		"balance of null":          {replace(`{"Name":"Balance"}`, `{"Name":"Balance","Value":null}`), paid},
		"junk among the items":     {replace(`{"Name":"Balance"}`, `null,7,"x",[],{},{"Name":{}},{"Value":1}`), paid},
		"names in another case":    {replace(`"Amount"`, `"amount"`, `"MpesaReceiptNumber"`, `"mpesaReceiptNumber"`), paid},
		"no receipt yet":           {replace(`{"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"},`, ""), with(func(c *StkCallback) { c.Receipt = "" })},
		"empty receipt":            {replace(`"NLJ7RT61SV"`, `""`), with(func(c *StkCallback) { c.Receipt = "" })},
		"no metadata":              {replace(`"CallbackMetadata"`, `"Other"`), with(func(c *StkCallback) { c.Receipt, c.Amount, c.Phone, c.PaidAt = "", nil, "", nil })},
		"null metadata":            {strings.Replace(failedCallback, `"ResultDesc"`, `"CallbackMetadata":null,"ResultDesc"`, 1), StkCallback{MerchantRequestID: paid.MerchantRequestID, CheckoutRequestID: paid.CheckoutRequestID, ResultCode: "1032", ResultDesc: "Request cancelled by user"}},
		"one item, no list": {
			`{"Body":{"stkCallback":{"MerchantRequestID":"2654-4b64-97ff-b827b542881d3130","CheckoutRequestID":"ws_CO_1007202409152617172396192",
			"ResultCode":0,"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":{"Name":"Amount","Value":1}}}}}`,
			with(func(c *StkCallback) { c.Receipt, c.Phone, c.PaidAt = "", "", nil }),
		},
		"repeated item: last wins":   {replace(`{"Name":"Balance"}`, `{"Name":"Amount","Value":5}`), with(func(c *StkCallback) { c.Amount = kes(500) })},
		"repeated member: last wins": {replace(`"ResultCode":0`, `"ResultCode":1,"ResultCode":0`), paid},
		"no MerchantRequestID":       {replace(`"MerchantRequestID"`, `"X"`), with(func(c *StkCallback) { c.MerchantRequestID = "" })},
		"byte order mark":            {"\xef\xbb\xbf" + paidCallback, paid},
		"braces in texts":            {replace("processed successfully", strings.Repeat(`[{\"`, 50)), with(func(c *StkCallback) { c.ResultDesc = "The service request is " + strings.Repeat(`[{"`, 50) + "." })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeSTKCallback([]byte(test.raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeSTKCallbackRefusesJunkByType(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(paidCallback, old, with, 1) }
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for name, test := range map[string]struct {
		raw  string
		want upstream.DecodeError
	}{
		"empty":                     {"", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"text":                      {"hello", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"HTML":                      {"<html>", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"form":                      {"a=b&c=d", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"array":                     {"[]", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"null":                      {"null", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"cut off":                   {paidCallback[:200], upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"two bodies":                {paidCallback + paidCallback, upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"too large":                 {paidCallback + strings.Repeat(" ", MaxCallbackBytes), upstream.DecodeError{Problem: upstream.TooLarge, Field: ""}},
		"too deep":                  {deep(33), upstream.DecodeError{Problem: upstream.TooDeep, Field: ""}},
		"much too deep":             {strings.Repeat("[", 60000), upstream.DecodeError{Problem: upstream.TooDeep, Field: ""}},
		"just deep enough":          {deep(32), upstream.DecodeError{Problem: upstream.MissingField, Field: "Body"}},
		"no body":                   {"{}", upstream.DecodeError{Problem: upstream.MissingField, Field: "Body"}},
		"null body":                 {`{"Body":null}`, upstream.DecodeError{Problem: upstream.MissingField, Field: "Body"}},
		"body of text":              {`{"Body":"x"}`, upstream.DecodeError{Problem: upstream.WrongType, Field: "Body"}},
		"no stkCallback":            {`{"Body":{}}`, upstream.DecodeError{Problem: upstream.MissingField, Field: "stkCallback"}},
		"stkCallback list":          {`{"Body":{"stkCallback":[]}}`, upstream.DecodeError{Problem: upstream.WrongType, Field: "stkCallback"}},
		"no id":                     {`{"Body":{"stkCallback":{"ResultCode":0}}}`, upstream.DecodeError{Problem: upstream.MissingField, Field: "CheckoutRequestID"}},
		"id of spaces":              {replace("ws_CO_1007202409152617172396192", "   "), upstream.DecodeError{Problem: upstream.MissingField, Field: "CheckoutRequestID"}},
		"id with a space":           {replace("ws_CO_1007202409152617172396192", "ws CO"), upstream.DecodeError{Problem: upstream.BadValue, Field: "CheckoutRequestID"}},
		"id with a control":         {replace("ws_CO_1007202409152617172396192", `ws\u0000CO`), upstream.DecodeError{Problem: upstream.BadValue, Field: "CheckoutRequestID"}},
		"id without an end":         {replace("ws_CO_1007202409152617172396192", strings.Repeat("x", 257)), upstream.DecodeError{Problem: upstream.BadValue, Field: "CheckoutRequestID"}},
		"id of another type":        {replace(`"ws_CO_1007202409152617172396192"`, "true"), upstream.DecodeError{Problem: upstream.WrongType, Field: "CheckoutRequestID"}},
		"no code":                   {replace(`"ResultCode"`, `"X"`), upstream.DecodeError{Problem: upstream.MissingField, Field: "ResultCode"}},
		"null code":                 {replace(`"ResultCode":0`, `"ResultCode":null`), upstream.DecodeError{Problem: upstream.MissingField, Field: "ResultCode"}},
		"empty code":                {replace(`"ResultCode":0`, `"ResultCode":""`), upstream.DecodeError{Problem: upstream.MissingField, Field: "ResultCode"}},
		"boolean code":              {replace(`"ResultCode":0`, `"ResultCode":false`), upstream.DecodeError{Problem: upstream.WrongType, Field: "ResultCode"}},
		"list code":                 {replace(`"ResultCode":0`, `"ResultCode":[0]`), upstream.DecodeError{Problem: upstream.WrongType, Field: "ResultCode"}},
		"receipt in lower case":     {replace("NLJ7RT61SV", "nlj7rt61sv"), upstream.DecodeError{Problem: upstream.BadValue, Field: "MpesaReceiptNumber"}},
		"receipt too short":         {replace("NLJ7RT61SV", "NLJ7R"), upstream.DecodeError{Problem: upstream.BadValue, Field: "MpesaReceiptNumber"}},
		"receipt too long":          {replace("NLJ7RT61SV", strings.Repeat("A", 21)), upstream.DecodeError{Problem: upstream.BadValue, Field: "MpesaReceiptNumber"}},
		"receipt with a dash":       {replace("NLJ7RT61SV", "NLJ7-RT61SV"), upstream.DecodeError{Problem: upstream.BadValue, Field: "MpesaReceiptNumber"}},
		"receipt of another type":   {replace(`"NLJ7RT61SV"`, `["NLJ7RT61SV"]`), upstream.DecodeError{Problem: upstream.WrongType, Field: "MpesaReceiptNumber"}},
		"amount of zero":            {replace("1.00", "0"), upstream.DecodeError{Problem: upstream.BadValue, Field: "Amount"}},
		"amount below zero":         {replace("1.00", "-1"), upstream.DecodeError{Problem: upstream.BadValue, Field: "Amount"}},
		"amount of fractions":       {replace("1.00", "1.001"), upstream.DecodeError{Problem: upstream.BadValue, Field: "Amount"}},
		"amount without an end":     {replace("1.00", "1e30"), upstream.DecodeError{Problem: upstream.BadValue, Field: "Amount"}},
		"amount of words":           {replace("1.00", `"one"`), upstream.DecodeError{Problem: upstream.BadValue, Field: "Amount"}},
		"amount with commas":        {replace("1.00", `"1,000"`), upstream.DecodeError{Problem: upstream.BadValue, Field: "Amount"}},
		"amount of another type":    {replace("1.00", `true`), upstream.DecodeError{Problem: upstream.WrongType, Field: "Amount"}},
		"not a number":              {replace("1.00", `NaN`), upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"invalid escapes":           {replace("ws_CO", `\x`), upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"text that never ends":      {`{"Body":"`, upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"backslash as last of all":  {`{"Body":"\`, upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"invalid UTF-8 in the id":   {replace("ws_CO", "ws\xff\xfe"), upstream.DecodeError{Problem: upstream.BadValue, Field: "CheckoutRequestID"}},
		"id with a replaced letter": {replace("ws_CO", `\ud800`), upstream.DecodeError{Problem: upstream.BadValue, Field: "CheckoutRequestID"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeSTKCallback([]byte(test.raw))
			var got *upstream.DecodeError
			if !errors.As(err, &got) || *got != test.want {
				t.Errorf("got %v, want %v", err, &test.want)
			}
		})
	}
}

func TestWhatCouldBeReadOfABadCallbackIsKept(t *testing.T) {
	got, err := DecodeSTKCallback([]byte(strings.Replace(paidCallback, "NLJ7RT61SV", "???", 1)))
	if err == nil || got.CheckoutRequestID != "ws_CO_1007202409152617172396192" || got.ResultCode != "0" || got.Amount == nil || got.Receipt != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

const confirmation = `{
 "TransactionType":"Pay Bill",
 "TransID":"RKTQDM7W6S",
 "TransTime":"20191122063845",
 "TransAmount":"10.00",
 "BusinessShortCode":"600638",
 "BillRefNumber":" invoice 008 ",
 "InvoiceNumber":"",
 "OrgAccountBalance":"49197.00",
 "ThirdPartyTransID":"",
 "MSISDN":"2547 ***** 149",
 "FirstName":"John",
 "MiddleName":"",
 "LastName":"Doe"
}`

func TestDecodeC2B(t *testing.T) {
	full := C2BConfirmation{
		TransactionType: "Pay Bill", TransID: "RKTQDM7W6S", PaidAt: paidAt(2019, 11, 22, 3, 38, 45), Amount: *kes(1000), ShortCode: "600638",
		BillRef: "invoice 008", BillRefNormalised: "INVOICE008", MSISDN: "2547 ***** 149", FirstName: "John", LastName: "Doe",
	}
	with := func(change func(*C2BConfirmation)) C2BConfirmation {
		c := full
		change(&c)
		return c
	}
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(confirmation) }
	hash := "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"
	for name, test := range map[string]struct {
		raw  string
		want C2BConfirmation
	}{
		"documented":     {confirmation, full},
		"numbers":        {replace(`"10.00"`, `10`, `"600638"`, `600638`, `"20191122063845"`, `20191122063845`), full},
		"hashed number":  {replace("2547 ***** 149", hash), with(func(c *C2BConfirmation) { c.MSISDN = hash })},
		"numeric MSISDN": {replace(`"2547 ***** 149"`, "254708374149"), with(func(c *C2BConfirmation) { c.MSISDN = "254708374149" })},
		"an organisation": {`{"TransactionType":"Organization To Organization Transfer","TransID":"RKTQDM7W6S","TransTime":"","TransAmount":"10","BusinessShortCode":"600638","MSISDN":""}`, C2BConfirmation{
			TransactionType: "Organization To Organization Transfer", TransID: "RKTQDM7W6S", Amount: *kes(1000), ShortCode: "600638",
		}},
		"odd names":       {replace(`"John"`, `{"a":1}`, `"Doe"`, `"D\u0000oe\n"`), with(func(c *C2BConfirmation) { c.FirstName = "" })},
		"endless name":    {replace("John", strings.Repeat("é", 300)), with(func(c *C2BConfirmation) { c.FirstName = strings.Repeat("é", 255) })},
		"no-break spaces": {replace(" invoice 008 ", "inv\u00a0oice\\t008"), with(func(c *C2BConfirmation) { c.BillRef, c.BillRefNormalised = "inv\u00a0oice008", "INVOICE008" })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeC2B([]byte(test.raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, test := range map[string]struct {
		raw  string
		want upstream.DecodeError
	}{
		"not JSON":        {"TransID=1", upstream.DecodeError{Problem: upstream.NotJSON, Field: ""}},
		"no receipt":      {replace(`"TransID"`, `"X"`), upstream.DecodeError{Problem: upstream.MissingField, Field: "TransID"}},
		"bad receipt":     {replace("RKTQDM7W6S", "rk"), upstream.DecodeError{Problem: upstream.BadValue, Field: "TransID"}},
		"no amount":       {replace(`"TransAmount"`, `"X"`), upstream.DecodeError{Problem: upstream.MissingField, Field: "TransAmount"}},
		"empty amount":    {replace(`"10.00"`, `""`), upstream.DecodeError{Problem: upstream.MissingField, Field: "TransAmount"}},
		"zero":            {replace(`"10.00"`, `"0.00"`), upstream.DecodeError{Problem: upstream.BadValue, Field: "TransAmount"}},
		"amount list":     {replace(`"10.00"`, `[]`), upstream.DecodeError{Problem: upstream.WrongType, Field: "TransAmount"}},
		"no shortcode":    {replace(`"600638"`, `null`), upstream.DecodeError{Problem: upstream.MissingField, Field: "BusinessShortCode"}},
		"bad shortcode":   {replace(`"600638"`, `"60/0638"`), upstream.DecodeError{Problem: upstream.BadValue, Field: "BusinessShortCode"}},
		"too large":       {replace("John", strings.Repeat("x", MaxCallbackBytes)), upstream.DecodeError{Problem: upstream.TooLarge, Field: ""}},
		"nested too deep": {replace(`"John"`, strings.Repeat("[", 40)+strings.Repeat("]", 40)), upstream.DecodeError{Problem: upstream.TooDeep, Field: ""}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeC2B([]byte(test.raw))
			var got *upstream.DecodeError
			if !errors.As(err, &got) || *got != test.want {
				t.Errorf("got %v, want %v", err, &test.want)
			}
		})
	}
}
