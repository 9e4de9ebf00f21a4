package analyst

import (
	"testing"

	"github.com/benfex/kipay/domain"
)

func TestATokenIsKnownByAHashAndEndsForGood(t *testing.T) {
	token := NewToken([32]byte{1, 2, 3, 255})
	id, ok := IDOf(token)
	if !ok || len(id) != 32 {
		t.Fatalf("%q has the id %q", token, id)
	}
	for _, wrong := range []string{"", Prefix, token[:len(token)-1], token + "x", "kp_live_" + token[len(Prefix):]} {
		if _, ok := IDOf(wrong); ok {
			t.Errorf("%q is taken for a token", wrong)
		}
	}
	var s State
	do := func(c domain.Command[State]) error {
		events, err := c.Decide(s)
		for _, e := range events {
			s = s.Evolve(e)
		}
		return err
	}
	if err := do(Revoke{ID: id}); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("an unknown token was revoked: %v", err)
	}
	for _, name := range []string{"", "jane doe", "é", string(make([]byte, 61))} {
		if err := do(Issue{Issued{ID: id, Name: name}}); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	if err := do(Issue{Issued{ID: id, Name: "grafana", Merchant: 3}}); err != nil || !s.Valid() || s.Merchant != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := do(Issue{Issued{ID: id, Name: "grafana"}}); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("issued twice: %v", err)
	}
	for range 2 {
		if err := do(Revoke{ID: id}); err != nil || s.Valid() {
			t.Errorf("%+v, %v", s, err)
		}
	}
}
