package transfer

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// erase destroys the payment's key and says so, as erasing a customer does.
func (in install) erase(t testing.TB, payment int) {
	t.Helper()
	name := fmt.Sprintf("payment-%d", payment)
	if err := in.DeleteKey(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	e := eventstore.NewEvent{ID: uuid.New(), Type: "Erased", Data: fmt.Appendf(nil, `{"keys":[%q]}`, name)}
	if _, err := in.Append(t.Context(), "customer-"+name, eventstore.AnyRevision, e); err != nil {
		t.Fatal(err)
	}
}

// erasing has the options know what erase says.
func erasing(o ImportOptions) ImportOptions {
	o.Destroys = map[string]func([]byte) ([]string, error){"Erased": func(data []byte) ([]string, error) {
		var e struct {
			Keys []string `json:"keys"`
		}
		err := json.Unmarshal(data, &e)
		return e.Keys, err
	}}
	return o
}

// Between the bulk of a move and its last part people are erased, and come back.
func TestWhoIsErasedDuringAMoveIsErasedInTheTargetToo(t *testing.T) {
	const stays, erased, back, knownErased, knownBack = "payment-6", "payment-7", "payment-8", "payment-9", "payment-10"
	for name, target := range map[string]func(testing.TB) Target{
		"embedded": func(t testing.TB) Target { return local(t) },
		"a server": func(t testing.TB) Target { return remote(t) },
	} {
		t.Run(name, func(t *testing.T) {
			laptop := populate(t, 20)
			laptop.erase(t, 9)
			laptop.erase(t, 10)
			bulk, _ := laptop.export(t, nil)
			server := install{target(t), laptop.master}
			if _, err := move(t.Context(), server, erasing(bulk.options(server.master))); err != nil {
				t.Fatal(err)
			}
			laptop.erase(t, 7)
			laptop.erase(t, 8)
			for n, came := range map[int]string{8: back, 10: knownBack} {
				laptop.put(t, came)
				laptop.add(t, n, 3, `{"back":true}`)
			}
			rest, _ := laptop.export(t, bulk.events)
			done, err := move(t.Context(), server, erasing(rest.options(server.master)))
			if err != nil {
				t.Fatal(err)
			}
			if done.DestroyedKeys != 1 || done.NewKeys != 2 || done.ErasedKeys != 0 {
				t.Errorf("the import did %+v", done)
			}
			wantSame(t, laptop, server)
			keys := keysOf(t, server)
			for key, want := range map[string]bool{stays: true, erased: false, back: true, knownErased: false, knownBack: true} {
				if _, there := keys[key]; there != want {
					t.Errorf("key %s is there: %t", key, there)
				}
			}
			// Once the target lives on its word is the later one.
			server.erase(t, 6)
			server.put(t, erased)
			server.add(t, 7, 3, `{"back":true}`)
			if done, err = move(t.Context(), server, erasing(rest.options(server.master))); err != nil || done.DestroyedKeys != 0 || done.NewKeys != 0 {
				t.Errorf("the last import did %+v: %v", done, err)
			}
			keys = keysOf(t, server)
			if keys[stays] != "" || keys[erased] == "" {
				t.Error("an old file had its way with a target that had gone on")
			}
		})
	}
}
