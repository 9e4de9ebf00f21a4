package readapi_test

import (
	"net/http"
	"strings"
	"testing"

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
