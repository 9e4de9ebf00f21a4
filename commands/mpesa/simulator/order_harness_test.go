package simulator

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// seal encrypts an initiator's password with the certificate that the simulator serves.
func (w *world) seal(password string) string {
	w.t.Helper()
	a := w.do(http.MethodGet, "/__sim/certificate", nil, "")
	block, _ := pem.Decode([]byte(a.body))
	if a.status != http.StatusOK || block == nil {
		w.t.Fatalf("certificate: %d %s", a.status, a.body)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	key, _ := cert.PublicKey.(*rsa.PublicKey)
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, key, []byte(password)) //nolint:staticcheck // Daraja takes no other padding
	if err != nil {
		w.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}

func (w *world) notices(body map[string]any) map[string]any {
	body["ResultURL"], body["QueueTimeOutURL"] = w.merchant.URL+"/r/0a1b2c", w.merchant.URL+"/t/0a1b2c"
	return body
}

func (w *world) reversalBody(receipt, amount string) map[string]any {
	return w.notices(map[string]any{
		"Initiator": SandboxInitiator, "SecurityCredential": w.seal(SandboxInitiatorPassword), "CommandID": "TransactionReversal", "TransactionID": receipt,
		"Amount": amount, "ReceiverParty": SandboxShortCode, "RecieverIdentifierType": "11", "Remarks": "refund order 1", "Occasion": "",
	})
}

func (w *world) b2cBody(id, msisdn, amount string) map[string]any {
	return w.notices(map[string]any{
		"OriginatorConversationID": id, "InitiatorName": SandboxInitiator, "SecurityCredential": w.seal(SandboxInitiatorPassword),
		"CommandID": "BusinessPayment", "Amount": amount, "PartyA": SandboxShortCode, "PartyB": msisdn, "Remarks": "refund", "Occassion": "",
	})
}

func (w *world) statusBody(receipt, conversation string) map[string]any {
	return w.notices(map[string]any{
		"Initiator": SandboxInitiator, "SecurityCredential": w.seal(SandboxInitiatorPassword), "CommandID": "TransactionStatusQuery", "TransactionID": receipt,
		"OriginalConversationID": conversation, "PartyA": SandboxShortCode, "IdentifierType": "4", "Remarks": "check", "Occasion": "",
	})
}

func (w *world) balanceBody() map[string]any {
	return w.notices(map[string]any{
		"Initiator": SandboxInitiator, "SecurityCredential": w.seal(SandboxInitiatorPassword), "CommandID": "AccountBalance", "PartyA": SandboxShortCode,
		"IdentifierType": "4", "Remarks": "balance",
	})
}

// result is what was posted of an order.
type result struct {
	code, originatorID, conversationID, transactionID string
	parameters                                        map[string]string
}

// resulted reads a result: the code and each value as JSON text.
func resulted(t *testing.T, d Delivery) result {
	t.Helper()
	var got struct {
		Result struct {
			ResultType, ResultCode                                              json.RawMessage
			ResultDesc, OriginatorConversationID, ConversationID, TransactionID string
			ResultParameters                                                    *struct {
				ResultParameter []struct {
					Key   string
					Value json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(d.Body), &got); err != nil {
		t.Fatalf("result %q: %v", d.Body, err)
	}
	r := got.Result
	if strings.Trim(string(r.ResultType), `"`) != "0" || r.ResultDesc == "" || r.ConversationID != d.ConversationID || r.OriginatorConversationID != d.OriginatorConversationID ||
		r.TransactionID != d.Receipt || !receiptFormat.MatchString(r.TransactionID) {
		t.Fatalf("result %q of %+v", d.Body, d)
	}
	out := result{string(r.ResultCode), r.OriginatorConversationID, r.ConversationID, r.TransactionID, nil}
	if r.ResultParameters != nil {
		out.parameters = map[string]string{}
		for _, p := range r.ResultParameters.ResultParameter {
			out.parameters[p.Key] = string(p.Value)
		}
	}
	return out
}

// orders makes an order that has to be taken, waits for its result, and reads it.
func (w *world) orders(path string, body map[string]any) result {
	w.t.Helper()
	a := w.post(path, body)
	got := a.json(w.t)
	if a.status != http.StatusOK || got["ResponseCode"] != "0" {
		w.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	w.clock.Advance(orderAfter)
	d := w.delivered()
	if d.Kind != ResultCallback || d.URL != w.merchant.URL+"/r/0a1b2c" {
		w.t.Fatalf("%+v", d)
	}
	r := resulted(w.t, d)
	if r.originatorID != got["OriginatorConversationID"] || r.conversationID != got["ConversationID"] {
		w.t.Fatalf("answered %s, posted %s", a.body, d.Body)
	}
	return r
}

// paid is the receipt of a payment of KES 5 by push.
func (w *world) paid(msisdn string) string {
	w.t.Helper()
	w.push(msisdn)
	w.clock.Advance(paidAfter)
	return w.delivered().Receipt
}

// fund puts shillings into the utility account.
func (w *world) fund(shillings int64) {
	w.t.Helper()
	if _, err := w.sim.Deposit(SandboxShortCode, shillings); err != nil {
		w.t.Fatal(err)
	}
}

// utility is what the utility account holds, in cents.
func (w *world) utility() int64 {
	for _, b := range w.sim.Balances() {
		if b.ShortCode == SandboxShortCode {
			return b.Utility
		}
	}
	w.t.Fatal("no balance")
	return 0
}

// status asks after a receipt or a conversation and answers TransactionStatus, or the code when it is not 0.
func (w *world) status(receipt, conversation string) (string, result) {
	w.t.Helper()
	r := w.orders(statusPath, w.statusBody(receipt, conversation))
	if r.code != "0" {
		return strings.Trim(r.code, `"`), r
	}
	return strings.Trim(r.parameters["TransactionStatus"], `"`), r
}

func atNoon(after time.Duration) string { return noon().Add(after).In(eat).Format(timestampLayout) }

// logged keeps what a simulator logs.
type logged struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logged) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.out.String(), part)
}
