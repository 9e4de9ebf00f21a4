package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/fee"
)

func TestFeesAreSaidInWords(t *testing.T) {
	got := strings.Join(feeLines(channelFees{
		ChannelID: 3, Funds: "pool", Currency: "KES", Version: 2,
		feeRules: feeRules{
			Provider: fee.Rule{Parts: 5500, Fixed: 1_000_00, Max: 20000, TaxParts: 160_000},
			Own:      fee.Rule{Tiers: []fee.Tier{{UpTo: 100000, Fixed: 500}, {UpTo: 200000}, {Parts: 10000}}, Min: 100},
		},
	}), "\n")
	want := `Payments through channel 3, the operator's account:
  The provider takes    0.55 % and KES 1,000.00
                        at most KES 200.00
                        and 16 % tax on that
  The operator charges  KES 5.00 of payments up to KES 1,000.00
                        nothing of payments up to KES 2,000.00
                        1 % of larger ones
                        at least KES 1.00`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if lines := feeLines(channelFees{ChannelID: 1, Funds: "merchant", Currency: "KES"}); lines[1] != "  The provider takes    nothing that is known beforehand" || lines[2] != "  The operator charges  nothing" {
		t.Errorf("%q", lines)
	}
}
