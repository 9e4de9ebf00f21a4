package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The APIs that a scenario bears on.
const (
	ForSTK  = "stk"
	ForC2B  = "c2b"
	ForBoth = "stk+c2b"
)

// Scenario is an outcome that a phone number selects, or POST /__sim/next by name.
type Scenario struct {
	Name        string `json:"name"`
	MSISDN      string `json:"msisdn,omitempty"` // empty: by name only
	API         string `json:"api"`
	Description string `json:"description"`

	plan plan
}

// Scenarios is the table of magic numbers. Any number that is not in it pays after about 2 s. The blocks:
// 25470000CCCC ends with ResultCode CCCC; 25470001CCCC the same without a callback; 25470002xxxx odd callbacks;
// 25470003xxxx lost or broken answers to the submit; 25470004xxxx refused submits; 25470005xxxx odd queries;
// 25470006xxxx C2B; 254700077777 a person decides; 254708374149 is Safaricom's own test number.
func Scenarios() []Scenario {
	return slices.Concat(resultScenarios(), quietScenarios(), callbackScenarios(), submitScenarios(),
		refusalScenarios(), queryScenarios(), c2bScenarios(), []Scenario{
			{"manual", "254700077777", ForSTK, "a person decides on the page at / (no decision within 3 minutes: 1037)", plan{
				manual: true, query: []phase{{0, sayPending, Result{}}}, confirm: confirmations{offset: confirmOffset},
			}},
		})
}

func resultScenarios() []Scenario {
	list := []Scenario{
		{"public-test-number", SandboxMSISDN, ForSTK, "Safaricom's own test number: never answers, 1037 after 26 s (the query says so from 14 s)", noAnswer()},
	}
	for _, r := range Results() {
		s := Scenario{
			Name: "result-" + r.Code, MSISDN: "25470000" + strings.Repeat("0", max(0, 4-len(r.Code))) + r.Code, API: ForSTK,
			Description: "ResultCode " + r.Code + ": " + r.Meaning, plan: ends(r.Code, failedAfter),
		}
		switch r.Code {
		case "0":
			s.Name, s.plan = "success", paid()
			s.Description = "success after 2 s (as any unlisted number), then the C2B confirmation when URLs are registered"
		case "1032":
			// Seen in the field: until a cancel is known the query has neither 4999 nor a text.
			s.plan.query[0].say = sayNothing
		case "1037":
			s.plan = noAnswer()
		case "SFC_IC0003":
			s.Name, s.MSISDN = "result-sfc-ic0003", "254700100003"
		}
		list = append(list, s)
	}
	return list
}

func quietScenarios() []Scenario {
	return []Scenario{
		{"silent-success", "254700010000", ForSTK, "paid after 2 s, no callback: only the query tells", paid().quiet()},
		{"silent-cancel", "254700011032", ForSTK, "cancelled (1032) after 3 s, no callback: only the query tells", ends("1032", failedAfter).quiet()},
		{"silent-timeout", "254700011037", ForSTK, "1037 after 14 s, no callback: only the query tells", noAnswer().quiet()},
		{"never", "254700014999", ForSTK, "no callback, and the query says 4999 for ever", plan{query: []phase{{0, sayPending, Result{}}}}},
	}
}

