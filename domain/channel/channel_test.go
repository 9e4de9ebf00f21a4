package channel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

var (
	t0      = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	created = Created{
		ID: 3, Merchant: 1, Name: "Till", Provider: Mpesa, Environment: Sandbox, Currency: money.KES, ShortCode: "174379",
		Secrets: Secrets{ConsumerKey: "ck-9", ConsumerSecret: "cs-9", Passkey: "pk-9"}, Idempotency: "key", At: t0,
	}
	register   = RegisterC2B{ConfirmationURL: "https://k.example/c", ValidationURL: "https://k.example/v", At: t0}
	registered = C2BUrlsRegistered{Channel: 3, ConfirmationURL: "https://k.example/c", ValidationURL: "https://k.example/v", At: t0}
)

func TestChannelIsOpenedOnce(t *testing.T) {
	given[State](t).when(Create{created}).then(created).when(Create{created}).thenNothing()
}

func TestChannelsNumberIsTakenOnce(t *testing.T) {
	other, keyless, otherKey := created, created, created
	other.Merchant, keyless.Idempotency, otherKey.Idempotency = 2, "", "another"
	given[State](t, created).when(Create{other}).thenError(domain.CodeConflict)
	given[State](t, created).when(Create{otherKey}).thenError(domain.CodeConflict)
	given[State](t, keyless).when(Create{keyless}).thenError(domain.CodeConflict)
}

func TestRegisteredURLsAreNotedOnceAndReplaced(t *testing.T) {
	moved := register
	moved.ConfirmationURL = "https://k.example/c2"
	want := registered
	want.ConfirmationURL = moved.ConfirmationURL
	given[State](t, created).when(register).then(registered).when(register).thenNothing().
		when(moved).then(want).when(register).then(registered)
	given[State](t).when(register).thenError(domain.CodeNotFound)
}

func TestDeactivatedChannelIsNotActive(t *testing.T) {
	if s := given[State](t, created).state; !s.Active || !s.Exists() {
		t.Error("is not active")
	}
	if s := given[State](t, created, Deactivated{Channel: 3, At: t0}).state; s.Active {
		t.Error("is active")
	}
}

func TestChannelIsTurnedOffAndOn(t *testing.T) {
	off, on := SetActive{Active: false, At: t0}, SetActive{Active: true, At: t0}
	given[State](t, created).when(on).thenNothing().
		when(off).then(Deactivated{Channel: 3, At: t0}).when(off).thenNothing().
		when(on).then(Activated{Channel: 3, At: t0}).when(on).thenNothing()
	if s := given[State](t, created, Deactivated{Channel: 3, At: t0}, Activated{Channel: 3, At: t0}).state; !s.Active {
		t.Error("is not active again")
	}
	given[State](t).when(off).thenError(domain.CodeNotFound)
}

func TestOnlyProductionMovesRealMoney(t *testing.T) {
	for env, want := range map[Environment]domain.Mode{Sandbox: domain.ModeTest, Production: domain.ModeLive, "": domain.ModeTest} {
		if got := (State{Created: Created{Environment: env}}).Mode(); got != want {
			t.Errorf("%q is %s", env, got)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	s := given[State](t, created).state
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{created.Secrets, &created.Secrets, created, s, []Created{created}} {
			text := fmt.Sprintf(format, v)
			for _, secret := range []string{"ck-9", "cs-9", "pk-9"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T prints a secret: %s", format, v, text)
				}
			}
		}
	}
}

func route(env Environment, channel ID) RouteShortCode {
	return RouteShortCode{Environment: env, Number: "600984", Channel: channel, Merchant: channel * 10, At: t0}
}

func routed(env Environment, channel ID) ShortCodeRouted {
	return ShortCodeRouted{Environment: env, Number: "600984", Channel: channel, Merchant: channel * 10, At: t0}
}

func TestShortcodeOfAChannelThatWasNeverCreatedIsFreeAgain(t *testing.T) {
	again := route(Production, 4)
	again.Abandoned = 3
	given[ShortCodeState](t).when(route(Production, 3)).when(again).then(routed(Production, 4)).
		when(route(Production, 5)).thenError(domain.CodeConflict)
}

func TestProductionShortcodeBelongsToItsFirstChannel(t *testing.T) {
	given[ShortCodeState](t).when(route(Production, 3)).then(routed(Production, 3)).
		when(route(Production, 3)).thenNothing().
		when(route(Production, 4)).thenError(domain.CodeConflict)
}

func TestSandboxShortcodeBelongsToTheLastChannelThatAsked(t *testing.T) {
	s := given[ShortCodeState](t).when(route(Sandbox, 3)).when(route(Sandbox, 4)).then(routed(Sandbox, 4)).
		when(route(Sandbox, 4)).thenNothing().when(route(Sandbox, 3)).then(routed(Sandbox, 3))
	if s.state.Channel != 3 || s.state.Merchant != 30 {
		t.Errorf("%+v", s.state)
	}
}

func TestStreamsOfChannels(t *testing.T) {
	got := Stream(3) + " " + created.SubjectName() + " " + ShortCodeStream(Sandbox, "174379")
	if got != "channel-3 channel-3 shortcode-sandbox-174379" {
		t.Error(got)
	}
}
