package eventstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/transaction"
)

func TestCatalogueSaysWhoAppendsWhatAndWhatItMeans(t *testing.T) {
	names := map[string]bool{}
	for _, typ := range Catalogue() {
		if typ.AppendedBy == "" || !strings.HasSuffix(typ.Meaning, ".") || typ.Version < 1 {
			t.Errorf("%s: appended by %q, means %q", typ.Name(), typ.AppendedBy, typ.Meaning)
		}
		if names[typ.Name()] {
			t.Errorf("%s stands twice", typ.Name())
		}
		names[typ.Name()] = true
	}
	if got := NewCodec(goldenRing(t), Catalogue()).Types(); len(got) != len(names) {
		t.Errorf("the codec knows %d types of %d", len(got), len(names))
	}
}

func TestUnknownTypesAndVersionsSaySo(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	good := encoded(t, c, goldenID, goldenSample(merchant.KeyRevoked{}))
	with := func(change func(*Record)) Record {
		r := good
		change(&r)
		return r
	}
	version := func(v string) func(*Record) {
		return func(r *Record) {
			r.Metadata = bytes.Replace(r.Metadata, []byte(`"version":1`), []byte(`"version":`+v), 1)
		}
	}
	const place = "at position 7 (transaction-X@2): "
	for name, c2 := range map[string]struct {
		record Record
		want   string
	}{
		"unknown type":  {with(func(r *Record) { r.Type = "MoneyPrinted" }), "decode MoneyPrinted " + place + "event type is not in the catalogue: written by a newer kipay?"},
		"newer version": {with(version("2")), "decode ApiKeyRevoked " + place + "version 2 is not known, the newest here is 1"},
		"no version":    {with(version("0")), "decode ApiKeyRevoked " + place + "version 0 is not known, the newest here is 1"},
		"negative":      {with(version("-1")), "decode ApiKeyRevoked " + place + "version -1 is not known, the newest here is 1"},
		"no metadata":   {with(func(r *Record) { r.Metadata = nil }), "decode ApiKeyRevoked " + place + "metadata: unexpected end of JSON input"},
		"no data":       {with(func(r *Record) { r.Data = nil }), "decode ApiKeyRevoked " + place + "unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			env, err := c.Decode(context.Background(), c2.record)
			if err == nil || err.Error() != c2.want {
				t.Errorf("failed with %v\nwant %s", err, c2.want)
			}
			if env.Event != nil {
				t.Errorf("answers %+v all the same", env.Event)
			}
		})
	}
}

// madeUp has had three versions: a number was a text with "KES " before it, then a text, and is a number now.
type madeUp struct {
	Amount int64     `json:"amount"`
	At     time.Time `json:"at"`
}

func (madeUp) EventType() string { return "MadeUp" }

func rewrite(change func(map[string]json.RawMessage) error) Upcast {
	return func(data []byte) ([]byte, error) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, err
		}
		if err := change(fields); err != nil {
			return nil, err
		}
		return json.Marshal(fields)
	}
}

var madeUpType = EventType{Prototype: madeUp{}, Version: 3, Upcasts: map[int]Upcast{
	1: rewrite(func(f map[string]json.RawMessage) error {
		rest, ok := strings.CutPrefix(string(f["price"]), `"KES `)
		if !ok {
			return errors.New("no price")
		}
		f["price"] = json.RawMessage(`"` + rest)
		return nil
	}),
	2: rewrite(func(f map[string]json.RawMessage) error {
		f["amount"] = json.RawMessage(strings.Trim(string(f["price"]), `"`))
		delete(f, "price")
		return nil
	}),
}}

func TestOldVersionsAreLiftedOneByOne(t *testing.T) {
	c := NewCodec(goldenRing(t), []EventType{madeUpType})
	for version, data := range map[int]string{1: `{"price":"KES 1500"}`, 2: `{"price":"1500"}`, 3: `{"amount":1500}`} {
		env, err := c.Decode(context.Background(), Record{Type: "MadeUp", Data: []byte(data), Metadata: fmt.Appendf(nil, `{"version":%d}`, version)})
		if err != nil {
			t.Errorf("version %d: %v", version, err)
			continue
		}
		if diff := cmp.Diff(madeUp{Amount: 1500}, env.Event); diff != "" || env.Meta.Version != version {
			t.Errorf("version %d: %s", version, diff)
		}
	}
	_, err := c.Decode(context.Background(), Record{Type: "MadeUp", Data: []byte(`{}`), Metadata: []byte(`{"version":1}`)})
	if err == nil || !strings.Contains(err.Error(), "upcast from version 1: no price") {
		t.Errorf("failed with %v", err)
	}
	if r := encoded(t, c, goldenID, madeUp{Amount: 1}); !bytes.Contains(r.Metadata, []byte(`"version":3`)) {
		t.Errorf("written as %s", r.Metadata)
	}
}

type (
	hidden struct {
		People []domain.Personal `json:"people"`
	}
	hiddenDeep struct {
		People map[string]customer.Person `json:"people"`
	}
	hiddenPointer struct {
		Name *domain.Personal `json:"name"`
	}
	subjectless struct {
		Name domain.Personal `json:"name"`
	}
	notAStruct string
)

