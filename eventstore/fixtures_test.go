package eventstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"reflect"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// memoryKeys is a KeyStore in memory.
type memoryKeys struct {
	mu   sync.Mutex
	keys map[string][]byte
	puts int
}

func newMemoryKeys() *memoryKeys { return &memoryKeys{keys: map[string][]byte{}} }

func (m *memoryKeys) GetKey(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[name]; ok {
		return bytes.Clone(k), nil
	}
	return nil, ErrKeyNotFound
}

func (m *memoryKeys) PutKeyIfAbsent(_ context.Context, name string, wrapped []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts++
	if _, ok := m.keys[name]; !ok {
		m.keys[name] = bytes.Clone(wrapped)
	}
	return bytes.Clone(m.keys[name]), nil
}

func (m *memoryKeys) ReplaceKey(_ context.Context, name string, old, wrapped []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch k, ok := m.keys[name]; {
	case !ok:
		return ErrKeyNotFound
	case !bytes.Equal(k, old):
		return ErrWrongRevision
	}
	m.keys[name] = bytes.Clone(wrapped)
	return nil
}

func (m *memoryKeys) DeleteKey(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.keys, name)
	return nil
}

func (m *memoryKeys) EachKey(_ context.Context, after string, fn func(string, []byte) error) error {
	m.mu.Lock()
	names := make([]string, 0, len(m.keys))
	for n := range m.keys {
		if n > after {
			names = append(names, n)
		}
	}
	m.mu.Unlock()
	sort.Strings(names)
	for _, n := range names {
		k, err := m.GetKey(context.Background(), n)
		if err != nil {
			continue
		}
		if err := fn(n, k); err != nil {
			return err
		}
	}
	return nil
}

// sameNoise is a source of randomness that is the same in every run, so that golden files can be compared.
func sameNoise() io.Reader {
	return rand.NewChaCha8([32]byte([]byte("kipay golden files, version 0001")))
}

// masterText is a master key for tests: 32 times the same letter.
func masterText(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, keyBytes)))
}

func masters(t testing.TB, letters ...string) MasterKeys {
	t.Helper()
	texts := make([]string, 0, len(letters))
	for _, l := range letters {
		texts = append(texts, masterText(l))
	}
	m, err := ParseMasterKeys(strings.Join(texts, ","))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func goldenRing(t testing.TB) *Keyring {
	t.Helper()
	return NewKeyring(newMemoryKeys(), masters(t, "a"), sameNoise())
}

var (
	goldenID   = uuid.MustParse("0b5ed7a4-5f0c-4b6e-9d3c-7b1a52f6c001")
	otherID    = uuid.MustParse("0b5ed7a4-5f0c-4b6e-9d3c-7b1a52f6c002")
	goldenTime = time.Date(2026, 3, 2, 8, 15, 30, 123e6, time.UTC)
	goldenMeta = Metadata{
		CorrelationID: "req_01JNB5", CausationID: "0b5ed7a4-5f0c-4b6e-9d3c-7b1a52f6bfff", Actor: "key:9f86d081884c7d65", Merchant: 1,
		OccurredAt: goldenTime, From: "203.0.113.7",
	}
)

// words are the values of fields in samples, by JSON name; a field without one has its own name as value.
var words = map[string]string{
	"reference": "KIPAY0123456789ABCDEF", "transaction": "KIPAY0123456789ABCDEF", "into": "MPESA0123456789ABCDEF", "from": "MPESA00000000000ALONE",
	"to": "KIPAY0123456789ABCDEF", "subject": "customer-4f1c9d", "hash": "4f1c9d", "email": "asha@example.com", "first_name": "Asha", "last_name": "Otieno",
	"phone": "254712345678", "provider": "mpesa", "mode": "test", "environment": "sandbox", "origin": "push", "door": "stk_callback",
	"receipt": "NLJ7RT61SV", "number": "NLJ7RT61SV", "currency": "KES", "method": "mpesa_stk", "checkout_request_id": "ws_CO_020320261115301712345678",
	"merchant_request_id": "29115-34620561-1", "raw": `{"Body":{"stkCallback":{"ResultCode":0}}}`, "time_zone": "Africa/Nairobi", "awaits": "MPESA0123456789ABCDEF",
}

// sample is an event of the type with every field filled; personal makes the value of the personal ones.
func sample(prototype domain.Event, personal func(path string) string) domain.Event {
	v := reflect.New(reflect.TypeOf(prototype)).Elem()
	fillValue(v, "", personal)
	e, ok := v.Interface().(domain.Event)
	if !ok {
		panic("not an event")
	}
	return e
}

func goldenSample(prototype domain.Event) domain.Event { return sample(prototype, wordFor) }

func wordFor(path string) string {
	name := path[strings.LastIndex(path, ".")+1:]
	if w, ok := words[name]; ok {
		return w
	}
	return name
}

func fillValue(v reflect.Value, path string, personal func(string) string) {
	switch v.Interface().(type) {
	case domain.Personal:
		v.SetString(personal(path))
		return
	case time.Time:
		v.Set(reflect.ValueOf(goldenTime))
		return
	case money.Money:
		v.Set(reflect.ValueOf(money.Of(10050, money.KES)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fillValue(v.Field(i), strings.TrimPrefix(path+"."+name, "."), personal)
		}
	case reflect.String:
		v.SetString(wordFor(path))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(path)))
	case reflect.Uint64:
		v.SetUint(uint64(len(path)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillValue(v.Index(0), path, personal)
	default:
		panic("no sample for " + path + " of kind " + v.Kind().String())
	}
}

// encoded is the event as a record that the store would answer.
func encoded(t testing.TB, c *Codec, id uuid.UUID, e domain.Event) Record {
	t.Helper()
	ne, err := c.Encode(context.Background(), id, goldenMeta, e)
	if err != nil {
		t.Fatalf("encode %s: %v", e.EventType(), err)
	}
	return Record{Position: 7, Stream: "transaction-X", Revision: 2, ID: ne.ID, Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata, RecordedAt: goldenTime}
}
