package eventstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
)

// planted is a text that must be seen nowhere.
func planted(path string) string { return "PLANTED-" + path + "-Zawadi" }

func TestNothingPersonalIsReadableInAnyEvent(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	for _, typ := range Catalogue() {
		t.Run(typ.Name(), func(t *testing.T) {
			var paths []string
			e := sample(typ.Prototype, func(path string) string {
				paths = append(paths, path)
				return planted(path)
			})
			meta := goldenMeta
			meta.From = "PLANTED-from"
			ne, err := c.Encode(context.Background(), goldenID, meta, e)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range append(paths, "") {
				for _, text := range []string{
					"PLANTED", "Zawadi", base64.RawURLEncoding.EncodeToString([]byte(planted(path))), base64.StdEncoding.EncodeToString([]byte(planted(path))),
					hex.EncodeToString([]byte(planted(path))),
				} {
					if bytes.Contains(ne.Data, []byte(text)) || bytes.Contains(ne.Metadata, []byte(text)) {
						t.Errorf("%s is readable as %s", path, text)
					}
				}
			}
			for _, path := range paths {
				if !IsSealed(jsonAt(t, ne.Data, path)) {
					t.Errorf("%s is not sealed", path)
				}
			}
			env, err := c.Decode(context.Background(), Record{ID: ne.ID, Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, env.Event); diff != "" {
				t.Errorf("opened (-want +got):\n%s", diff)
			}
		})
	}
}

func jsonAt(t *testing.T, data []byte, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(path, ".") {
		fields, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%s leads nowhere", path)
		}
		v = fields[name]
	}
	s, _ := v.(string)
	return s
}

// personalNames are field names that are about people or are somebody else's words, wherever they stand.
var personalNames = []string{
	"email", "first_name", "last_name", "phone", "name_of_payer", "raw", "description", "merchant_reference", "account", "account_reference",
	"password_hash", "consumer_key", "consumer_secret", "passkey", "public_key", "secret_key", "answer", "url", "from_ip",
}

func TestFieldsWithPersonalNamesAreSealed(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	for _, typ := range Catalogue() {
		r := encoded(t, c, goldenID, goldenSample(typ.Prototype))
		var walk func(path string, v any)
		walk = func(path string, v any) {
			fields, ok := v.(map[string]any)
			if !ok {
				name := path[strings.LastIndex(path, ".")+1:]
				if text, ok := v.(string); ok && slices.Contains(personalNames, name) && !IsSealed(text) {
					t.Errorf("%s.%s is written in the clear: %q", typ.Name(), path, text)
				}
				return
			}
			for name, f := range fields {
				walk(path+"."+name, f)
			}
		}
		var v any
		if err := json.Unmarshal(r.Data, &v); err != nil {
			t.Fatal(err)
		}
		walk("", v)
	}
}

func TestTheSameValueIsSealedDifferentlyEachTime(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	e := customer.Created{ID: 1, Hash: "4f1c", Person: customer.Person{Email: "same", FirstName: "same"}}
	a, b := encoded(t, c, goldenID, e), encoded(t, c, goldenID, e)
	texts := []string{
		jsonAt(t, a.Data, "person.email"), jsonAt(t, a.Data, "person.first_name"), jsonAt(t, b.Data, "person.email"), jsonAt(t, b.Data, "person.first_name"),
	}
	for i, x := range texts {
		for _, y := range texts[i+1:] {
			if x == y || x[:len(sealPrefix)+commitLen] == y[:len(sealPrefix)+commitLen] {
				t.Errorf("equal values show: %s and %s", x, y)
			}
		}
	}
}

func TestEmptyFieldsStayEmptyAndMakeNoKey(t *testing.T) {
	keys := newMemoryKeys()
	c := NewCodec(NewKeyring(keys, masters(t, "a"), sameNoise()), Catalogue())
	ne, err := c.Encode(context.Background(), goldenID, Metadata{}, customer.Created{ID: 1, Hash: "4f1c"})
	if err != nil || bytes.Contains(ne.Data, []byte(sealPrefix)) || len(keys.keys) != 0 {
		t.Errorf("%s with %d keys, %v", ne.Data, len(keys.keys), err)
	}
}

