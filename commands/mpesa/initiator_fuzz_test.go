package mpesa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/benfex/kipay/commands/upstream"
)

func FuzzDecodeResults(f *testing.F) {
	for _, s := range []string{reversedResult, failedResult, paidOutResult, statusResult, balanceResult, "", "{}", `{"Result":{"ResultCode":0,"ResultParameters":{"ResultParameter":{"Key":"Amount","Value":1e1}}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		check := func(r Result, what Outcome, unknown bool, err error) {
			t.Helper()
			var junk *upstream.DecodeError
			if err != nil && !errors.As(err, &junk) {
				t.Fatalf("%T", err)
			}
			if err == nil && (r.ResultCode == "" || len(raw) > MaxCallbackBytes) {
				t.Fatalf("%+v", r)
			}
			if what.Class == ClassSuccess && (r.ResultCode != "0" || r.Partial) || unknown && what.Class != ClassPending || what.Class == ClassFinal && what.FailureCode == "" {
				t.Fatalf("%+v of %+v", what, r)
			}
			for _, id := range []string{r.ConversationID, r.OriginatorConversationID} {
				if id != "" && !isID(id) {
					t.Fatalf("%q", id)
				}
			}
		}
		text := func(all ...string) {
			t.Helper()
			for _, s := range all {
				if utf8.RuneCountInString(s) > maxTextRunes || !utf8.ValidString(s) {
					t.Fatalf("%q", s)
				}
			}
		}
		reversal, err := DecodeReversalResult(raw)
		check(reversal.Result, reversal.Outcome, reversal.UnknownCode, err)
		text(reversal.DebitParty.Name, reversal.CreditParty.Number)
		b2c, err := DecodeB2CResult(raw)
		check(b2c.Result, b2c.Outcome, b2c.UnknownCode, err)
		text(b2c.Receiver.Name, b2c.Receiver.Phone)
		status, err := DecodeTransactionStatusResult(raw)
		check(status.Result, status.Outcome, status.UnknownCode, err)
		text(status.DebitParty.Name, status.CreditParty.Number, status.Status, status.Reason, status.AccountType)
		if status.State != TransactionUnknown && status.Outcome.Class != ClassSuccess {
			t.Fatalf("%+v", status)
		}
		balance, err := DecodeAccountBalanceResult(raw)
		check(balance.Result, balance.Outcome, balance.UnknownCode, err)
		if len(balance.Accounts) > maxAccounts || err != nil && balance.Accounts != nil {
			t.Fatalf("%+v", balance)
		}
		if reversal.Amount != nil && !reversal.Amount.IsPositive() || b2c.Amount != nil && !b2c.Amount.IsPositive() || status.Amount != nil && !status.Amount.IsPositive() {
			t.Fatal("an amount of nothing")
		}
		if n := DecodeTimeout(raw); !bytes.Equal(n.Raw, raw) || n.ConversationID != "" && !isID(n.ConversationID) {
			t.Fatalf("%+v", n)
		}
	})
}

// FuzzInitiatorAnswer is whatever may come back for a request of an initiator: only Daraja's plain yes is one, nothing but
// a refused token is ever sent twice, and no secret gets into an error.
func FuzzInitiatorAnswer(f *testing.F) {
	for _, s := range []string{
		queuedRaw, "", "<html>", `{"ResponseCode":0}`, `{"ResponseCode":"100000000"}`, errorBody("500.002.1001", "Duplicate OriginatorConversationID."),
		errorBody("401.002.01", "Error Occurred - Invalid Access Token - "+sayersToken), errorBody("400.002.02", "Bad Request - Invalid SecurityCredential "+testCredential),
		pulled("[[" + pulledRow + "]]"), `{"ResponseCode":"1000","Response":"[[]]"}`, "\xef\xbb\xbf" + queuedRaw,
	} {
		f.Add(uint16(200), []byte(s))
		f.Add(uint16(500), []byte(s))
		f.Add(uint16(404), []byte(s))
	}
	at := time.Now()
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		var said map[string]json.RawMessage
		_ = json.Unmarshal(upstream.WithoutBOM(body), &said)
		for api, ask := range askers() {
			d := &sayer{status: 200 + int(status)%400, body: body}
			c := New(Options{HTTPClient: &http.Client{Transport: d}, Breaker: BreakerOptions{Failures: math.MaxUint32}})
			_, err := ask(context.Background(), c, initiatorCredentials())
			if err == nil && (d.status/100 != 2 || resultCode(said["ResponseCode"]) != "0") {
				t.Errorf("%s was taken for accepted: %d %q", api, d.status, body)
			}
			checkFailure(t, err)
			if d.posts > 2 || d.posts == 2 && wantError(t, err).Kind != Rejected {
				t.Errorf("%s: %d were sent: %d %q: %v", api, d.posts, d.status, body, err)
			}
		}
		d := &sayer{status: 200 + int(status)%400, body: body}
		c := New(Options{HTTPClient: &http.Client{Transport: d}, Breaker: BreakerOptions{Failures: math.MaxUint32}})
		page, err := c.Pull(context.Background(), testChannel, initiatorCredentials(), PullRequest{From: at.Add(-time.Hour), To: at})
		checkFailure(t, err)
		if page.Rows != len(page.Transactions)+page.Unreadable {
			t.Errorf("%+v", page)
		}
		for _, row := range page.Transactions {
			if !IsReceipt(row.Receipt) || !row.Amount.IsPositive() || utf8.RuneCountInString(row.BillRef) > maxTextRunes {
				t.Errorf("%+v", row)
			}
		}
	})
}
