package transparency

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
)

// refusal is why the file is refused, "" when it isn't.
func refusal(file []byte, o VerifyOptions) Refusal {
	_, err := VerifyReceipt(file, o)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return Refusal(err.Error())
	}
	return ""
}

func TestAReceiptProvesItsEvents(t *testing.T) {
	f := signedFixture(t)
	v, err := VerifyReceipt(f.receipt(t, true, paidStream, claimStream), VerifyOptions{Keys: mustKeys(t, f.keys(t)...)})
	if err != nil {
		t.Fatal(err)
	}
	if v.Status != Verified || v.Checkpoint.Size != 336 || len(v.Events) != 3 || v.Origin != testOrigin {
		t.Errorf("%+v", v)
	}
	wantOpened := []OpenedField{
		{"/data/payer/first~1name", "Wanjiku"},
		{"/data/payer/last~0name", `Mwangi "Test"`},
		{"/data/phone", "254712345678"},
		{"/metadata/from", "192.0.2.7"},
	}
	if diff := cmp.Diff(wantOpened, v.Events[0].Opened); diff != "" || len(v.Events[0].Sealed) != 0 {
		t.Errorf("%s, %q stay sealed", diff, v.Events[0].Sealed)
	}
	for _, want := range []string{
		"The log pay.example/kipay has sealed this receipt with its key pay.example/kipay+",
		"It has signed a head over 336 events, with its key pay.example/kipay+",
		"3 events are under that head, byte for byte and in this order:",
		"TransactionInitialized: transaction-KIPAY7Q2M4X9C1B5D8 at revision 0, leaf 300,",
		`/data/phone is "254712345678", which is what was sealed`,
		"ReceiptClaimed: receipt-mpesa-QGR7I8K2LM at revision 0, leaf 304,",
		"PaymentReceived: transaction-KIPAY7Q2M4X9C1B5D8 at revision 1, leaf 305,",
	} {
		if !strings.Contains(said(v), want) {
			t.Errorf("it does not say %q:\n%s", want, said(v))
		}
	}
}

func TestTheHolderDisclosesFieldsOneByOne(t *testing.T) {
	f := signedFixture(t)
	keys := VerifyOptions{Keys: mustKeys(t, f.keys(t)...)}
	all := mustDecode(t, f.receipt(t, true, paidStream))
	closed := f.receipt(t, false, paidStream)
	for n := range all.Disclosures {
		one := all
		one.Disclosures = all.Disclosures[n : n+1]
		v, err := VerifyReceipt(mustEncode(t, one), keys)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, e := range v.Events {
			count += len(e.Opened)
		}
		if count != 1 || strings.Count(said(v), "is sealed") != len(all.Disclosures)-1 {
			t.Errorf("%d fields are open:\n%s", count, said(v))
		}
	}
	all.Disclosures = nil
	if !bytes.Equal(mustEncode(t, all), closed) {
		t.Error("taking all out is not the closed receipt")
	}
	for _, word := range []string{"254712345678", "Wanjiku", "192.0.2.7"} {
		if v, err := VerifyReceipt(closed, keys); err != nil || strings.Contains(said(v), word) || bytes.Contains(closed, []byte(word)) {
			t.Errorf("%s is in a closed receipt, %v", word, err)
		}
	}
}

func TestFieldsOfAnErasedPayerStayClosed(t *testing.T) {
	f := signedFixture(t)
	if err := f.store.DeleteKey(t.Context(), "payment-1"); err != nil {
		t.Fatal(err)
	}
	file := f.receipt(t, true, paidStream)
	if !bytes.Equal(file, f.receipt(t, false, paidStream)) {
		t.Error("something was opened")
	}
	if _, err := VerifyReceipt(file, VerifyOptions{Keys: mustKeys(t, f.keys(t)...)}); err != nil {
		t.Error(err)
	}
}