func callbackScenarios() []Scenario {
	ok, cancelled, timeout := resultOf("0"), resultOf("1032"), resultOf("1037")
	with := func(p plan, sends ...send) plan {
		p.sends = sends
		return p
	}
	call := func(after time.Duration, r Result) send { return send{after: after, kind: STKCallback, result: r} }
	odd := call(paidAfter, ok)
	odd.oddTypes = true
	wrong := call(paidAfter, ok)
	wrong.wrongAmount = true
	other := call(paidAfter+copyGap, ok)
	other.newReceipt = true
	again := call(paidAfter, ok)
	again.retries = 3
	early, earlyCancel := call(0, ok), call(0, cancelled)
	early.beforeReply, earlyCancel.beforeReply = true, true

	late := noAnswer()
	late.query = append(late.query, phase{lateSuccess, sayResult, ok})
	lateQuiet := with(late, call(lateSuccess, ok))
	late = with(late, call(unreachable, timeout), call(lateSuccess, ok))

	return []Scenario{
		{"late-success", "254700020001", ForSTK, "1037 called back at 26 s, then paid after all: success called back at 5 min", late},
		{"late-success-quiet", "254700020002", ForSTK, "the query says 1037 from 14 s, no callback until success at 5 min", lateQuiet},
		{"duplicated", "254700020003", ForSTK, "the success callback comes three times", with(paid(), call(paidAfter, ok), call(paidAfter+copyGap, ok), call(paidAfter+2*copyGap, ok))},
		{"failure-then-success", "254700020004", ForSTK, "a callback with 1032, then one with success; the money moved", with(paid(), call(paidAfter, cancelled), call(paidAfter+copyGap, ok))},
		{"success-then-failure", "254700020005", ForSTK, "a callback with success, then one with 1032; the money moved", with(paid(), call(paidAfter, ok), call(paidAfter+copyGap, cancelled))},
		{"before-response", "254700020006", ForSTK, "success is called back before the submit is answered", with(ends("0", 0), early)},
		{"cancel-before-response", "254700020007", ForSTK, "1032 is called back before the submit is answered", with(ends("1032", 0), earlyCancel)},
		{"junk-then-success", "254700020008", ForSTK, "a callback that is no JSON, then the right one", with(paid(), send{after: paidAfter, kind: JunkCallback}, call(paidAfter+copyGap, ok))},
		{"wrong-amount", "254700020009", ForSTK, "the success callback carries one shilling more than was asked", with(paid(), wrong)},
		{"two-receipts", "254700020010", ForSTK, "two success callbacks with different receipts", with(paid(), call(paidAfter, ok), other)},
		{"forged", "254700020011", ForSTK, "a success callback with a CheckoutRequestID that never was, then the truth: 1032", with(ends("1032", failedAfter), send{after: paidAfter, kind: ForgedCallback, result: ok}, call(failedAfter, cancelled))},
		{"odd-types", "254700020012", ForSTK, "success with ResultCode as a string, a masked phone, no Balance item, items in another order", with(paid(), odd)},
		{"redelivered", "254700020013", ForSTK, "the success callback is sent again, up to three times, until it gets a 200", with(paid(), again)},
	}
}

func submitScenarios() []Scenario {
	return []Scenario{
		{"response-lost-success", "254700030001", ForSTK, "the submit's connection is closed; the prompt runs and is paid", paid().answering(replyDrop)},
		{"response-lost-nothing", "254700030002", ForSTK, "the submit's connection is closed and nothing ever happens", nothing(replyDrop)},
		{"html-500", "254700030003", ForSTK, "HTTP 500 with an HTML page; nothing happens", nothing(replyHTML)},
		{"empty-500", "254700030004", ForSTK, "HTTP 500 without a body; nothing happens", nothing(replyEmpty)},
		{"slow-response", "254700030005", ForSTK, "the submit is answered after 35 s; the prompt is paid after 2 s", paid().answering(replySlow)},
		{"html-500-success", "254700030006", ForSTK, "HTTP 500 with an HTML page, yet the prompt runs and is paid", paid().answering(replyHTML)},
		{"cut-response-success", "254700030007", ForSTK, "HTTP 200 with half of the JSON; the prompt runs and is paid", paid().answering(replyCut)},
		{"response-lost-cancel", "254700030009", ForSTK, "the submit's connection is closed; the prompt is cancelled (1032)", ends("1032", failedAfter).answering(replyDrop)},
		{"response-lost-silent-success", "254700030010", ForSTK, "the submit's connection is closed, the prompt is paid, no callback: only the C2B confirmation tells (when URLs are registered)", paid().quiet().answering(replyDrop)},
	}
}

