package mpesa_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/mpesa/simulator"
	"github.com/benfex/kipay/domain/money"
)

// initiator are the credentials with an initiator's, made as an operator makes them: from the certificate and the password.
func (w *world) initiator(t *testing.T) mpesa.Credentials {
	t.Helper()
	cred := credentials()
	sealed, err := mpesa.SecurityCredential(rand.Reader, simulator.SandboxInitiatorPassword, w.sim.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	cred.InitiatorName, cred.SecurityCredential = simulator.SandboxInitiator, sealed
	return cred
}

func (w *world) notices() mpesa.Notices {
	return mpesa.Notices{ResultURL: w.merchant.URL + "/cb/r/abc", QueueTimeOutURL: w.merchant.URL + "/cb/t/abc"}
}

func (w *world) fund(t *testing.T, shillings int64) {
	t.Helper()
	if _, err := w.sim.Deposit(simulator.SandboxShortCode, shillings); err != nil {
		t.Fatal(err)
	}
}

func shillings(n int64) money.Money { return money.Of(n*100, money.KES) }

func (w *world) payOut(cred mpesa.Credentials, id, phone string, amount int64) (mpesa.InitiatorAccepted, error) {
	return w.client.B2C(context.Background(), "ch", cred, mpesa.B2CRequest{
		OriginatorConversationID: id, Amount: shillings(amount), Phone: phone, Remarks: "payout", Notices: w.notices(),
	})
}

func (w *world) reverse(cred mpesa.Credentials, receipt string, amount int64) (mpesa.InitiatorAccepted, error) {
	return w.client.Reversal(context.Background(), "ch", cred, mpesa.ReversalRequest{Receipt: receipt, Amount: shillings(amount), Remarks: "refund", Notices: w.notices()})
}

// asks is what a transaction status query says, in the end.
func (w *world) asks(t *testing.T, cred mpesa.Credentials, receipt, conversation string) mpesa.TransactionStatusResult {
	t.Helper()
	accepted, err := w.client.TransactionStatus(context.Background(), "ch", cred, mpesa.TransactionStatusRequest{
		Receipt: receipt, OriginatorConversationID: conversation, Remarks: "check", Notices: w.notices(),
	})
	if err != nil {
		t.Fatal(err)
	}
	res, err := mpesa.DecodeTransactionStatusResult([]byte(w.body(t)))
	if err != nil || res.ConversationID != accepted.ConversationID || res.OriginatorConversationID != accepted.OriginatorConversationID {
		t.Fatalf("%+v, %v, answered %+v", res, err, accepted)
	}
	return res
}

// paid is the receipt of a payment of 1,500 by push.
func (w *world) paid(t *testing.T, phone string) string {
	t.Helper()
	if _, err := w.push(phone, credentials()); err != nil {
		t.Fatal(err)
	}
	cb, err := mpesa.DecodeSTKCallback([]byte(w.body(t)))
	if err != nil || cb.Receipt == "" {
		t.Fatalf("%+v, %v", cb, err)
	}
	return cb.Receipt
}

func TestAPaymentIsReversedFromRequestToResultToStatus(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	receipt := w.paid(t, "254712345678")
	if res := w.asks(t, cred, receipt, ""); res.State != mpesa.TransactionCompleted || *res.Amount != shillings(1500) || res.DebitParty.Phone != "254712345678" ||
		res.CreditParty.ShortCode != simulator.SandboxShortCode || res.Receipt != receipt || res.FinalisedAt == nil {
		t.Errorf("%+v", res)
	}
	accepted, err := w.reverse(cred, receipt, 1500)
	if err != nil {
		t.Fatal(err)
	}
	res, err := mpesa.DecodeReversalResult([]byte(w.body(t)))
	if err != nil || res.Outcome.Class != mpesa.ClassSuccess || res.OriginalReceipt != receipt || *res.Amount != shillings(1500) || *res.Charge != shillings(0) ||
		res.ConversationID != accepted.ConversationID || !mpesa.IsReceipt(res.Receipt) || res.CreditParty.Phone != "254712345678" || res.CompletedAt == nil ||
		res.DebitBalance.Name != mpesa.UtilityAccount || res.DebitBalance.Available != shillings(0) {
		t.Errorf("%+v, %v", res, err)
	}
	if res := w.asks(t, cred, receipt, ""); res.State != mpesa.TransactionReversed {
		t.Errorf("%+v", res)
	}
	if res := w.asks(t, cred, "", accepted.OriginatorConversationID); res.State != mpesa.TransactionCompleted || res.AskedConversationID != accepted.ConversationID {
		t.Errorf("%+v", res)
	}
	w.fund(t, 2000)
	if _, err := w.reverse(cred, receipt, 1500); err != nil {
		t.Fatal(err)
	}
	if again, err := mpesa.DecodeReversalResult([]byte(w.body(t))); err != nil || again.Outcome.FailureCode != mpesa.FailureAlreadyReversed {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestATillsPaymentIsReversed(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	cred.TillNumber = simulator.SandboxTill
	if _, err := w.push("254712345678", cred); err != nil {
		t.Fatal(err)
	}
	cb, err := mpesa.DecodeSTKCallback([]byte(w.body(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.reverse(cred, cb.Receipt, 1500); err != nil {
		t.Fatal(err)
	}
	if res, err := mpesa.DecodeReversalResult([]byte(w.body(t))); err != nil || res.Outcome.Class != mpesa.ClassSuccess || res.DebitBalance.Name != mpesa.MerchantAccount {
		t.Errorf("%+v, %v", res, err)
	}
	if res := w.asks(t, cred, cb.Receipt, ""); res.State != mpesa.TransactionReversed {
		t.Errorf("%+v", res)
	}
}

func TestAPayoutFromRequestToResultToBalance(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	w.fund(t, 1000)
	if err := w.sim.SetTariff(simulator.Tariff{B2CCents: 2240}); err != nil {
		t.Fatal(err)
	}
	accepted, err := w.payOut(cred, "kp-1", "254712345678", 250)
	if err != nil || accepted.OriginatorConversationID != "kp-1" {
		t.Fatalf("%+v, %v", accepted, err)
	}
	res, err := mpesa.DecodeB2CResult([]byte(w.body(t)))
	if err != nil || res.Outcome.Class != mpesa.ClassSuccess || res.OriginatorConversationID != "kp-1" || *res.Amount != shillings(250) || !*res.Registered ||
		res.Receiver.Phone != "254712345678" || *res.Utility != shillings(750) || *res.ChargesPaid != money.Of(-2240, money.KES) || res.CompletedAt == nil {
		t.Errorf("%+v, %v", res, err)
	}
	if said := w.asks(t, cred, "", "kp-1"); said.State != mpesa.TransactionCompleted || said.Receipt != res.Receipt || len(said.Charges) != 1 || said.Charges[0].Amount.Minor != 2240 {
		t.Errorf("%+v", said)
	}
	if _, err := w.client.AccountBalance(context.Background(), "ch", cred, mpesa.AccountBalanceRequest{Remarks: "balance", Notices: w.notices()}); err != nil {
		t.Fatal(err)
	}
	balance, err := mpesa.DecodeAccountBalanceResult([]byte(w.body(t)))
	if utility, ok := balance.Account(mpesa.UtilityAccount); err != nil || !ok || utility.Available != shillings(750) || balance.CompletedAt == nil || len(balance.Accounts) != 5 {
		t.Errorf("%+v, %v", balance, err)
	}
	_, err = w.payOut(cred, "kp-1", "254712345678", 250)
	var e *mpesa.Error
	if !errors.As(err, &e) || e.Kind != mpesa.Rejected || e.Retryable {
		t.Fatal(err)
	}
	if code, _ := e.Reason(); code != mpesa.FailureDuplicateRequest {
		t.Errorf("%v", e)
	}
}

func TestAWrongPasswordOrCertificateEndsInTheResult(t *testing.T) {
	w := newWorld(t)
	w.fund(t, 1000)
	other := simulator.New(simulator.Options{})
	for i, c := range []struct {
		password    string
		certificate []byte
	}{{"wrong", w.sim.Certificate()}, {simulator.SandboxInitiatorPassword, other.Certificate()}} {
		cred := w.initiator(t)
		var err error
		if cred.SecurityCredential, err = mpesa.SecurityCredential(rand.Reader, c.password, c.certificate); err != nil {
			t.Fatal(err)
		}
		if _, err := w.payOut(cred, fmt.Sprint("kp-", i), "254712345678", 10); err != nil {
			t.Fatal(err)
		}
		if res, err := mpesa.DecodeB2CResult([]byte(w.body(t))); err != nil || res.Outcome.FailureCode != mpesa.FailureInitiatorInvalid || res.Outcome.Class != mpesa.ClassFinal {
			t.Errorf("%+v, %v", res, err)
		}
	}
}

func TestEveryResultOfAnInitiatorIsKnown(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	w.fund(t, 10_000)
	// What tells nothing about the money must not be final.
	open := map[string]bool{"15": true, "17": true, "100000000": true, "100000004": true, "100000007": true}
	onlyReversal, onlyB2C := map[string]bool{"R000001": true, "R000002": true}, map[string]bool{"2": true, "3": true, "4": true, "8": true, "2040": true, "SFC_IC0003": true}
	for i, r := range simulator.InitiatorResults() {
		if r.Code != "0" && !onlyReversal[r.Code] {
			if err := w.sim.Script(simulator.Next{API: simulator.B2C, ResultCode: r.Code}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.payOut(cred, fmt.Sprint("kp-", i), "254712345678", 10); err != nil {
				t.Fatal(err)
			}
			res, err := mpesa.DecodeB2CResult([]byte(w.body(t)))
			if err != nil || res.ResultCode != r.Code || res.UnknownCode || (res.Outcome.Class == mpesa.ClassPending) != open[r.Code] || res.Outcome.Class == mpesa.ClassSuccess {
				t.Errorf("b2c %s: %+v, %v", r.Code, res, err)
			}
		}
		if r.Code != "0" && !onlyB2C[r.Code] {
			if err := w.sim.Script(simulator.Next{API: simulator.Reversal, ResultCode: r.Code}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.reverse(cred, "SKC82PACB8", 10); err != nil {
				t.Fatal(err)
			}
			res, err := mpesa.DecodeReversalResult([]byte(w.body(t)))
			if err != nil || res.ResultCode != r.Code || res.UnknownCode || (res.Outcome.Class == mpesa.ClassPending) != open[r.Code] || res.Outcome.Class == mpesa.ClassSuccess {
				t.Errorf("reversal %s: %+v, %v", r.Code, res, err)
			}
		}
	}
	if b := w.sim.Balances()[0]; b.Utility != 10_000_00 {
		t.Errorf("%+v", b)
	}
}

// TestTheClientNeverTakesMovedMoneyForCertainlyNotMoved runs every scenario as a payout and as a reversal: whatever the
// client says for certain, at once or by the results, is so.
func TestTheClientNeverTakesMovedMoneyForCertainlyNotMoved(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	w.fund(t, 1_000_000)
	for i, sc := range simulator.InitiatorScenarios() {
		if sc.Name == "order-late" {
			continue // nobody waits for it; it is silent as far as this goes
		}
		for _, api := range []simulator.OrderAPI{simulator.B2C, simulator.Reversal} {
			receipt := ""
			if api == simulator.Reversal {
				receipt = w.paid(t, sc.MSISDN)
			}
			w.quiet(t)
			before, told := w.sim.Balances()[0].Utility, len(w.sim.Deliveries())
			var err error
			if api == simulator.B2C {
				_, err = w.payOut(cred, fmt.Sprint("kp-", i), sc.MSISDN, 1500)
			} else {
				_, err = w.reverse(cred, receipt, 1500)
			}
			w.quiet(t)
			moved := before-w.sim.Balances()[0].Utility == 1500_00
			var e *mpesa.Error
			if errors.As(err, &e) && e.Kind != mpesa.Unknown && moved {
				t.Errorf("%s %s: %v, and the money moved", sc.Name, api, err)
			}
			success, final := false, false
			for _, d := range w.sim.Deliveries()[told:] {
				outcome := readOutcome(t, api, d)
				success = success || outcome.Class == mpesa.ClassSuccess && d.Kind != simulator.ForgedCallback
				final = final || outcome.Class == mpesa.ClassFinal || outcome.Class == mpesa.ClassRetry
			}
			if success && !moved || final && moved && sc.Name != "order-failure-then-success" {
				t.Errorf("%s %s: told success %v, final failure %v, moved %v", sc.Name, api, success, final, moved)
			}
			if code := ""; errors.As(err, &e) {
				if code, _ = e.Reason(); code == "" || e.Kind == mpesa.Rejected && !strings.Contains(sc.Name, "refused") && sc.Name != "order-not-zero" {
					t.Errorf("%s %s: %v", sc.Name, api, err)
				}
			}
			if api == simulator.B2C && moved { // whatever was lost, it can be asked after
				if said := w.asks(t, cred, "", fmt.Sprint("kp-", i)); said.State != mpesa.TransactionCompleted {
					t.Errorf("%s: %+v", sc.Name, said)
				}
			}
			if api == simulator.Reversal && moved {
				if said := w.asks(t, cred, receipt, ""); said.State != mpesa.TransactionReversed {
					t.Errorf("%s: %+v", sc.Name, said)
				}
			}
		}
	}
}

// quiet waits until nothing more is delivered, and nothing more happens.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	ended := time.Now().Add(patience)
	for w.sim.Pending()+w.sim.Coming() > 0 {
		if time.Now().After(ended) {
			t.Fatal("deliveries do not end")
		}
		select {
		case <-w.sim.Delivered():
		case <-time.After(time.Millisecond):
		}
	}
	w.drain()
}

func (w *world) drain() {
	for len(w.bodies) > 0 {
		<-w.bodies
	}
}

func readOutcome(t *testing.T, api simulator.OrderAPI, d simulator.Delivery) mpesa.Outcome {
	t.Helper()
	switch d.Kind {
	case simulator.TimeoutCallback, simulator.JunkTimeout:
		n := mpesa.DecodeTimeout([]byte(d.Body))
		if string(n.Raw) != d.Body || d.Kind == simulator.TimeoutCallback && n.ConversationID != d.ConversationID {
			t.Errorf("%+v of %s", n, d.Body)
		}
		return mpesa.Outcome{}
	case simulator.ResultCallback, simulator.ForgedCallback:
	default:
		return mpesa.Outcome{}
	}
	var err error
	var outcome mpesa.Outcome
	if api == simulator.B2C {
		var res mpesa.B2CResult
		res, err = mpesa.DecodeB2CResult([]byte(d.Body))
		outcome = res.Outcome
	} else {
		var res mpesa.ReversalResult
		res, err = mpesa.DecodeReversalResult([]byte(d.Body))
		outcome = res.Outcome
	}
	if err != nil {
		t.Errorf("%s: %v", d.Body, err)
	}
	return outcome
}

func TestAnExpiredTokenIsReplacedOnceForEveryInitiatorsCall(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	w.fund(t, 1000)
	calls := map[simulator.OrderAPI]func() error{
		simulator.B2C:      func() error { _, err := w.payOut(cred, "kp-1", "254712345678", 10); return err },
		simulator.Reversal: func() error { _, err := w.reverse(cred, "SKC82PACB8", 10); return err },
		simulator.TransactionStatus: func() error {
			_, err := w.client.TransactionStatus(context.Background(), "ch", cred, mpesa.TransactionStatusRequest{Receipt: "SKC82PACB8", Remarks: "check", Notices: w.notices()})
			return err
		},
		simulator.AccountBalance: func() error {
			_, err := w.client.AccountBalance(context.Background(), "ch", cred, mpesa.AccountBalanceRequest{Remarks: "balance", Notices: w.notices()})
			return err
		},
	}
	for api, call := range calls {
		if err := w.sim.Script(simulator.Next{API: api, Scenario: "order-token-expired-once"}); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", api, err)
		}
	}
}

func TestPullAndStatementTellOfEveryPayment(t *testing.T) {
	w := newWorld(t)
	cred := w.initiator(t)
	ctx := context.Background()
	for _, already := range []bool{false, true} {
		got, err := w.client.RegisterPull(ctx, "ch", cred, mpesa.RegisterPullRequest{NominatedNumber: "254712345678", CallbackURL: w.merchant.URL + "/cb/p/abc"})
		if err != nil || got.Already != already {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	receipt := w.paid(t, "254712345678")
	reversal, err := w.sim.ReverseOnPortal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	page, err := w.client.Pull(ctx, "ch", cred, mpesa.PullRequest{From: now.Add(-mpesa.PullWindow), To: now.Add(time.Minute)})
	if err != nil || page.Rows != 2 || page.Unreadable != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	if row := page.Transactions[0]; row.Receipt != receipt || row.Amount != shillings(1500) || !row.IsPayment() || row.At == nil || row.BillRefNormalised != "ORDER1" {
		t.Errorf("%+v", row)
	}
	if row := page.Transactions[1]; row.Receipt != reversal || row.IsPayment() {
		t.Errorf("%+v", row)
	}
	if page, err = w.client.Pull(ctx, "ch", cred, mpesa.PullRequest{From: now.Add(-time.Hour), To: now.Add(time.Minute), Offset: page.Rows}); err != nil || page.Rows != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	st, err := w.sim.Statement(simulator.StatementQuery{ShortCode: simulator.SandboxShortCode})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := st.WriteCSV(&out, simulator.StatementLayout{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 9 {
		t.Fatalf("%v, %v", rows, err)
	}
	at, err := mpesa.ParseEAT(rows[7][1])
	if rows[7][0] != receipt || rows[8][0] != reversal || rows[8][11] != receipt || err != nil || !at.Equal(st.Rows[0].Completed.Truncate(time.Second)) {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestTheCertificateIsServedForTheDoctor(t *testing.T) {
	w := newWorld(t)
	rec, err := http.Get(w.base + "/__sim/certificate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rec.Body.Close() }()
	raw, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := mpesa.ParseCertificate(raw)
	if err != nil || cert.Ends(time.Now()) || !cert.Ends(time.Now().AddDate(0, 11, 10)) {
		t.Errorf("%+v, %v", cert, err)
	}
}
