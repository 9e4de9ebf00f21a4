package embedded

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

func TestDestroyedKeysAreListedAndSupersededOnesAreNot(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for i := range 4 {
		put(t, s, fmt.Sprintf("customer-%d", i), "key")
	}
	for _, destroy := range []func(context.Context, string) error{s.DeleteKey, s.DeleteKey} {
		if err := destroy(t.Context(), "customer-1"); err != nil { // twice: the second finds nothing
			t.Fatal(err)
		}
	}
	if err := s.DropKey(t.Context(), "customer-2"); err != nil {
		t.Fatal(err)
	}
	view, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteKey(t.Context(), "customer-3"); err != nil {
		t.Fatal(err)
	}
	before, err := view.Erasures(t.Context())
	if err != nil || len(before) != 1 || before[0].Key != "customer-1" || before[0].Number != 1 {
		t.Errorf("%+v, %v", before, err)
	}
	if err := view.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	put(t, s, "customer-1", "another key")
	if err := s.DeleteKey(t.Context(), "customer-1"); err != nil {
		t.Fatal(err)
	}
	list, err := s.Erasures(t.Context())
	if err != nil || len(list) != 3 || list[1].Key != "customer-3" || list[2].Key != "customer-1" || list[2].Number != 3 || list[2].Store != s.ID() {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := s.Check(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestAViewStaysAsItWas(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	put(t, s, "customer-1", "key")
	appendMany(t, s, 64)
	view, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	appendMany(t, s, 64)
	count := 0
	err = view.EachRecord(t.Context(), 10, func(rec eventstore.Record, _ []byte) error {
		if count++; rec.Position != eventstore.Position(10+count) || rec.ID == uuid.Nil {
			t.Errorf("%d is at %d", count, rec.Position)
		}
		return nil
	})
	if err != nil || count != 54 || view.Head() != 64 {
		t.Errorf("%d events up to %d, %v", count, view.Head(), err)
	}
	keys, err := view.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if name, wrapped, ok, err := keys.Next(); name != "customer-1" || string(wrapped) != "key" || !ok || err != nil {
		t.Errorf("%s %s %v %v", name, wrapped, ok, err)
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	if err := view.Close(); err != nil {
		t.Fatal(err)
	}
}
