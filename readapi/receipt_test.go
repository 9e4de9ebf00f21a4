package readapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestAReceiptSaysWhetherItsHeadIsSigned(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	ref, _ := s.paid(t, 1, 1000_00, 1000_00)
	path := "/transactions/" + string(ref) + "/receipt"
	if a := s.get(t, 1, path); a.status != http.StatusOK || !strings.Contains(a.body, `"pending":true`) {
		t.Errorf("before a head is signed: %d %s", a.status, a.body)
	}
	for ctx := projectionstest.Within(t); ; {
		head, err := s.maker.Make(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if head.Size >= 8 {
			break // the merchants and the payment are under it
		}
		if ctx.Err() != nil {
			t.Fatalf("the head has %d leaves", head.Size)
		}
	}
	a := s.get(t, 1, path+"?disclose=all")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"pending":false`) || !strings.Contains(a.body, `"path":"/data/raw"`) {
		t.Errorf("under a head: %d %s", a.status, a.body)
	}
	r, err := transparency.DecodeReceipt([]byte(a.body))
	if err != nil || len(r.Events) != 6 || r.Origin != "pay.example/kipay" {
		t.Errorf("%d events of %q: %v", len(r.Events), r.Origin, err)
	}
	if n := len(s.readings.what); n != 1 || s.readings.what[0] != "receipt "+string(ref)+" disclose=all" {
		t.Errorf("noted: %q", s.readings.what)
	}
	for _, c := range []struct {
		merchant int64
		path     string
		status   int
	}{{2, path, 404}, {1, "/transactions/KIPAY0000000000000000/receipt", 404}, {1, "/transactions/x/receipt", 404}, {1, path + "?disclose=some", 422}} {
		if a := s.get(t, c.merchant, c.path); a.status != c.status {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
}

func TestAReceiptLeavesOutWhatAnotherMerchantsProviderSaidUnderTheNumber(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	projectionstest.Do[channel.State](t, s.Install, 1, channel.Stream(7), channel.Create{Created: channel.Created{
		ID: 7, Merchant: 1, Name: "Shop", Provider: channel.Mpesa, Environment: channel.Sandbox, Currency: money.KES, ShortCode: "174379", At: s.Now(),
	}})
	ref, at := s.paid(t, 1, 1000_00, 1000_00)
	number := s.told(t, 1, ref, "")[4]["data"].(map[string]any)["receipt"].(string)
	stream := receipt.Stream(channel.SandboxReceipts, number)
	confirmed := func(merchantID int64, words domain.Personal) {
		_, at = projectionstest.Do[receipt.State](t, s.Install, merchantID, stream, receipt.Confirm{Confirmation: receipt.Confirmation{
			Provider: "mpesa", Scope: channel.SandboxReceipts, Number: number, Merchant: merchantID, Mode: domain.ModeTest, Channel: 7, Trusted: true,
			Subject: "payment-" + string(ref), Amount: money.Of(1000_00, money.KES), Digest: string(words), Raw: words, At: s.Now(),
		}})
	}
	confirmed(1, "said to us")
	confirmed(2, "said to others")
	confirmed(1, "said later")
	s.wrote(1, at)
	a := s.get(t, 1, "/transactions/"+string(ref)+"/receipt?disclose=all")
	r, err := transparency.DecodeReceipt([]byte(a.body))
	if err != nil {
		t.Fatalf("%v: %d %s", err, a.status, a.body)
	}
	ours := 0
	for _, e := range r.Events {
		if e.Stream == stream {
			ours++
		}
		if strings.Contains(string(e.Data), `"merchant_id":2`) {
			t.Errorf("another merchant's event: %s", e.Data)
		}
	}
	if ours != 1 {
		t.Errorf("%d events of the receipt's stream, not the one before the other merchant's", ours)
	}
	for _, d := range r.Disclosures {
		if string(d.Value) == "said to others" {
			t.Errorf("%s of another merchant's event is opened", d.Path)
		}
	}
	if got := s.told(t, 1, ref, ""); got[len(got)-1]["data"].(map[string]any)["raw"] != "said later" {
		t.Errorf("the history ends with %v", got[len(got)-1])
	}
}
