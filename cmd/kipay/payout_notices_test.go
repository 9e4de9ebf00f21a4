package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// payoutDoors are the paths that the simulator has delivered notices of a payout to, in order.
func (in *instance) payoutDoors(t *testing.T, ref string) []string {
	t.Helper()
	var paths []string
	for _, d := range in.deliveriesTo(t, ref) {
		u, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, u.Path)
	}
	return paths
}

// today is the day where merchants are that have said nothing else.
func today() string {
	return time.Now().In(time.FixedZone("EAT", 3*60*60)).Format(time.DateOnly)
}

// What stands in the operator's pool is not the merchant's: what is owed to it bounds a payout, and the operator bears what M-Pesa takes.
func TestAPayoutOutOfThePoolIsBoundByWhatIsOwed(t *testing.T) {
	t.Parallel()
	m := newChargedShop(t, "1000", "300") // of its own, on another channel
	m.mpesa = m.post("/api/payment-channels/create", `{"funds":"pool",`+mpesaChannel("174379")[1:]).want(t, 201, shape{"channel.funds": `="pool"`}).text("channel.id")
	m.fees(t, m.mpesa, `{"own":{"parts":20000}}`)
	m.post("/api/payouts/create", m.toPhone(phone(), "10")).want(t, 409, shape{"message": "~initiator"})
	m.initiator(t)
	m.post("/api/payouts/create", m.toPhone(phone(), "10")).want(t, 422, shape{"errors.amount": "~KES 0.00"})
	m.settles(t, m.push(t, phone(), "200"), "completed", 15*time.Second)

	// 200 stand there, of which 4 are the operator's fee.
	m.post("/api/payouts/create", m.toPhone(phone(), "197")).want(t, 422, shape{"errors.amount": "~is more than there is to pay out: KES 196.00"})
	ref := m.payout(t, m.toPhone(phone(), "150")).text("payout.reference")
	m.post("/api/payouts/create", m.toPhone(phone(), "47")).want(t, 422, shape{"errors.amount": "~KES 46.00"})
	m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.receipt": "~^[0-9A-Z]{10}$"})
	eventually(t, 30*time.Second, "what it cost is known", func() error {
		b := m.balances(t)
		if b["merchant_payable"] != "46" || b["payouts_in_transit"] != "0" || b["wallet"] != "" || b["provider_fees"] != "22.4" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})

	// A person transfers the rest, which leaves the pool as well.
	bank := m.payout(t, `{"payment_channel_id":`+m.mpesa+`,"destination":"bank","bank_name":"Benki","account_number":"0112233","account_name":"Duka Ltd","amount":"46"}`).text("payout.reference")
	m.post("/api/payouts/"+bank+"/record", `{"bank_reference":"FT1","value_date":"`+today()+`"}`).want(t, 200, shape{"payout.status": `="completed"`})
	eventually(t, 15*time.Second, "nothing is owed any more", func() error {
		if b := m.balances(t); b["merchant_payable"] != "0" || b["bank"] != "" || b["own_fees"] != "4" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	if out, code := m.verb(t, "verify"); code != 0 {
		t.Errorf("verify: exit %d: %s", code, out)
	}
}

// A refund gives nobody else's money away: what payouts have taken of the pool is not there any more to be given back.
func TestARefundOutOfThePoolIsBoundByWhatIsOwed(t *testing.T) {
	t.Parallel()
	m := newChargedShop(t, "1000")
	own := m.mpesa
	m.mpesa = m.post("/api/payment-channels/create", `{"funds":"pool",`+mpesaChannel("174379")[1:]).want(t, 201, shape{"channel.funds": `="pool"`}).text("channel.id")
	m.fees(t, m.mpesa, `{"own":{"parts":20000}}`)
	m.initiator(t)
	paid := m.push(t, phone(), "200")
	m.settles(t, paid, "completed", 15*time.Second)
	m.payout(t, m.toPhone(phone(), "150"))
	m.post("/api/refunds/create", `{"reference":"`+paid+`"}`).want(t, 409, shape{"message": "~what is left after payouts is KES 46.00"})
	m.post("/api/refunds/create", `{"reference":"`+paid+`","amount":47}`).want(t, 409, shape{"message": "~KES 46.00"})
	m.refund(t, `{"reference":"`+paid+`","amount":46}`)
	m.post("/api/refunds/create", `{"reference":"`+paid+`","amount":10}`).want(t, 409, shape{"message": "~KES 0.00"})
	m.post("/api/payouts/create", m.toPhone(phone(), "10")).want(t, 422, shape{"errors.amount": "~KES 0.00"})
	m.refundEnds(t, paid, "completed")
	eventually(t, 15*time.Second, "nothing is owed any more", func() error {
		if b := m.balances(t); b["merchant_payable"] != "0" || b["own_fees"] != "4" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})

	// On the merchant's own account the provider weighs it.
	m.mpesa = own
	mine := m.push(t, phone(), "100")
	m.settles(t, mine, "completed", 15*time.Second)
	m.payout(t, m.toPhone(phone(), "90"))
	m.refund(t, `{"reference":"`+mine+`"}`)
}

// A notice that a request waited too long says nothing of the money: it may be paid all the same, or never.
func TestWordThatAPayoutWaitedTooLongSaysNothingOfTheMoney(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "900")
	paid := m.payout(t, m.toPhone("254700090021", "100")).text("payout.reference")     // carried out, without a result
	told := m.payout(t, m.toPhone("254700090022", "150")).text("payout.reference")     // carried out, and the result follows
	never := m.payout(t, m.toPhone("254700090020", "200")).text("payout.reference")    // nothing was done
	nonsense := m.payout(t, m.toPhone("254700090024", "250")).text("payout.reference") // nor here, and the notice is no JSON
	for _, ref := range []string{paid, told} {
		m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.receipt": "~^[0-9A-Z]{10}$"})
	}
	for _, ref := range []string{paid, told, never, nonsense} {
		eventually(t, 30*time.Second, "the notice to the timeout door of "+ref+" is kept", func() error {
			e := strings.Join(m.events(t, "payout-"+ref), " ")
			if doors := m.payoutDoors(t, ref); len(doors) == 0 || !strings.HasSuffix(doors[0], "/timeout") || !strings.Contains(e, "PayoutNoticeReceived") {
				return fmt.Errorf("events %s, doors %v", e, doors)
			}
			if strings.Count(e, "PayoutSent") != 1 || strings.Contains(e, "PayoutFailed") {
				t.Fatalf("the events of %s are %s", ref, e)
			}
			return nil
		})
	}
	for _, ref := range []string{never, nonsense} {
		m.get("/api/payouts/"+ref).want(t, 200, shape{"payout.status": `="sent"`})
	}
	eventually(t, 30*time.Second, "only what was carried out has arrived", func() error {
		if b := m.balances(t); b["wallet"] != "250" || b["payouts_in_transit"] != "450" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	m.post("/api/payouts/create", m.toPhone(phone(), "201")).want(t, 422, shape{"errors.amount": "~KES 200.00"})

	// Nobody else knows the way to that door, nor opens another payout's with it.
	door := m.payoutDoors(t, never)[0]
	token := strings.Split(door, "/")[4]
	for _, path := range []string{
		strings.Replace(door, token, strings.Repeat("0", len(token)), 1),
		strings.Replace(door, fmt.Sprintf("%x", never), fmt.Sprintf("%x", nonsense), 1),
		strings.Replace(door, fmt.Sprintf("%x", never), fmt.Sprintf("%x", "PAYOUT0000000000000000"), 1),
	} {
		if r := m.knock(t, http.MethodPost, path, "{}"); r.status != 404 {
			t.Errorf("%s: %v", path, r)
		}
	}
	if out := m.cli(t, "payout", "fail", never, "--evidence", "not on the statement of 27 November"); !strings.Contains(out, "is failed") {
		t.Error(out)
	}
	m.payoutEnds(t, never, "failed")
}

// The result comes while the event store is away: M-Pesa is answered, and won't say it again.
func TestAPayoutsResultWaitsInTheSpoolWhileTheLogIsAway(t *testing.T) {
	t.Parallel()
	store, connection := startStore(t)
	in := launch(t, quick(settings{"EVENTSTORE": connection, "MASTER_KEY": newMasterKey(t), "STATUS_QUERY_AFTER": "1h"})) // nothing but the notice tells
	m := newShop(t, in)
	m.initiator(t)
	m.cli(t, "payout", "policy", "--merchant", m.id, "--limit", "1000")
	m.settles(t, m.push(t, phone(), "500"), "completed", 15*time.Second)
	ref := m.payout(t, m.toPhone("254700090014", "200")).text("payout.reference") // its result takes ten minutes, here twelve seconds
	eventually(t, 10*time.Second, "M-Pesa has taken it", func() error {
		if e := strings.Join(m.events(t, "payout-"+ref), " "); !strings.Contains(e, "PayoutAccepted") {
			return errors.New(e)
		}
		return nil
	})
	store.kill()
	another := m.toPhone(phone(), "50")
	refused := m.post("/api/payouts/create", another, "Idempotency-Key", "in the outage")
	if refused.status != 503 || refused.header.Get("Retry-After") == "" {
		t.Errorf("a payout without a log: %v", refused)
	}
	eventually(t, 60*time.Second, "the result waits in the spool", func() error {
		if in.metric(t, "kipay_spool_notices") == "0" {
			return errors.New("it is empty")
		}
		return nil
	})
	for _, d := range in.deliveriesTo(t, ref) {
		if d.Status != 200 {
			t.Errorf("M-Pesa was answered %d: %s", d.Status, d.Reply)
		}
	}
	store.start(t)
	m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.receipt": "~^[0-9A-Z]{10}$"})
	eventually(t, 30*time.Second, "the spool is empty", func() error {
		if n := in.metric(t, "kipay_spool_notices"); n != "0" {
			return errors.New(n)
		}
		return nil
	})
	e := strings.Join(m.events(t, "payout-"+ref), " ")
	if !strings.Contains(e, "PayoutNoticeReceived PayoutCompleted") || strings.Count(e, "PayoutSent") != 1 || strings.Count(e, "PayoutCompleted") != 1 {
		t.Errorf("the events are %s", e)
	}
	eventually(t, 30*time.Second, "the request is taken when it is repeated", func() error {
		if r := m.post("/api/payouts/create", another, "Idempotency-Key", "in the outage"); r.status != 201 {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	eventually(t, 30*time.Second, "the money is where it went", func() error {
		if b := m.balances(t); b["wallet"] != "250" && b["wallet"] != "200" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	if r := m.get("/api/payouts/list").want(t, 200, nil); r.text("total") != "2" {
		t.Errorf("there are %v", r)
	}
}

// A result that names another request says nothing of this one: the truth that follows counts.
func TestAResultThatNamesAnotherRequestIsNotCounted(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "900")
	ref := m.payout(t, m.toPhone("254700090018", "100")).text("payout.reference")
	whole := m.push(t, "254700090018", "200")
	m.settles(t, whole, "completed", 15*time.Second)
	part := m.push(t, "254700090018", "300")
	m.settles(t, part, "completed", 15*time.Second)
	m.refund(t, `{"reference":"`+whole+`"}`)
	m.refund(t, `{"reference":"`+part+`","amount":120}`)
	m.payoutEnds(t, ref, "failed")
	m.refundEnds(t, whole, "failed")
	m.refundEnds(t, part, "failed")
	for _, stream := range []string{"payout-" + ref, "transaction-" + whole, "transaction-" + part} {
		e := strings.Join(m.events(t, stream), " ")
		if strings.Contains(e, "PayoutCompleted") || strings.Contains(e, "RefundCompleted") || !strings.Contains(e, "NeedsAttention") {
			t.Errorf("%s: %s", stream, e)
		}
	}
	eventually(t, 15*time.Second, "the money is all there", func() error {
		if b := m.balances(t); b["provider_clearing"] != "1400" || b["sales"] != "1400" || b["refunds_payable"] != "0" || b["payouts_in_transit"] != "0" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
}

// What a provider says went back is booked as it says, and a person hears of it when it is not what was asked for.
func TestAnotherAmountThanWasAskedForIsForAPerson(t *testing.T) {
	t.Parallel()
	// Nothing is asked after: an answer that comes late says what was paid, which counts whatever a person has said before.
	m := payoutShopAt(t, launch(t, quick(settings{"STATUS_QUERY_AFTER": "1h"})), "1000", "900")
	ref := m.payout(t, m.toPhone("254700090019", "37")).text("payout.reference")
	whole := m.push(t, "254700090019", "200")
	m.settles(t, whole, "completed", 15*time.Second)
	m.refund(t, `{"reference":"`+whole+`"}`)
	receipt := m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.needs_attention": "~KES 38.00"}).text("payout.receipt")
	m.refundEnds(t, whole, "completed").want(t, 200, shape{"data.0.needs_attention": "~KES 201.00 went back, of the KES 200.00"})
	eventually(t, 15*time.Second, "nothing is promised any more", func() error {
		if b := m.balances(t); b["refunds_payable"] != "0" || b["provider_clearing"] != "861" || b["sales"] != "899" || b["wallet"] != "38" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	// Somebody finds that it was right, and another time that nothing came.
	if out, code := m.verb(t, "payout", "settle", ref, "--receipt", "SKR0000000", "--evidence", "the statement"); code == 0 {
		t.Errorf("another receipt: %s", out)
	}
	m.cli(t, "payout", "settle", ref, "--receipt", receipt, "--evidence", "the statement of 27 November")
	m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.needs_attention": "=null"})
	if out, code := m.verb(t, "payout", "fail", ref, "--evidence", "it did not come"); code == 0 {
		t.Errorf("nothing contradicts it: %s", out)
	}
	lost := m.payout(t, m.toPhone("254700090011", "15")).text("payout.reference")
	eventually(t, 15*time.Second, "it was sent", func() error {
		if r := m.get("/api/payouts/" + lost); r.text("payout.status") != "sent" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if out, code := m.verb(t, "payout", "settle", lost, "--receipt", receipt, "--evidence", "the statement"); code == 0 || !strings.Contains(out, ref) {
		t.Errorf("the receipt of another payout: exit %d, %s", code, out)
	}
	m.cli(t, "payout", "fail", lost, "--evidence", "it is not on the statement")
	again := m.payout(t, m.toPhone("254700090019", "10")).text("payout.reference")
	m.payoutEnds(t, again, "completed").want(t, 200, shape{"payout.needs_attention": "~KES 11.00"})
	m.cli(t, "payout", "fail", again, "--evidence", "M-Pesa's support: it was declined")
	m.payoutEnds(t, again, "failed")
	eventually(t, 15*time.Second, "the money is back", func() error {
		if b := m.balances(t); b["provider_clearing"] != "861" || b["wallet"] != "38" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	eventually(t, 15*time.Second, "it can be paid out", func() error {
		if r := m.post("/api/payouts/create", m.toPhone(phone(), "862")); !strings.Contains(r.raw, "KES 861.00") {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if out, code := m.verb(t, "verify"); code != 0 {
		t.Errorf("verify: exit %d: %s", code, out)
	}
}