// Any altered byte is refused, in receipts with everything in them, whichever of the keys is known.
func TestAnyAlteredByteIsRefused(t *testing.T) {
	f := signedFixture(t)
	if _, err := f.maker.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	w := newTestWitness(t, "witness.example/w1", map[string]string{testOrigin: f.keys(t)[0]})
	f.maker.Witnesses = []*Witness{w.client(t)}
	f.others(t, 400, 402)
	f.head(t)
	if err := f.maker.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	signed := f.receipt(t, true, paidStream, claimStream)
	f.write(t, paidStream, paid{Reference: paidReference, Subject: "payment-1"})
	partly := f.receipt(t, true, paidStream)
	pending := f.receipt(t, false, "transaction-KIPAYOTHER00000401")
	keys := f.keys(t)
	for _, c := range []struct {
		name string
		file []byte
		keys []string
		bits []int
	}{
		{"signed, the first key known", signed, keys[:1], []int{5}},
		{"signed, both keys known", signed, keys, nil},
		{"signed, all keys known", signed, append(keys, w.key()), nil},
		{"partly signed", partly, keys[:1], []int{4}},
		{"under an older head", pending, keys, []int{3}},
	} {
		o := VerifyOptions{Keys: mustKeys(t, c.keys...)}
		if got := refusal(c.file, o); got != "" {
			t.Fatalf("%s: %s", c.name, got)
		}
		for at := range c.file {
			for _, bit := range append(c.bits, at%8) {
				c.file[at] ^= 1 << bit
				if refusal(c.file, o) == "" {
					t.Errorf("%s: bit %d of byte %d is not missed: …%q…", c.name, bit, at, c.file[max(0, at-20):min(len(c.file), at+20)])
				}
				c.file[at] ^= 1 << bit
			}
		}
	}
}

func TestBytesAddedOrTakenAwayAreRefused(t *testing.T) {
	f := signedFixture(t)
	file := f.receipt(t, true, paidStream)
	o := VerifyOptions{Keys: mustKeys(t, f.keys(t)...)}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(file)).Draw(t, "from")
		to := min(len(file), from+rapid.IntRange(0, 3).Draw(t, "taken away"))
		added := rapid.SliceOfN(rapid.SampledFrom([]byte(" \n\t\"\\,:{}[]0a=+/\x00\xef\xbb\xbf")), 0, 3).Draw(t, "added")
		altered := append(append(bytes.Clone(file[:from]), added...), file[to:]...)
		if !bytes.Equal(altered, file) && refusal(altered, o) == "" {
			t.Fatalf("%d bytes for %d at %d are not missed", len(added), to-from, from)
		}
	})
}

func TestAReceiptBeforeItsHeadSaysSo(t *testing.T) {
	f := newFixture(t)
	f.pay(t)
	first := f.receipt(t, true, paidStream)
	o := VerifyOptions{Keys: mustKeys(t, f.keys(t)...)}
	v, err := VerifyReceipt(first, o)
	if err != nil || v.Status != NotYetSigned || v.Checkpoint != nil || !strings.HasPrefix(said(v), "NOT YET SIGNED: 2 of 2 events") {
		t.Fatalf("%s, %v", said(v), err)
	}
	f.head(t)
	f.write(t, paidStream, paid{Reference: paidReference, Receipt: "R2", Subject: "payment-1"})
	v, err = VerifyReceipt(f.receipt(t, true, paidStream), o)
	if err != nil || v.Status != NotYetSigned || v.Checkpoint == nil || !strings.HasPrefix(said(v), "NOT YET SIGNED: 1 of 3 events") {
		t.Fatalf("%s, %v", said(v), err)
	}
	f.head(t)
	if v, err = VerifyReceipt(f.receipt(t, true, paidStream), o); err != nil || v.Status != Verified || len(v.Events) != 3 {
		t.Fatalf("%s, %v", said(v), err)
	}
}