func (hidden) EventType() string          { return "Hidden" }
func (hidden) SubjectName() string        { return "s" }
func (hiddenDeep) EventType() string      { return "HiddenDeep" }
func (hiddenDeep) SubjectName() string    { return "s" }
func (hiddenPointer) EventType() string   { return "HiddenPointer" }
func (hiddenPointer) SubjectName() string { return "s" }
func (subjectless) EventType() string     { return "Subjectless" }
func (notAStruct) EventType() string      { return "NotAStruct" }

func TestTypesThatBreakTheRulesAreRefusedAtTheStart(t *testing.T) {
	good := EventType{Prototype: merchant.KeyRevoked{}, Version: 1}
	for name, types := range map[string][]EventType{
		"a personal field in a slice":       {{Prototype: hidden{}, Version: 1}},
		"a personal field in a map":         {{Prototype: hiddenDeep{}, Version: 1}},
		"a personal field behind a pointer": {{Prototype: hiddenPointer{}, Version: 1}},
		"a personal field without subject":  {{Prototype: subjectless{}, Version: 1}},
		"no struct":                         {{Prototype: notAStruct(""), Version: 1}},
		"no version":                        {{Prototype: merchant.KeyRevoked{}}},
		"twice":                             {good, good},
		"a missing upcaster":                {{Prototype: madeUp{}, Version: 3, Upcasts: map[int]Upcast{1: madeUpType.Upcasts[1]}}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("was taken")
				}
			}()
			NewCodec(goldenRing(t), types)
		})
	}
}

func TestAnEventOutsideTheCatalogueIsNotWritten(t *testing.T) {
	_, err := NewCodec(goldenRing(t), Catalogue()).Encode(context.Background(), goldenID, goldenMeta, madeUp{})
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("failed with %v", err)
	}
}

func TestPersonalFieldsWithoutASubjectAreNotWritten(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	for _, e := range []domain.Event{
		transaction.Initialized{Email: "asha@example.com"},
		transaction.CallbackReceived{Raw: "{}"},
	} {
		if ne, err := c.Encode(context.Background(), goldenID, Metadata{Subject: "customer-x"}, e); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s was written: %s, %v", e.EventType(), ne.Data, err)
		}
	}
	if _, err := c.Encode(context.Background(), goldenID, Metadata{From: "203.0.113.7"}, transaction.Initialized{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("an address without a subject: %v", err)
	}
	if _, err := c.Encode(context.Background(), goldenID, Metadata{}, transaction.Initialized{}); err != nil {
		t.Errorf("nothing personal needs no subject: %v", err)
	}
}

func TestEncodingLeavesTheEventAsItWas(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	for _, typ := range Catalogue() {
		e := goldenSample(typ.Prototype)
		encoded(t, c, goldenID, e)
		if diff := cmp.Diff(goldenSample(typ.Prototype), e); diff != "" {
			t.Errorf("%s changed:\n%s", typ.Name(), diff)
		}
	}
}

func FuzzDecode(f *testing.F) {
	c := NewCodec(goldenRing(f), append(Catalogue(), madeUpType))
	for _, typ := range Catalogue() {
		r := encoded(f, c, goldenID, goldenSample(typ.Prototype))
		f.Add(r.Type, r.Data, r.Metadata, r.ID[:])
	}
	f.Add("MadeUp", []byte(`{"price":"KES 1"}`), []byte(`{"version":1}`), goldenID[:])
	f.Add("MadeUp", []byte(`null`), []byte(`{"version":1}`), []byte{})
	f.Add("CustomerCreated", []byte(`{"person":{"email":"s1.x"}}`), []byte(`{"version":1,"subject":"customer-4f1c9d","key":"x"}`), goldenID[:])
	f.Fuzz(func(t *testing.T, name string, data, metadata, id []byte) {
		r := Record{Type: name, Data: data, Metadata: metadata}
		copy(r.ID[:], id)
		env, err := c.Decode(context.Background(), r)
		if (err == nil) != (env.Event != nil) {
			t.Fatalf("%+v, %v", env, err)
		}
		if err != nil {
			return
		}
		if env.Event.EventType() != name {
			t.Fatalf("%s was read as %s", name, env.Event.EventType())
		}
		if s, ok := env.Event.(domain.HasSubject); ok && s.SubjectName() != "" {
			if _, err := c.Encode(context.Background(), uuid.Nil, env.Meta, env.Event); err != nil {
				t.Fatalf("what was read can't be written: %v", err)
			}
		}
	})
}

func TestAPaymentOfVersion1IsTheMerchantsOwnAndWasChargedNothing(t *testing.T) {
	g := readGolden(t, goldenPath("PaymentReceived", 1))
	env, err := NewCodec(goldenRing(t), Catalogue()).Decode(context.Background(), Record{ID: g.ID, Type: g.Type, Data: g.Data, Metadata: g.Metadata})
	if err != nil {
		t.Fatal(err)
	}
	e, ok := env.Event.(transaction.PaymentReceived)
	if !ok || e.Channel != 0 || e.Funds != "" || !e.Charge.IsZero() || e.Amount.Minor != 10050 {
		t.Errorf("decoded as %+v", env.Event)
	}
}
