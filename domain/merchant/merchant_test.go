package merchant

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
)

var (
	t0      = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	create  = Create{ID: 1, Name: "Duka", Email: "owner@duka.example", PasswordHash: "$argon2id$x", At: t0}
	created = Created{ID: 1, Name: "Duka", Email: "owner@duka.example", TimeZone: DefaultTimeZone, PasswordHash: "$argon2id$x", At: t0}
)

func attached(channel int64) ChannelAttached {
	return ChannelAttached{Merchant: 1, Channel: channel, At: t0}
}

func defaulted(channel int64) DefaultChannelSet {
	return DefaultChannelSet{Merchant: 1, Channel: channel, At: t0}
}

func TestMerchantIsOpenedInNairobiTimeUnlessToldOtherwise(t *testing.T) {
	given[State](t).when(create).then(created)
	abroad, want := create, created
	abroad.TimeZone, want.TimeZone = "Africa/Lagos", "Africa/Lagos"
	given[State](t).when(abroad).then(want)
}

func TestMerchantsNumberIsTakenOnce(t *testing.T) {
	given[State](t, created).when(create).thenError(domain.CodeConflict)
}

func TestMerchantNeedsANameAndAnEmailBothNamedAtOnce(t *testing.T) {
	given[State](t).when(Create{ID: 1, Name: strings.Repeat("x", 101)}).thenError(domain.CodeInvalid)
	_, err := Create{ID: 1}.Decide(State{})
	want := "Validation failed; email: is required; name: must have 1 to 100 characters"
	if err == nil || err.Error() != want {
		t.Errorf("failed with %v; want %s", err, want)
	}
}

func TestFirstChannelBecomesTheDefault(t *testing.T) {
	given[State](t, created).when(AttachChannel{Merchant: 1, Channel: 5, At: t0}).then(attached(5), defaulted(5))
}

func TestLaterChannelIsTheDefaultOnlyWhenAsked(t *testing.T) {
	first := []domain.Event{created, attached(5), defaulted(5)}
	given[State](t, first...).when(AttachChannel{Merchant: 1, Channel: 6, At: t0}).then(attached(6))
	given[State](t, first...).when(AttachChannel{Merchant: 1, Channel: 6, MakeDefault: true, At: t0}).then(attached(6), defaulted(6))
}

func TestRepeatedAttachmentDoesNotMoveTheDefaultBack(t *testing.T) {
	s := given[State](t, created, attached(5), defaulted(5), attached(6), defaulted(6)).
		when(AttachChannel{Merchant: 1, Channel: 5, MakeDefault: true, At: t0}).thenNothing()
	if diff := cmp.Diff([]int64{5, 6}, s.state.Channels); diff != "" || s.state.DefaultChannel != 6 {
		t.Errorf("default %d, channels %s", s.state.DefaultChannel, diff)
	}
}

func TestChannelNeedsItsMerchant(t *testing.T) {
	given[State](t).when(AttachChannel{Merchant: 1, Channel: 5}).thenError(domain.CodeNotFound)
}

func TestStatesOfAMerchantShareNoMemory(t *testing.T) {
	root := given[State](t, created, attached(5), attached(6), attached(7)).state
	left := root.Evolve(attached(8))
	root.Evolve(attached(9))
	if diff := cmp.Diff([]int64{5, 6, 7, 8}, left.Channels); diff != "" {
		t.Error(diff)
	}
}

var (
	issue  = IssueKey{ID: "k1", Merchant: 1, Mode: domain.ModeTest, Label: "till", Scopes: []string{domain.ScopeRead}, At: t0}
	issued = KeyIssued{ID: "k1", Merchant: 1, Mode: domain.ModeTest, Label: "till", Scopes: []string{domain.ScopeRead}, At: t0}
)

func TestKeyIsIssuedOnce(t *testing.T) {
	given[KeyState](t).when(issue).then(issued).when(issue).thenError(domain.CodeConflict)
}

func TestKeyHasAModeAndKnownScopes(t *testing.T) {
	for name, change := range map[string]func(*IssueKey){
		"no mode":       func(c *IssueKey) { c.Mode = "" },
		"another mode":  func(c *IssueKey) { c.Mode = "production" },
		"another scope": func(c *IssueKey) { c.Scopes = []string{domain.ScopeRead, "admin"} },
		"both persons":  func(c *IssueKey) { c.Scopes = []string{domain.ScopeApprove, domain.ScopeWrite} },
	} {
		t.Run(name, func(t *testing.T) {
			c := issue
			change(&c)
			given[KeyState](t).when(c).thenError(domain.CodeInvalid)
		})
	}
}

func TestRevokedKeyStaysRevoked(t *testing.T) {
	revoked := KeyRevoked{ID: "k1", Merchant: 1, At: t0}
	s := given[KeyState](t, issued).when(RevokeKey{ID: "k1", At: t0}).then(revoked).
		when(RevokeKey{ID: "k1", At: t0}).thenNothing()
	if !s.state.Revoked {
		t.Error("is not revoked")
	}
	s.when(issue).thenError(domain.CodeConflict)
}

func TestUnknownKeyIsNotRevoked(t *testing.T) {
	given[KeyState](t).when(RevokeKey{ID: "k1"}).thenError(domain.CodeNotFound)
}

func TestKeysSayTheirModeAndAreKnownByTheirHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var random [keySecretChars]byte
		copy(random[:], rapid.SliceOfN(rapid.Byte(), keySecretChars, keySecretChars).Draw(t, "random"))
		live, test := NewKey(domain.ModeLive, random), NewKey(domain.ModeTest, random)
		if !strings.HasPrefix(live, LivePrefix) || !strings.HasPrefix(test, TestPrefix) {
			t.Fatalf("%q and %q", live, test)
		}
		liveID, ok := KeyIDOf(live)
		testID, ok2 := KeyIDOf(test)
		if !ok || !ok2 || liveID == testID || len(liveID) != 32 || strings.Contains(live, liveID) {
			t.Fatalf("ids %q and %q", liveID, testID)
		}
	})
}

func TestWhatCannotBeAKeyHasNoID(t *testing.T) {
	key := NewKey(domain.ModeLive, [keySecretChars]byte{})
	for _, s := range []string{
		"", "kp_live_", key + "0", key[:len(key)-1], strings.Replace(key, "live", "prod", 1), key[:len(key)-1] + "-", " " + key, key[:len(key)-2] + "é",
		"KP_LIVE_" + key[8:], key[:len(key)-1] + "\x00",
	} {
		if id, ok := KeyIDOf(s); ok || id != "" {
			t.Errorf("KeyIDOf(%q) = %q", s, id)
		}
	}
}

func TestStreamsOfMerchantsAndKeys(t *testing.T) {
	if got := Stream(12) + " " + KeyStream("ab") + " " + created.SubjectName(); got != "merchant-12 apikey-ab merchant-1" {
		t.Error(got)
	}
}