func TestEveryReceiptHasOneForm(t *testing.T) {
	name := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\"\\/\b\f\n\r\t\x00\x1f\x7f<>&é\u2028\u2029\ufffd😀"))))
	rapid.Check(t, func(t *rapid.T) {
		r := Receipt{Origin: name.Draw(t, "origin"), Checkpoint: name.Draw(t, "checkpoint"), Seal: name.Draw(t, "seal")}
		for range rapid.IntRange(0, 3).Draw(t, "events") {
			e := ReceiptEvent{
				Stream: name.Draw(t, "stream"), Type: name.Draw(t, "type"), Revision: eventstore.Revision(rapid.Int64Range(0, maxExactInteger).Draw(t, "revision")),
				ID: testID(rapid.Uint64().Draw(t, "id")), Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"), Metadata: rapid.SliceOf(rapid.Byte()).Draw(t, "metadata"),
			}
			if rapid.Bool().Draw(t, "proved") {
				e.Proof = &LeafProof{Index: rapid.Int64Range(0, maxExactInteger).Draw(t, "index")}
				for range rapid.IntRange(0, 3).Draw(t, "hashes") {
					e.Proof.Hashes = append(e.Proof.Hashes, leafAt(rapid.Int().Draw(t, "hash")).Hash)
				}
			}
			r.Events = append(r.Events, e)
		}
		for n := range rapid.IntRange(0, 3).Draw(t, "disclosures") {
			r.Disclosures = append(r.Disclosures, Disclosure{Event: n, Path: name.Draw(t, "path"), Salt: make([]byte, 16), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value")})
		}
		file, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeReceipt(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWhatNoReceiptCanHoldIsNotIssued(t *testing.T) {
	event := ReceiptEvent{Stream: "s", Type: "t", ID: testID(1)}
	good := Receipt{Origin: "o", Events: []ReceiptEvent{event}}
	mustEncode(t, good)
	for name, spoil := range map[string]func(*Receipt){
		"no UTF-8":   func(r *Receipt) { r.Events[0].Stream = "\xff" },
		"negative":   func(r *Receipt) { r.Events[0].Revision = -1 },
		"inexact":    func(r *Receipt) { r.Events[0].Revision = maxExactInteger + 1 },
		"long proof": func(r *Receipt) { r.Events[0].Proof = &LeafProof{Hashes: hashesOf(leavesUpTo(54))} },
		"short salt": func(r *Receipt) { r.Disclosures = []Disclosure{{Salt: make([]byte, 15)}} },
		"twice":      func(r *Receipt) { r.Disclosures = []Disclosure{{Salt: make([]byte, 16)}, {Salt: make([]byte, 16)}} },
		"out of order": func(r *Receipt) {
			r.Disclosures = []Disclosure{{Event: 1, Salt: make([]byte, 16)}, {Salt: make([]byte, 16)}}
		},
		"too many":      func(r *Receipt) { r.Events = make([]ReceiptEvent, MaxReceiptEvents+1) },
		"too large":     func(r *Receipt) { r.Events[0].Data = make([]byte, MaxReceiptBytes) },
		"much is shown": func(r *Receipt) { r.Disclosures = make([]Disclosure, maxDisclosures+1) },
	} {
		r := good
		r.Events = []ReceiptEvent{event}
		spoil(&r)
		if file, err := r.Encode(); err == nil {
			t.Errorf("%s: %.100s", name, file)
		}
	}
}

func TestReceiptsAreIssuedOfWhatIsInTheTree(t *testing.T) {
	f := signedFixture(t)
	if _, err := f.issuer.Gather(t.Context(), "transaction-missing"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := f.issuer.Gather(t.Context(), "transparency-heads"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if got, err := f.issuer.Gather(t.Context(), "transaction-missing", paidStream); err != nil || len(got) != 2 {
		t.Errorf("%d events, %v", len(got), err)
	}
	batch := make([]eventstore.NewEvent, 512)
	for range MaxReceiptEvents/len(batch) + 1 {
		for i := range batch {
			batch[i] = plainEvent("{}")
		}
		if _, err := f.store.Append(t.Context(), "transaction-long", eventstore.AnyRevision, batch...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.issuer.Gather(t.Context(), "transaction-long"); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestAnIssuerWaitsForItsTree(t *testing.T) {
	f := signedFixture(t)
	records, err := f.issuer.Gather(t.Context(), paidStream)
	if err != nil {
		t.Fatal(err)
	}
	late := openTree(t, vfs.NewMem())
	closing(t, late)
	issuer := f.issuerOver(late)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := issuer.Issue(ctx, records, nil); !errors.Is(err, ErrBehind) {
		t.Errorf("%v", err)
	}
	issued := make(chan error, 1)
	go func() {
		file, err := issuer.Issue(t.Context(), records, nil)
		if err == nil && mustDecode(t, file).Pending() {
			err = errors.New("it is pending")
		}
		issued <- err
	}()
	follow(t, f.store, late)
	if err := <-issued; err != nil {
		t.Error(err)
	}
}

// A log that was changed under a head gets no receipt, neither over the old tree nor over a new one.
func TestNoReceiptIsIssuedOfAChangedLog(t *testing.T) {
	f := signedFixture(t)
	records, err := f.issuer.Gather(t.Context(), paidStream)
	if err != nil {
		t.Fatal(err)
	}
	changed := records[1]
	changed.Data = bytes.Replace(changed.Data, []byte("1000000"), []byte("9000000"), 1)
	if _, err := f.issuer.Issue(t.Context(), []eventstore.Record{records[0], changed}, nil); !errors.Is(err, ErrHistory) {
		t.Errorf("an altered event: %v", err)
	}
	moved := records[1]
	moved.Position-- // what stands there is another one
	if _, err := f.issuer.Issue(t.Context(), []eventstore.Record{moved}, nil); !errors.Is(err, ErrHistory) {
		t.Errorf("an event in another place: %v", err)
	}
	leaves := leavesUpTo(336)
	other := openTree(t, vfs.NewMem())
	closing(t, other)
	if err := other.Append(leaves, 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := f.issuerOver(other).Issue(t.Context(), records, nil); !errors.Is(err, ErrHistory) {
		t.Errorf("another tree: %v", err)
	}
}

// issuerOver is the issuer of a node with that tree.
func (f *fixture) issuerOver(tree *Tree) *Issuer {
	o := f.maker.MakerOptions
	o.Tree = tree
	return NewIssuer(NewMaker(o))
}

func TestWitnessesCanBeRequired(t *testing.T) {
	f := signedFixture(t)
	keys := f.keys(t)
	for _, name := range []string{"witness.example/w1", "witness.example/w2"} {
		w := newTestWitness(t, name, map[string]string{testOrigin: keys[0]})
		f.maker.Witnesses = append(f.maker.Witnesses, w.client(t))
		keys = append(keys, w.key())
	}
	if err := f.maker.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := f.receipt(t, false, paidStream)
	for known := range 3 {
		for required := range 4 {
			o := VerifyOptions{Keys: mustKeys(t, keys[:1+known]...), Witnesses: required}
			want := Refusal("")
			if required > known {
				want = RefusedWitnesses
			}
			if got := refusal(file, o); got != want {
				t.Errorf("%d known, %d required: %q", known, required, got)
			}
		}
	}
	v, err := VerifyReceipt(file, VerifyOptions{Keys: mustKeys(t, keys[:2]...)})
	if err != nil || !strings.Contains(said(v), "Witness witness.example/w1 had seen no larger head of it at 2026-03-02T08:00:00Z") ||
		!strings.Contains(said(v), "1 more signatures are of keys that were not given") {
		t.Errorf("%s, %v", said(v), err)
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	list := readVectors(f)
	var keys []string
	for _, v := range list {
		if v.File == "good-disclosed.json" {
			keys = v.Keys
		}
	}
	o := VerifyOptions{Keys: mustKeys(f, keys...)}
	for _, v := range list {
		const small = 8 << 10
		if kind, _, _ := strings.Cut(v.File, "-"); kind != "forged" && len(v.content) < small {
			f.Add(v.content)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := VerifyReceipt(file, o)
		var refused *RefusedError
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		_ = said(v)
		r := mustDecode(t, file)
		if v.Status == Verified && r.Pending() || !bytes.Equal(mustEncode(t, r), file) {
			t.Fatalf("%s", fmt.Sprint(v.Status))
		}
	})
}
