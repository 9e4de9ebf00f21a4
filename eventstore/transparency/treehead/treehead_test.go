package treehead

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// spec is one given/when/then over the events of a stream.
type spec[S domain.State[S]] struct {
	t      *testing.T
	state  S
	events []domain.Event
	err    error
}

func given[S domain.State[S]](t *testing.T, events ...domain.Event) spec[S] {
	t.Helper()
	s := spec[S]{t: t}
	for _, e := range events {
		s.state = s.state.Evolve(e)
	}
	return s
}

// when carries out a command after those before it.
func (s spec[S]) when(c domain.Command[S]) spec[S] {
	s.t.Helper()
	s.events, s.err = c.Decide(s.state)
	for _, e := range s.events {
		s.state = s.state.Evolve(e)
	}
	return s
}

func (s spec[S]) then(want ...domain.Event) spec[S] {
	s.t.Helper()
	if s.err != nil {
		s.t.Errorf("failed with %v", s.err)
	}
	if diff := cmp.Diff(want, s.events, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("events (-want +got):\n%s", diff)
	}
	return s
}

func (s spec[S]) fails(code domain.Code) spec[S] {
	s.t.Helper()
	if domain.CodeOf(s.err) != code || len(s.events) > 0 {
		s.t.Errorf("%v, %v; want code %v", s.events, s.err, code)
	}
	return s
}

func head(size int64) Signed {
	return Signed{Size: size, Root: "root", Checkpoint: "checkpoint", At: t0}
}

func cosigned(size int64, lines ...string) Cosigned {
	return Cosigned{Size: size, Cosignatures: lines, At: t0}
}

func key(number int) KeyRotated {
	k := KeyRotated{Number: number, VerifierKey: "pay.example/kipay+0000000" + string(rune('0'+number)) + "+key", At: t0}
	if number > 1 {
		k.Introduction = "the ones before vouch for it"
	}
	return k
}

func retired(number int) KeyRetired { return KeyRetired{Number: number, At: t0} }

func TestAHeadIsNewOnlyWhenTheTreeHasGrown(t *testing.T) {
	s := given[Head](t)
	if s.state.Exists() {
		t.Error("there is a head before the first")
	}
	s = s.when(Sign{head(0)}).then().
		when(Sign{head(5)}).then(head(5)).
		when(Sign{head(5)}).then().
		when(Sign{head(4)}).then().
		when(Sign{head(6)}).then(head(6))
	if !s.state.Exists() || s.state.Size != 6 {
		t.Errorf("%+v", s.state)
	}
}

func TestCosignaturesBelongToTheNewestHead(t *testing.T) {
	s := given[Head](t, head(5)).
		when(Cosign{cosigned(5, "a", "b", "a")}).then(cosigned(5, "a", "b")).
		when(Cosign{cosigned(5, "b", "c")}).then(cosigned(5, "c")).
		when(Cosign{cosigned(5, "a")}).then().
		when(Cosign{cosigned(4, "d")}).then()
	if diff := cmp.Diff([]string{"a", "b", "c"}, s.state.Cosignatures); diff != "" {
		t.Error(diff)
	}
	// Those that came too late say nothing of another head.
	s = given[Head](t, head(5), cosigned(5, "a"), head(6), cosigned(5, "b"))
	if len(s.state.Cosignatures) != 0 {
		t.Errorf("%+v", s.state)
	}
	many := make([]string, maxCosignatures+1)
	for i := range many {
		many[i] = string(rune(0x4e00 + i))
	}
	given[Head](t, head(5)).when(Cosign{cosigned(5, many...)}).then(cosigned(5, many[:maxCosignatures]...)).when(Cosign{cosigned(5, "x")}).then()
}

func TestAStateIsNotChangedByWhatFollows(t *testing.T) {
	one := given[Head](t, head(5), cosigned(5, "a")).state
	_ = one.Evolve(cosigned(5, "b"))
	two := one.Evolve(cosigned(5, "c"))
	if diff := cmp.Diff([]string{"a", "c"}, two.Cosignatures); diff != "" || len(one.Cosignatures) != 1 {
		t.Error(diff)
	}
	keys := given[Keys](t, key(1), key(2)).state
	_ = keys.Evolve(retired(1))
	_ = keys.Evolve(key(3))
	if len(keys.Signing()) != 2 || len(keys) != 2 {
		t.Errorf("%+v", keys)
	}
}

func TestKeysRotateOneAfterTheOther(t *testing.T) {
	s := given[Keys](t)
	if s.state.Origin() != "" || len(s.state.Signing()) != 0 {
		t.Errorf("%+v", s.state)
	}
	s = s.when(Rotate{KeyRotated: key(1)}).then(key(1)).
		when(Rotate{KeyRotated: key(1)}).then().
		when(Rotate{KeyRotated: key(3)}).fails(domain.CodeConflict).
		when(Rotate{KeyRotated: KeyRotated{Number: 1, VerifierKey: "another"}}).fails(domain.CodeConflict).
		when(Rotate{KeyRotated: KeyRotated{Number: 2, VerifierKey: "unintroduced"}}).fails(domain.CodeConflict).
		when(Rotate{KeyRotated: key(2)}).then(key(2)).
		when(Rotate{KeyRotated: key(3), Alone: true}).then(key(3), retired(1), retired(2))
	if got := s.state.Signing(); len(got) != 1 || got[0].Number != 3 || s.state.Origin() != "pay.example/kipay" {
		t.Errorf("%+v", s.state)
	}
	given[Keys](t).when(Rotate{KeyRotated: KeyRotated{Number: 1, VerifierKey: "a", Introduction: "by nobody"}}).fails(domain.CodeConflict)
}

func TestTheLastKeyThatSignsIsNotRetired(t *testing.T) {
	s := given[Keys](t, key(1)).
		when(Retire{retired(1)}).fails(domain.CodeConflict).
		when(Retire{retired(2)}).fails(domain.CodeNotFound).
		when(Retire{retired(0)}).fails(domain.CodeNotFound).
		when(Rotate{KeyRotated: key(2)}).then(key(2)).
		when(Retire{retired(1)}).then(retired(1)).
		when(Retire{retired(1)}).then().
		when(Retire{retired(2)}).fails(domain.CodeConflict)
	if !s.state[0].Retired || s.state[1].Retired {
		t.Errorf("%+v", s.state)
	}
}
