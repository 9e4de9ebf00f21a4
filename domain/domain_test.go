package domain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain"
)

func TestErrorsTellTheirCodeThroughAnyWrapping(t *testing.T) {
	for want, err := range map[domain.Code]error{
		domain.CodeInvalid:     domain.Invalid("amount", "must be more than zero"),
		domain.CodeConflict:    domain.Conflictf("reference %s is taken", "R"),
		domain.CodeNotFound:    domain.NotFoundf("no %s", "such thing"),
		domain.CodeForbidden:   domain.Forbiddenf("not you"),
		domain.CodeUnavailable: domain.Unavailable("the store is away", errors.New("dial")),
		domain.CodeInternal:    errors.New("anything else"),
	} {
		if got := domain.CodeOf(fmt.Errorf("append: %w", err)); got != want {
			t.Errorf("%v has code %d; want %d", err, got, want)
		}
	}
	if domain.CodeOf(nil) != domain.CodeInternal {
		t.Error("no error has a code")
	}
}

func TestErrorNamesFieldsInOrderAndItsCause(t *testing.T) {
	cause := errors.New("dial tcp: refused")
	err := &domain.Error{Message: "Validation failed", Fields: map[string]string{"b": "two", "a": "one"}, Err: cause}
	if got, want := err.Error(), "Validation failed; a: one; b: two: dial tcp: refused"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func TestEveryBadFieldIsNamedAtOnceAndItsFirstProblemStays(t *testing.T) {
	var p domain.Problems
	if p.Err() != nil || p.Has("email") {
		t.Error("problems before any was noted")
	}
	p.Add("email", "is required")
	p.Addf("email", "must have %d characters", 3)
	p.Addf("amount", "must be at most %d", 250000)
	var err *domain.Error
	if !errors.As(p.Err(), &err) || err.Code != domain.CodeInvalid || !p.Has("email") || p.Has("name") {
		t.Fatalf("%v", p.Err())
	}
	want := map[string]string{"email": "is required", "amount": "must be at most 250000"}
	if diff := cmp.Diff(want, err.Fields); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, p.Fields()); diff != "" {
		t.Error(diff)
	}
}

func TestKeyWithoutScopesMayReadAndWriteAndNotApprove(t *testing.T) {
	for _, c := range []struct {
		scopes               []string
		read, write, approve bool
	}{
		{nil, true, true, false},
		{[]string{"read"}, true, false, false},
		{[]string{"read", "write"}, true, true, false},
		{[]string{"approve"}, false, false, true},
		{[]string{"read", "approve"}, true, false, true},
	} {
		who := domain.Caller{Scopes: c.scopes}
		if who.May(domain.ScopeRead) != c.read || who.May(domain.ScopeWrite) != c.write || who.May(domain.ScopeApprove) != c.approve || who.May("") {
			t.Errorf("a key with %q may read %t, write %t, approve %t", c.scopes, who.May(domain.ScopeRead), who.May(domain.ScopeWrite), who.May(domain.ScopeApprove))
		}
	}
}

func TestCallerAndRequestTravelInTheContext(t *testing.T) {
	ctx := context.Background()
	if _, ok := domain.CallerFrom(ctx); ok || domain.RequestFrom(ctx) != (domain.Request{}) {
		t.Error("a caller from nowhere")
	}
	want := domain.Caller{MerchantID: 1, KeyID: "k", Mode: domain.ModeTest, Scopes: []string{"read"}}
	ctx = domain.WithRequest(domain.WithCaller(ctx, want), domain.Request{ID: "r", IP: "10.0.0.1"})
	got, ok := domain.CallerFrom(ctx)
	if diff := cmp.Diff(want, got); diff != "" || !ok || domain.RequestFrom(ctx).ID != "r" {
		t.Errorf("%v %s", ok, diff)
	}
}
