package eventstore

import (
	"context"
	"strings"
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

// Daraja's name of a push ends with the payer's number. It stood in the clear once, and is read from there.
func TestNamesOfPushesAreReadWhereOlderVersionsHaveThem(t *testing.T) {
	for name, version := range map[string]int{"StkPushAccepted": 1, "PaymentAttemptFailed": 1, "PaymentReceived": 1} {
		g := readGolden(t, goldenPath(name, version))
		ring := goldenRing(t)
		if _, err := ring.sealing(context.Background(), "subject"); err != nil {
			t.Fatal(err)
		}
		env, err := NewCodec(ring, Catalogue()).Decode(context.Background(), Record{ID: g.ID, Type: g.Type, Data: g.Data, Metadata: g.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		var got transaction.Named
		switch e := env.Event.(type) {
		case transaction.StkPushAccepted:
			got = e.Named
		case transaction.AttemptFailed:
			got = e.Named
		case transaction.PaymentReceived:
			got = e.Named
		}
		if got.InTheClear == "" || got.CheckoutRequestID != "" || !strings.Contains(string(g.Data), `"checkout_request_id": "`+got.InTheClear+`"`) {
			t.Errorf("%s of version %d: %+v from %s", name, version, got, g.Data)
		}
	}
}

func TestNamesOfPushesAreSealed(t *testing.T) {
	const name = "ws_CO_01012026120000000708374149"
	named := transaction.Named{CheckoutRequestID: name}
	for _, e := range []domain.Event{
		transaction.StkPushAccepted{Subject: "payment-A", Named: named},
		transaction.AttemptFailed{Subject: "payment-A", Named: named},
		transaction.PaymentReceived{Subject: "payment-A", Named: named},
	} {
		got := encoded(t, NewCodec(goldenRing(t), Catalogue()), goldenID, e)
		if strings.Contains(string(got.Data), "708374149") {
			t.Errorf("%s tells the payer's number: %s", e.EventType(), got.Data)
		}
	}
}
