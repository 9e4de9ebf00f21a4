package eventstore

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

// What the log remembers of its own appends must be what decoding the bytes would give, for every type.
func TestRememberedEventIsWhatDecodingGives(t *testing.T) {
	for _, typ := range Catalogue() {
		store := &scriptedStore{answers: []error{nil}}
		log := newTestLog(t, store)
		e := goldenSample(typ.Prototype)
		if _, _, err := log.Append(context.Background(), "s-1", NoStream, Metadata{Actor: "key:k", Merchant: 7, CorrelationID: "c", From: "10.1.2.3"}, e); err != nil {
			t.Fatal(err)
		}
		ne := store.appends[0][0]
		r := Record{Position: 5, Stream: "s-1", Revision: 0, ID: ne.ID, Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata, RecordedAt: goldenTime}
		remembered, err := log.Decode(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if log.slot(ne.ID).Load() == nil {
			t.Fatalf("%s is not remembered", typ.Name())
		}
		log.ForgetRecent()
		decoded, err := log.Decode(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decoded, remembered, cmpopts.IgnoreUnexported(transaction.State{})); diff != "" {
			t.Errorf("%s (-decoded +remembered):\n%s", typ.Name(), diff)
		}
		if _, ok := e.(domain.HasSubject); !ok && remembered.Meta.From != "" {
			t.Errorf("%s shows an address that was not recorded", typ.Name())
		}
	}
}

// A provider's word that is no UTF-8 stands in the log with the replacement character; followers who took the event from
// memory saw other bytes than those who read the log later.
func TestEventWithTextThatIsNoUTF8IsReadAsItStandsInTheLog(t *testing.T) {
	store := &scriptedStore{answers: []error{nil, nil}}
	log := newTestLog(t, store)
	for i, text := range []string{"cut in \xe2\x82", "whole \uFFFD"} {
		e := transaction.StkPushRejected{Subject: "payment-A", Reason: text}
		if _, _, err := log.Append(context.Background(), "s-1", Revision(i-1), Metadata{Actor: "provider:mpesa"}, e); err != nil {
			t.Fatal(err)
		}
		ne := store.appends[i][0]
		env, err := log.Decode(context.Background(), Record{ID: ne.ID, Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := env.Event.(transaction.StkPushRejected)
		if want := strings.ToValidUTF8(text, "\uFFFD\uFFFD"); !ok || got.Reason != want {
			t.Errorf("%q, want %q", got.Reason, want)
		}
	}
}
