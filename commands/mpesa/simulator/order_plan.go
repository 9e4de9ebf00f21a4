package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// orderPlan is the script of one order of an initiator: how it is answered, what becomes of it, and what is posted. Delays
// are the provider's, from the moment the order was taken.
type orderPlan struct {
	reply  reply
	code   string // what the result is; empty: what the book has it
	undone bool   // taken, and never carried out
	after  time.Duration
	sends  []orderSend
}

// orderSend is one thing that Daraja posts for an order.
type orderSend struct {
	after       time.Duration
	kind        DeliveryKind
	code        string // a result that claims another code than the truth; empty: the truth
	shape       int    // of a timeout notice, whose shape nobody documents: enveloped, flat
	beforeReply bool   // posted, and answered, before the submit call is
	wrongAmount bool   // one shilling more than what was moved
	oddTypes    bool   // texts for numbers, a single parameter, a list of references
}

// The shapes of a timeout notice.
const (
	enveloped = iota
	flat
)

const (
	orderAfter     = 2 * time.Second  // when an order is carried out, and its result posted
	timeoutAfter   = 5 * time.Second  // when a request has waited too long in Daraja's queue
	resultLate     = 10 * time.Minute // a result that nobody waits for any more
	resultTooEarly = 0
)

// carriedOut is an order that is done, and whose result comes.
func carriedOut(code string, after time.Duration) orderPlan {
	return orderPlan{code: code, after: after, sends: []orderSend{{after: after, kind: ResultCallback}}}
}

func (p orderPlan) silent() orderPlan {
	p.sends = nil
	return p
}

func (p orderPlan) answering(k replyKind) orderPlan {
	p.reply.kind = k
	return p
}

func (p orderPlan) posting(sends ...orderSend) orderPlan {
	p.sends = sends
	return p
}

func (p orderPlan) never() orderPlan {
	p.undone = true
	return p.silent()
}

// InitiatorScenario is what becomes of a reversal or a payout, selected by a phone number: that of whoever is paid, or of
// whoever made the payment that is reversed; or by name in POST /__sim/next.
type InitiatorScenario struct {
	Name        string `json:"name"`
	MSISDN      string `json:"msisdn"`
	Description string `json:"description"`

	plan orderPlan
}

// InitiatorScenarios is the table of magic numbers of reversals and payouts. They pay a push or from the menu as any
// number does. A number that is not in it is paid, and paid back, after about 2 s. 25470008CCCC ends with ResultCode
// CCCC; 25470009xxxx are lost answers, results that never come, come twice, early or late, timeouts, and refusals.
// Transaction status and account balance follow no number, only scripts.
func InitiatorScenarios() []InitiatorScenario {
	return slices.Concat(orderCodeScenarios(), orderSubmitScenarios(), orderResultScenarios(), orderTimeoutScenarios(), orderRefusalScenarios())
}

func orderCodeScenarios() []InitiatorScenario {
	var list []InitiatorScenario
	for _, r := range InitiatorResults() {
		number := strings.Repeat("0", max(0, 4-len(r.Code))) + r.Code
		switch r.Code {
		case "0":
			continue // any other number
		case "R000001":
			number = "1001"
		case "R000002":
			number = "1002"
		case "SFC_IC0003":
			number = "1003"
		}
		if len(number) > 4 {
			continue // by script only
		}
		list = append(list, InitiatorScenario{
			"order-" + strings.ToLower(strings.ReplaceAll(r.Code, "_", "-")), "25470008" + number, "ResultCode " + r.Code + ": " + r.Meaning, carriedOut(r.Code, orderAfter),
		})
	}
	return list
}

func orderSubmitScenarios() []InitiatorScenario {
	ok := carriedOut("", orderAfter)
	lost := func(k replyKind) orderPlan { return orderPlan{reply: reply{kind: k, dead: true}} }
	return []InitiatorScenario{
		{"order-lost-done", "254700090001", "the connection is closed; it is carried out and its result comes", ok.answering(replyDrop)},
		{"order-lost-nothing", "254700090002", "the connection is closed and nothing ever happens", lost(replyDrop)},
		{"order-html-500-done", "254700090003", "HTTP 500 with an HTML page; it is carried out and its result comes", ok.answering(replyHTML)},
		{"order-html-500", "254700090004", "HTTP 500 with an HTML page; nothing happens", lost(replyHTML)},
		{"order-empty-500", "254700090005", "HTTP 500 without a body; nothing happens", lost(replyEmpty)},
		{"order-cut-done", "254700090006", "HTTP 200 with half of the JSON; it is carried out and its result comes", ok.answering(replyCut)},
		{"order-slow", "254700090007", "answered after 35 s; it is carried out after 2 s and its result comes", ok.answering(replySlow)},
		{"order-lost-silent", "254700090008", "the connection is closed; it is carried out, no result: only a status query, the pull and the statement tell", ok.silent().answering(replyDrop)},
		{"order-lost-failed", "254700090009", "the connection is closed; it fails with 1 and its result comes", carriedOut("1", orderAfter).answering(replyDrop)},
	}
}

