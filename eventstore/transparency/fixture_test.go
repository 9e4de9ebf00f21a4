package transparency

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// opened and paid are events like a payment's, with a wire form that is the test's own: vectors stay as they are when the
// catalogue changes.
type opened struct {
	Reference string          `json:"reference"`
	Amount    int64           `json:"amount"`
	Currency  string          `json:"currency"`
	Phone     domain.Personal `json:"phone,omitempty"`
	Payer     person          `json:"payer"`
	Subject   string          `json:"subject"`
	At        time.Time       `json:"at"`
}

type person struct {
	First domain.Personal `json:"first/name,omitempty"`
	Last  domain.Personal `json:"last~name,omitempty"`
}

func (opened) EventType() string     { return "TransactionInitialized" }
func (e opened) SubjectName() string { return e.Subject }

type paid struct {
	Reference string          `json:"reference"`
	Receipt   string          `json:"receipt"`
	Amount    int64           `json:"amount"`
	Raw       domain.Personal `json:"raw,omitempty"`
	Subject   string          `json:"subject"`
	At        time.Time       `json:"at"`
}

func (paid) EventType() string     { return "PaymentReceived" }
func (e paid) SubjectName() string { return e.Subject }

type claimed struct {
	Receipt     string `json:"receipt"`
	Transaction string `json:"transaction"`
}

func (claimed) EventType() string { return "ReceiptClaimed" }

// fixture is an install with payments of invented people.
type fixture struct {
	*install
	issuer *Issuer
	opener opener
}

const (
	paidStream    = "transaction-KIPAY7Q2M4X9C1B5D8"
	paidReference = "KIPAY7Q2M4X9C1B5D8"
	claimStream   = "receipt-mpesa-QGR7I8K2LM"
)

func newFixture(t testing.TB) *fixture {
	t.Helper()
	in := newInstall(t)
	types := []eventstore.EventType{{Prototype: opened{}, Version: 1}, {Prototype: paid{}, Version: 1}, {Prototype: claimed{}, Version: 1}}
	for _, e := range []domain.Event{treehead.Signed{}, treehead.Cosigned{}, treehead.KeyRotated{}, treehead.KeyRetired{}} {
		types = append(types, eventstore.EventType{Prototype: e, Version: 1})
	}
	in.codec = eventstore.NewCodec(in.ring, types)
	f := &fixture{install: in, opener: opener{in.store, masterKeys(t)}}
	f.rewire(t)
	return f
}

// rewire gives the node a log over the fixture's codec.
func (f *fixture) rewire(t testing.TB) {
	t.Helper()
	next := uint64(100)
	f.log = eventstore.NewLog(f.store, f.codec, f.log.Now, func() uuid.UUID { next++; return testID(next) })
	f.heads = NewHeads(f.log)
	f.maker.Log, f.maker.Heads = f.log, f.heads
	f.issuer = NewIssuer(f.maker)
}

// write appends events at the end of the stream.
func (f *fixture) write(t testing.TB, stream string, events ...domain.Event) {
	t.Helper()
	meta := eventstore.Metadata{Actor: "key:1", Merchant: 1, From: "192.0.2.7"}
	if _, _, err := f.log.Append(t.Context(), stream, eventstore.AnyRevision, meta, events...); err != nil {
		t.Fatal(err)
	}
}

// others writes payments of other people.
func (f *fixture) others(t testing.TB, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		reference := fmt.Sprintf("KIPAYOTHER%08d", n)
		f.write(t, "transaction-"+reference, opened{Reference: reference, Amount: int64(100 * n), Currency: "KES", Phone: "254700000000", Subject: "payment-other", At: start})
	}
}

// pay writes the payment that receipts are issued of.
func (f *fixture) pay(t testing.TB) {
	t.Helper()
	f.write(t, paidStream, opened{
		Reference: paidReference, Amount: 1_000_000, Currency: "KES", Phone: "254712345678", Payer: person{First: "Wanjiku", Last: "Mwangi \"Test\""},
		Subject: "payment-1", At: start,
	})
	f.others(t, 1000, 1003)
	f.write(t, claimStream, claimed{Receipt: "QGR7I8K2LM", Transaction: paidReference})
	f.write(t, paidStream, paid{
		Reference: paidReference, Receipt: "QGR7I8K2LM", Amount: 1_000_000, Raw: "{\"Body\":{\"ResultCode\":0}}\n", Subject: "payment-1", At: start.Add(time.Minute),
	})
}

// receipt issues the receipt of the streams, with all disclosures or none.
func (f *fixture) receipt(t testing.TB, disclose bool, streams ...string) []byte {
	t.Helper()
	records, err := f.issuer.Gather(t.Context(), streams...)
	if err != nil {
		t.Fatal(err)
	}
	var disclosures []Disclosure
	if disclose {
		if disclosures, err = Disclose(t.Context(), f.opener, records); err != nil {
			t.Fatal(err)
		}
	}
	file, err := f.issuer.Issue(t.Context(), records, disclosures)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// signedFixture has the payment under a head of some hundred leaves.
func signedFixture(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t)
	f.others(t, 0, 300)
	f.pay(t)
	f.others(t, 300, 330)
	f.head(t)
	return f
}

func mustDecode(t testing.TB, file []byte) Receipt {
	t.Helper()
	r, err := DecodeReceipt(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustEncode(t testing.TB, r Receipt) []byte {
	t.Helper()
	file, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// said is the verdict in words.
func said(v Verdict) string { return strings.Join(v.Sentences(), "\n") }
