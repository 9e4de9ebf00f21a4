package eventstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMasterKeysAsTextAreTheSameKeysAndNothingElseShowsThem(t *testing.T) {
	both := masters(t, "a", "b")
	again, err := ParseMasterKeys(both.Text())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(both.IDs(), again.IDs()); diff != "" || len(again.IDs()) != 2 {
		t.Error(diff)
	}
	first, _, _ := strings.Cut(both.Text(), "\n")
	raw := fmt.Sprintf("%d", both.keys[0].raw)
	for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%d"} {
		if shown := fmt.Sprintf(verb, both); strings.Contains(shown, first) || strings.Contains(shown, strings.Trim(raw, "[]")) {
			t.Errorf("%s shows a key", verb)
		}
	}
}

// A recovery bundle on another key store than the one it was made for: what is missing is put back, once, and what is
// there is never written over.
func TestSecretsOfABundleArePutBackAndNeverOverOthers(t *testing.T) {
	ctx := context.Background()
	master := masters(t, "a")
	old := NewKeyring(newMemoryKeys(), master, rand.Reader)
	want := map[string][]byte{}
	for _, name := range []string{"derivation", "tokens"} {
		key, err := old.Secret(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = key
	}
	if _, err := old.sealing(ctx, "transaction-1"); err != nil { // a data key is no secret of the install
		t.Fatal(err)
	}
	got, err := old.Secrets(ctx)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
	lost := NewKeyring(newMemoryKeys(), master, rand.Reader)
	for _, missing := range []bool{true, false} {
		if put, err := lost.PutSecretBack(ctx, "derivation", want["derivation"]); err != nil || put != missing {
			t.Errorf("put back %v, %v", put, err)
		}
	}
	if key, err := lost.Secret(ctx, "derivation"); err != nil || !bytes.Equal(key, want["derivation"]) {
		t.Errorf("another key, %v", err)
	}
	if _, err := lost.PutSecretBack(ctx, "derivation", want["tokens"]); err == nil || !strings.Contains(err.Error(), "another one") {
		t.Error(err)
	}
	if key, err := lost.Secret(ctx, "derivation"); err != nil || !bytes.Equal(key, want["derivation"]) {
		t.Errorf("it was written over, %v", err)
	}
}