func TestTamperingIsRefused(t *testing.T) {
	c := NewCodec(goldenRing(t), Catalogue())
	e := customer.Created{ID: 1, Hash: "4f1c", Person: customer.Person{Email: "asha@example.com"}}
	good, other := encoded(t, c, goldenID, e), encoded(t, c, otherID, e)
	sealed, foreign := jsonAt(t, good.Data, "person.email"), jsonAt(t, other.Data, "person.email")
	commitment, envelope := sealed[len(sealPrefix):len(sealPrefix)+commitLen], sealed[len(sealPrefix)+commitLen+1:]
	flip := func(s string, i int) string {
		b := []byte(s)
		if b[i] = 'A'; s[i] == 'A' {
			b[i] = 'B'
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"another commitment":          sealPrefix + flip(commitment, 5) + "." + envelope,
		"another nonce":               sealPrefix + commitment + "." + flip(envelope, 3),
		"another ciphertext":          sealPrefix + commitment + "." + flip(envelope, 30),
		"another tag":                 sealPrefix + commitment + "." + flip(envelope, len(envelope)-3),
		"cut short":                   sealed[:len(sealed)-4],
		"no envelope":                 sealPrefix + commitment + ".",
		"no commitment":               sealPrefix + envelope,
		"only the prefix":             sealPrefix,
		"no base64":                   sealPrefix + commitment + ".%%%%",
		"plain text":                  "asha@example.com",
		"a field of another event":    foreign,
		"a commitment of another one": foreign[:len(sealPrefix)+commitLen] + "." + envelope,
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			r.Data = bytes.Replace(good.Data, []byte(sealed), []byte(text), 1)
			env, err := c.Decode(context.Background(), r)
			if !errors.Is(err, errSealed) || env.Event != nil {
				t.Errorf("answers %+v, %v", env.Event, err)
			}
			if err != nil && strings.Contains(err.Error(), "asha") {
				t.Errorf("the error tells: %v", err)
			}
		})
	}
	t.Run("under another event id", func(t *testing.T) {
		r := good
		r.ID = otherID
		if _, err := c.Decode(context.Background(), r); !errors.Is(err, errSealed) {
			t.Errorf("answers %v", err)
		}
	})
	for name, metadata := range map[string]func(*Metadata){
		"without its subject": func(m *Metadata) { m.Subject = "" },
		"without its key":     func(m *Metadata) { m.Key = "" },
	} {
		t.Run(name, func(t *testing.T) {
			var m Metadata
			if err := json.Unmarshal(good.Metadata, &m); err != nil {
				t.Fatal(err)
			}
			metadata(&m)
			text, err := json.Marshal(&m)
			if err != nil {
				t.Fatal(err)
			}
			r := good
			r.Metadata = text
			if env, err := c.Decode(context.Background(), r); !errors.Is(err, errSealed) {
				t.Errorf("answers %+v, %v", env.Event, err)
			}
		})
	}
}

func TestDestroyedKeyIsErasure(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	c := NewCodec(ring, Catalogue())
	for _, typ := range Catalogue() {
		e := goldenSample(typ.Prototype)
		s, ok := e.(domain.HasSubject)
		if !ok {
			continue
		}
		r := encoded(t, c, goldenID, e)
		if err := keys.DeleteKey(ctx, s.SubjectName()); err != nil {
			t.Fatal(err)
		}
		ring.Forget(s.SubjectName())
		env, err := c.Decode(ctx, r)
		if err != nil || !env.Erased || env.Meta.From != "" {
			t.Errorf("%s: erased %v, from %q, %v", typ.Name(), env.Erased, env.Meta.From, err)
			continue
		}
		if diff := cmp.Diff(sample(typ.Prototype, func(string) string { return "" }), env.Event); diff != "" {
			t.Errorf("%s keeps more or less than what is not personal:\n%s", typ.Name(), diff)
		}
	}
}

func TestSubjectThatComesBackAfterErasureLeavesTheOldEventsReadable(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	c := NewCodec(ring, Catalogue())
	e := customer.Created{ID: 1, Hash: "4f1c", Person: customer.Person{Email: "asha@example.com"}}
	before := encoded(t, c, goldenID, e)
	if err := keys.DeleteKey(ctx, e.SubjectName()); err != nil {
		t.Fatal(err)
	}
	ring.Forget(e.SubjectName())
	after := encoded(t, c, otherID, e)
	env, err := c.Decode(ctx, before)
	if err != nil || !env.Erased || env.Event.(customer.Created).Person.Email != "" {
		t.Errorf("before: erased %v, %+v, %v", env.Erased, env.Event, err)
	}
	env, err = c.Decode(ctx, after)
	if err != nil || env.Erased || env.Event.(customer.Created).Person.Email != "asha@example.com" {
		t.Errorf("after: erased %v, %+v, %v", env.Erased, env.Event, err)
	}
}

func TestAnythingIsOpenedAsItWasSealedByteForByte(t *testing.T) {
	ring := goldenRing(t)
	c := NewCodec(ring, Catalogue())
	rapid.Check(t, func(t *rapid.T) {
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		// Any bytes, not only text: a provider's body is kept as it came.
		want := transaction.CallbackReceived{Subject: "customer-4f1c", Raw: domain.Personal(rapid.SliceOf(rapid.Byte()).Draw(t, "raw"))}
		ne, err := c.Encode(context.Background(), id, Metadata{}, want)
		if err != nil {
			t.Fatal(err)
		}
		env, err := c.Decode(context.Background(), Record{ID: id, Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata})
		if err != nil || !reflect.DeepEqual(want, env.Event) {
			t.Fatalf("%+v, %v", env.Event, err)
		}
	})
}

func FuzzOpenText(f *testing.F) {
	aead, err := newGCM([]byte(strings.Repeat("k", keyBytes)))
	if err != nil {
		f.Fatal(err)
	}
	good := sealText(aead, goldenID, "asha@example.com", []byte(strings.Repeat("n", saltBytes+nonceBytes)))
	for _, s := range []string{good, good[:50], sealPrefix, "", "s2." + good[3:], sealPrefix + strings.Repeat("A", commitLen) + "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		plain, err := openText(aead, goldenID, s)
		if err == nil && plain != "asha@example.com" {
			t.Fatalf("forged %q as %q", s, plain)
		}
	})
}
