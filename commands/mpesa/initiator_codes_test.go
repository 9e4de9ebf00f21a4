package mpesa

import (
	"regexp"
	"strings"
	"testing"
)

func TestDescribeInitiatorResult(t *testing.T) {
	type meaning struct {
		failure string
		class   Class
	}
	common := map[string]meaning{
		"0": {"", ClassSuccess}, "11": {"shortcode_inactive", ClassFinal}, "18": {"initiator_invalid", ClassFinal}, "20": {"initiator_invalid", ClassFinal},
		"21": {"initiator_not_permitted", ClassFinal}, "22": {"initiator_not_permitted", ClassFinal}, "24": {"invalid_request", ClassFinal},
		"25": {"invalid_request", ClassFinal}, "26": {"provider_busy", ClassRetry}, "29": {"invalid_request", ClassFinal}, "2001": {"initiator_invalid", ClassFinal},
		"2006": {"shortcode_inactive", ClassFinal}, "2028": {"not_permitted", ClassFinal}, "8006": {"initiator_locked", ClassFinal},
		"100000000": {"", ClassPending}, "100000001": {"provider_busy", ClassRetry}, "100000002": {"provider_busy", ClassRetry}, "100000004": {"", ClassPending},
		"100000005": {"invalid_request", ClassFinal}, "100000007": {"", ClassPending}, "100000009": {"", ClassPending},
		"100000010": {"initiator_not_permitted", ClassFinal}, "100000011": {"provider_busy", ClassRetry},
	}
	own := map[InitiatorAPI]map[string]meaning{
		ReversalAPI: {
			"1": {"insufficient_funds", ClassFinal}, "R000001": {"already_reversed", ClassFinal}, "R000002": {"receipt_not_found", ClassFinal},
			"15": {"", ClassPending}, "17": {"", ClassPending},
		},
		B2CAPI: {
			"1": {"insufficient_funds", ClassFinal}, "2": {"amount_too_low", ClassFinal}, "3": {"amount_too_high", ClassFinal}, "4": {"daily_limit_exceeded", ClassFinal},
			"8": {"balance_limit_exceeded", ClassFinal}, "2040": {"recipient_not_registered", ClassFinal}, "SFC_IC0003": {"recipient_not_found", ClassFinal},
			"15": {"", ClassPending}, "17": {"", ClassPending},
		},
		TransactionStatusAPI: {"R000002": {"", ClassPending}, "SFC_IC0003": {"", ClassPending}, "15": {"", ClassPending}, "17": {"", ClassPending}},
		AccountBalanceAPI:    {"15": {"duplicate_request", ClassRetry}, "17": {"provider_error", ClassRetry}},
	}
	for api, codes := range own {
		for code, want := range common {
			codes[code] = want
		}
		for code, want := range codes {
			if got, known := DescribeInitiatorResult(api, " "+code); !known || got.FailureCode != want.failure || got.Class != want.class {
				t.Errorf("%s %s: %+v, known %v", api, code, got, known)
			}
		}
	}
	if len(initiatorOutcomes) != len(common)+2 || len(reversalOutcomes) != 4 || len(b2cOutcomes) != 8 || len(statusOutcomes) != 3 || len(balanceOutcomes) != 3 {
		t.Error("there are codes in the tables that this test does not hold")
	}
}

func TestAnUnknownResultOfAnInitiatorIsNeverFinal(t *testing.T) {
	for _, api := range []InitiatorAPI{ReversalAPI, B2CAPI, TransactionStatusAPI, AccountBalanceAPI, "another"} {
		for _, code := range []string{"", "00", "-0", "r000001", "R000003", "1032", "4999", "9999", "31337", "null"} {
			if got, known := DescribeInitiatorResult(api, code); known || got.Class != ClassPending || got.FailureCode != "" || got.Reason == "" {
				t.Errorf("%s %q: %+v, known %v", api, code, got, known)
			}
		}
	}
}

func TestEveryReasonOfAnInitiatorsResultIsAStableWordAndASentence(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)*$`)
	for _, table := range []map[string]Outcome{initiatorOutcomes, reversalOutcomes, b2cOutcomes, statusOutcomes, balanceOutcomes} {
		for code, o := range table {
			if !strings.HasSuffix(o.Reason, ".") || o.Reason[0] < 'A' || o.Reason[0] > 'Z' {
				t.Errorf("%s: %q", code, o.Reason)
			}
			if open := o.Class == ClassSuccess || o.Class == ClassPending; open != (o.FailureCode == "") || !open && !word.MatchString(o.FailureCode) {
				t.Errorf("%s: %+v", code, o)
			}
		}
	}
	for _, r := range append(movingRules(), askingRules()...) {
		if r.code == "" || r.failure == "" || r.kind == Rejected && !strings.HasSuffix(r.reason, ".") || r.retry && r.kind != Rejected {
			t.Errorf("%+v", r)
		}
	}
}