func refusalScenarios() []Scenario {
	list := []Scenario{}
	for i, c := range []struct {
		name    string
		refusal refusal
	}{
		{"refused-phone", badField("PhoneNumber")},
		{"refused-merchant", errMerchant},
		{"refused-password", errPassword},
		{"refused-locked", errLocked},
		{"refused-maintenance", errMaintain},
		{"refused-busy", errBusy},
		{"refused-spike", errSpikeArrest},
		{"refused-quota", errQuota},
		{"refused-internal", errInternal},
		{"refused-payload", errPayload},
		{"refused-header", errNoBearer},
		{"refused-path", errResource},
		{"refused-verb", errVerb},
	} {
		list = append(list, Scenario{
			c.name, fmt.Sprintf("2547000400%02d", i+1), ForSTK,
			fmt.Sprintf("HTTP %d, %s %s", c.refusal.status, c.refusal.code, c.refusal.message), refused(c.refusal),
		})
	}
	return append(list,
		Scenario{"refused-product", "254700040014", ForSTK, "the API gateway's refusal, without an errorCode: no apiproduct match found", plan{reply: reply{kind: replyNoProduct}}},
		Scenario{"refused-token", "254700040015", ForSTK, "HTTP 404, 404.001.03 Invalid Access Token, whatever the token", refused(errTokenSTK)},
		Scenario{"token-expired-once", "254700040016", ForSTK, "404.001.03 and the token is revoked; with a new one it works", paid().answering(replyTokenOnce)},
		Scenario{"not-zero", "254700040017", ForSTK, "HTTP 200 with ResponseCode 1: not accepted", plan{reply: reply{kind: replyNotZero}}},
	)
}

func queryScenarios() []Scenario {
	flapping := paid().quiet()
	flapping.flap = true
	processing := ends("0", 20*time.Second).quiet()
	processing.query[0].say = sayProcessing
	revoked := paid().quiet()
	revoked.revoke = true
	broken := ends("0", 20*time.Second)
	broken.garbled = true
	return []Scenario{
		{"query-flapping", "254700050001", ForSTK, "paid, no callback; every other query answers 500.001.1001, the first included", flapping},
		{"query-processing", "254700050002", ForSTK, "no callback; the query says 500.001.1001 'being processed' for 20 s, then paid", processing},
		{"query-token-expired-once", "254700050003", ForSTK, "paid, no callback; the first query finds its token rejected and revoked", revoked},
		{"query-broken", "254700050004", ForSTK, "every query answers HTTP 500 with HTML; success is called back at 20 s", broken},
	}
}

func c2bScenarios() []Scenario {
	with := func(c confirmations) plan {
		p := paid()
		p.confirm = c
		if c.only {
			p.sends = nil
		}
		return p
	}
	return []Scenario{
		{"confirmation-first", "254700060001", ForSTK, "the C2B confirmation comes before the STK callback", with(confirmations{offset: -confirmOffset})},
		{"confirmation-last", "254700060002", ForBoth, "the C2B confirmation comes 60 s late", with(confirmations{offset: time.Minute})},
		{"confirmation-only", "254700060003", ForSTK, "paid; the C2B confirmation comes, the STK callback never", with(confirmations{offset: confirmOffset, only: true})},
		{"confirmation-tripled", "254700060004", ForBoth, "the C2B confirmation comes three times", with(confirmations{offset: confirmOffset, copies: 3})},
		{"confirmation-never", "254700060005", ForBoth, "paid, but no C2B notification (as the sandbox often does)", with(confirmations{never: true})},
		{"confirmation-bare", "254700060006", ForBoth, "an organisation pays: no name keys, MSISDN empty", with(confirmations{offset: confirmOffset, bare: true})},
		{"validation-lost", "254700060007", ForC2B, "the answer to the validation call is lost: ResponseType decides", with(confirmations{offset: confirmOffset, loseValidation: true})},
	}
}
