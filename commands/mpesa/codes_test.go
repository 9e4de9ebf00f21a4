package mpesa

import (
	"regexp"
	"strings"
	"testing"
)

func TestDescribeResult(t *testing.T) {
	for code, want := range map[string]struct {
		failure string
		class   Class
	}{
		"0": {"", ClassSuccess}, "1": {"insufficient_funds", ClassFinal}, "2": {"amount_too_low", ClassFinal}, "3": {"amount_too_high", ClassFinal},
		"4": {"daily_limit_exceeded", ClassFinal}, "8": {"balance_limit_exceeded", ClassFinal}, "11": {"payer_account_inactive", ClassFinal},
		"17": {"rule_limited", ClassRetry}, "26": {"provider_busy", ClassRetry}, "1001": {"payer_busy", ClassRetry}, "1019": {"expired", ClassRetry},
		"1025": {"prompt_failed", ClassRetry}, "1032": {"cancelled_by_user", ClassFinal}, "1037": {"unreachable", ClassAmbiguous},
		"1101": {"invalid_request", ClassFinal}, "2001": {"wrong_pin", ClassFinal}, "2028": {"not_permitted", ClassFinal}, "4999": {"", ClassPending},
		"8006": {"payer_account_locked", ClassFinal}, "9999": {"prompt_failed", ClassRetry}, "SFC_IC0003": {"operator_not_found", ClassFinal},
	} {
		got, known := DescribeResult(code)
		if !known || got.FailureCode != want.failure || got.Class != want.class {
			t.Errorf("%s: %+v, known %v", code, got, known)
		}
	}
	if len(resultOutcomes) != 21 {
		t.Errorf("%d codes in the table", len(resultOutcomes))
	}
}

func TestAnUnknownResultIsNeitherSuccessNorFailure(t *testing.T) {
	for _, code := range []string{"", "00", "0.0", "-0", "+0", "5", "10320", "sfc_ic0003", "O", "null", "true"} {
		if got, known := DescribeResult(code); known || got.Class != ClassPending || got.FailureCode != "" || got.Reason == "" {
			t.Errorf("%q: %+v, known %v", code, got, known)
		}
	}
}

func TestEveryReasonIsAStableWordAndASentence(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	check := func(name, code, sentence string) {
		if !word.MatchString(code) || !strings.HasSuffix(sentence, ".") || sentence[0] < 'A' || sentence[0] > 'Z' {
			t.Errorf("%s: %q, %q", name, code, sentence)
		}
	}
	for code, o := range resultOutcomes {
		if o.Class == ClassSuccess || o.Class == ClassPending {
			if o.FailureCode != "" {
				t.Errorf("%s has a failure code", code)
			}
			continue
		}
		check(code, o.FailureCode, o.Reason)
	}
	for _, r := range errorRules {
		check(r.code+r.contains, r.failure, r.reason)
		if r.token && (r.kind != Rejected || !r.retry) || r.retry && r.kind != Rejected {
			t.Errorf("%+v", r)
		}
	}
	code, sentence := (&Error{}).Reason()
	check("zero", code, sentence)
}

func TestWordsOfKindsClassesAndStates(t *testing.T) {
	for got, want := range map[string]string{
		Unknown.String(): "unknown", Rejected.String(): "rejected", NotSent.String(): "not_sent", Kind(9).String(): "unknown",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if ClassSuccess.String() != "success" || ClassFinal.String() != "final" || ClassRetry.String() != "retry" ||
		ClassAmbiguous.String() != "ambiguous" || ClassPending.String() != "pending" || Class(9).String() != "pending" {
		t.Error("classes")
	}
	if Pending.String() != "pending" || Succeeded.String() != "succeeded" || Failed.String() != "failed" || State(9).String() != "pending" {
		t.Error("states")
	}
}
