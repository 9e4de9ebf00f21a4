package receipt

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

func suspended() SuspenseOpened {
	return SuspenseOpened{
		Provider: "mpesa", Number: "R1", Merchant: 1, Mode: domain.ModeLive, Channel: 3, Amount: money.Of(50_00, money.KES), PaidAt: t0,
		Import: 9, Line: 12, Subject: "statement-9", At: t0.Add(time.Hour),
	}
}

func TestMoneyThatNobodyIsCreditedWithStandsInSuspenseOnce(t *testing.T) {
	given[State](t).when(OpenSuspense{suspended()}).then(suspended()).when(OpenSuspense{suspended()}).thenNothing()
	given[State](t).when(claim("A", true)).when(OpenSuspense{suspended()}).thenNothing()
	given[State](t).when(Confirm{confirmation("d", "ALONE")}).when(OpenSuspense{suspended()}).thenNothing()
}

func TestWhoClaimsTheReceiptTakesTheMoneyOutOfSuspense(t *testing.T) {
	c := claim("A", true)
	out := suspended().released(ReleaseCredited, "A", c.At)
	given[State](t).when(OpenSuspense{suspended()}).when(c).then(claimed("A"), out).when(c).thenNothing().
		when(ReleaseSuspense{How: ReleaseReturned, At: t0}).thenError(domain.CodeConflict)
}

func TestMoneyThatWasWrittenOffComesBackWhenItIsClaimed(t *testing.T) {
	gone := suspended().released(ReleaseWrittenOff, "", t0)
	back := gone
	back.How, back.Was, back.Transaction, back.At = ReleaseCredited, ReleaseWrittenOff, "A", claim("A", true).At
	given[State](t).when(OpenSuspense{suspended()}).
		when(ReleaseSuspense{How: ReleaseWrittenOff, At: t0}).then(gone).
		when(ReleaseSuspense{How: ReleaseWrittenOff, At: t0}).thenNothing().
		when(OpenSuspense{suspended()}).thenNothing().
		when(claim("A", true)).then(claimed("A"), back).
		when(ReleaseSuspense{How: ReleaseWrittenOff, At: t0}).thenNothing()
	given[State](t).when(ReleaseSuspense{How: ReleaseReturned, At: t0}).thenError(domain.CodeNotFound)
}

func TestMoneyThatWentBackIsNobodys(t *testing.T) {
	s := given[State](t).when(OpenSuspense{suspended()}).
		when(ReleaseSuspense{How: ReleaseReturned, At: t0}).then(suspended().released(ReleaseReturned, "", t0)).
		when(claim("A", true)).thenNothing().
		when(claim("B", false)).thenNothing()
	if !s.state.WentBack() || s.state.Owner != "" || s.state.Noted == nil {
		t.Errorf("%+v", s.state)
	}
}

func TestWhatLeftSuspenseByMistakeStandsThereAgain(t *testing.T) {
	restored := func(was Release) SuspenseRestored {
		o := suspended()
		return SuspenseRestored{Provider: o.Provider, Number: o.Number, Merchant: o.Merchant, Mode: o.Mode, Channel: o.Channel, Amount: o.Amount, Was: was, At: t0.Add(time.Hour)}
	}
	for _, how := range []Release{ReleaseReturned, ReleaseWrittenOff} {
		back := RestoreSuspense{How: how, At: t0.Add(time.Hour)}
		s := given[State](t).when(OpenSuspense{suspended()}).when(back).thenNothing().
			when(ReleaseSuspense{How: how, At: t0}).then(suspended().released(how, "", t0)).
			when(back).then(restored(how)).
			when(back).thenNothing()
		if s.state.Suspense == nil || s.state.WentBack() || len(s.state.Restored) != 1 || s.state.Restored[0] != (Restoration{how, t0, t0.Add(time.Hour)}) {
			t.Errorf("%s: %+v", how, s.state)
		}
		c := claim("A", true)
		s.when(c).then(claimed("A"), suspended().released(ReleaseCredited, "A", c.At)).when(back).thenError(domain.CodeConflict)
	}
	given[State](t).when(OpenSuspense{suspended()}).when(ReleaseSuspense{How: ReleaseReturned, At: t0}).
		when(RestoreSuspense{How: ReleaseWrittenOff, At: t0}).thenError(domain.CodeConflict)
	given[State](t).when(RestoreSuspense{How: ReleaseReturned, At: t0}).thenError(domain.CodeNotFound)
}
