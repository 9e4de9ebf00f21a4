package payout

import "testing"

func TestWhatAStatementSaysThatAPayoutCostIsBookedOnce(t *testing.T) {
	said := func(digest string, shillings int64) ReportCharge {
		return ReportCharge{Door: DoorStatement, Raw: "line 9", Digest: digest, Charge: kes(shillings), At: at(60)}
	}
	sent := given(t).when(toPhone(1000)).when(Send{At: at(1)})
	sent.when(said("a", 22)).then() // it may not have been paid
	s := sent.when(Weigh{Door: DoorResult, Done: true, Receipt: "R", PaidAt: at(2), At: at(2)}).
		when(said("a", 22)).then("PayoutNoticeReceived", "PayoutChargeReported").
		when(said("b", 23)).then()
	if got := s.state.Cost(); got != kes(1022) {
		t.Errorf("it costs %s", got)
	}
	// A transfer that a person made is charged, too.
	given(t).when(toBank(1000)).when(Record{By: "key:b", BankReference: "FT1", ValueDate: at(3), Zone: t0.Location(), At: at(3)}).
		when(said("a", 30)).then("PayoutNoticeReceived", "PayoutChargeReported")
}
