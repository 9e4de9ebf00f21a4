package channel

import (
	"testing"

	"github.com/benfex/kipay/domain"
)

func TestAChannelIsPulledUnderTheNumberInItsPapers(t *testing.T) {
	const number = "254722000000"
	on := PullingSet{Channel: 3, On: true, NominatedNumber: number, At: t0}
	off := PullingSet{Channel: 3, NominatedNumber: number, At: t0}
	s := given[State](t, Created{ID: 3, Provider: Mpesa, At: t0}).
		when(SetPulling{On: true, NominatedNumber: number, At: t0}).then(on).
		when(SetPulling{On: true, At: t0}).thenNothing().
		when(SetPulling{At: t0}).then(off).
		when(SetPulling{On: true, At: t0}).then(on)
	if !s.state.Pulls || s.state.NominatedNumber != number {
		t.Errorf("%+v", s.state.NominatedNumber)
	}
	given[State](t, Created{ID: 3, Provider: Mpesa, At: t0}).when(SetPulling{On: true, At: t0}).thenError(domain.CodeInvalid)
	given[State](t, Created{ID: 4, Provider: Paystack, At: t0}).when(SetPulling{On: true, NominatedNumber: number, At: t0}).thenError(domain.CodeConflict)
	given[State](t).when(SetPulling{At: t0}).thenError(domain.CodeNotFound)
}