func orderResultScenarios() []InitiatorScenario {
	ok := carriedOut("", orderAfter)
	result := func(after time.Duration) orderSend { return orderSend{after: after, kind: ResultCallback} }
	claim := func(code string) orderSend { return orderSend{after: orderAfter, kind: ResultCallback, code: code} }
	early, odd, wrong := result(resultTooEarly), result(orderAfter), result(orderAfter)
	early.beforeReply, odd.oddTypes, wrong.wrongAmount = true, true, true
	junk := orderSend{after: orderAfter, kind: JunkCallback}
	forged := orderSend{after: orderAfter, kind: ForgedCallback}
	return []InitiatorScenario{
		{"order-silent", "254700090010", "carried out, but its result never comes: only a status query, the pull and the statement tell", ok.silent()},
		{"order-never", "254700090011", "taken, never carried out, and no result ever", ok.never()},
		{"order-duplicated", "254700090012", "the result comes three times", ok.posting(result(orderAfter), result(orderAfter+copyGap), result(orderAfter+2*copyGap))},
		{"order-before-response", "254700090013", "the result comes before the submit is answered", carriedOut("", 0).posting(early)},
		{"order-late", "254700090014", "carried out after 2 s; the result comes after 10 minutes", ok.posting(result(resultLate))},
		{"order-junk", "254700090015", "a result that is no JSON, then the right one", ok.posting(junk, result(orderAfter+copyGap))},
		{"order-odd-types", "254700090016", "the result has texts for numbers, a single parameter and a list of references", ok.posting(odd)},
		{"order-failure-then-success", "254700090017", "a result with code 1, then one with success; the money moved", ok.posting(claim("1"), result(orderAfter+copyGap))},
		{"order-forged", "254700090018", "a success with ids that never were, then the truth: 1", carriedOut("1", orderAfter).posting(forged, result(orderAfter+copyGap))},
		{"order-wrong-amount", "254700090019", "the result carries one shilling more than was moved", ok.posting(wrong)},
	}
}

func orderTimeoutScenarios() []InitiatorScenario {
	ok := carriedOut("", orderAfter)
	late := func(shape int) orderSend { return orderSend{after: timeoutAfter, kind: TimeoutCallback, shape: shape} }
	return []InitiatorScenario{
		{"order-timeout", "254700090020", "a notice to QueueTimeOutURL, and nothing was done", ok.never().posting(late(enveloped))},
		{"order-timeout-done", "254700090021", "a notice to QueueTimeOutURL, yet it was carried out; no result", ok.posting(late(enveloped))},
		{"order-timeout-then-result", "254700090022", "a notice to QueueTimeOutURL, then the result: it was carried out", ok.posting(late(enveloped), orderSend{after: 2 * timeoutAfter, kind: ResultCallback})},
		{"order-timeout-flat", "254700090023", "a notice without the Result envelope, and nothing was done", ok.never().posting(late(flat))},
		{"order-timeout-junk", "254700090024", "a notice that is no JSON, and nothing was done", ok.never().posting(orderSend{after: timeoutAfter, kind: JunkTimeout})},
	}
}

func orderRefusalScenarios() []InitiatorScenario {
	var list []InitiatorScenario
	for i, c := range []struct {
		name    string
		refusal refusal
	}{
		{"order-refused-maintenance", errMaintain},
		{"order-refused-busy", errBusy},
		{"order-refused-spike", errSpikeArrest},
		{"order-refused-quota", errQuota},
		{"order-refused-internal", errInternal},
		{"order-refused-duplicate", errDuplicate},
	} {
		list = append(list, InitiatorScenario{
			c.name, fmt.Sprintf("2547000900%02d", 30+i), fmt.Sprintf("HTTP %d, %s %s; nothing is done", c.refusal.status, c.refusal.code, c.refusal.message),
			orderPlan{reply: reply{kind: replyRefuse, refusal: c.refusal}},
		})
	}
	return append(list,
		InitiatorScenario{"order-refused-product", "254700090036", "the API gateway's refusal, without an errorCode: no apiproduct match found", orderPlan{reply: reply{kind: replyNoProduct}}},
		InitiatorScenario{"order-token-expired-once", "254700090037", "the token is refused, in the API's own spelling, and revoked; with a new one it works", carriedOut("", orderAfter).answering(replyTokenOnce)},
		InitiatorScenario{"order-not-zero", "254700090038", "HTTP 200 with ResponseCode 1: not accepted", orderPlan{reply: reply{kind: replyNotZero}}},
	)
}

// chooseOrder picks what becomes of an order: a script, a magic number, or what the book has. The caller holds mu.
func (s *Simulator) chooseOrder(api OrderAPI, msisdn string) (name string, p orderPlan, scripted bool) {
	for i := range s.scripted {
		n := &s.scripted[i]
		if n.API != api || n.MSISDN != "" && n.MSISDN != msisdn {
			continue
		}
		if n.Scenario != "" {
			name, p = n.Scenario, s.orderScenarios[n.Scenario].plan
		} else {
			after := orderAfter
			if n.AfterSeconds > 0 {
				after = time.Duration(n.AfterSeconds * float64(time.Second))
			}
			name, p = "scripted-"+n.ResultCode, carriedOut(n.ResultCode, after)
			if n.ResultCode == "0" {
				p.code = ""
			}
			if n.Silent {
				p = p.silent()
			}
		}
		if n.Times--; n.Times == 0 {
			s.scripted = append(s.scripted[:i], s.scripted[i+1:]...)
		}
		return name, p, true
	}
	if api == Reversal || api == B2C {
		if sc, magic := s.orderMagic[msisdn]; magic {
			return sc.Name, sc.plan, false
		}
	}
	return "", carriedOut("", orderAfter), false
}
