package simulator

import "time"

// plan is the script of one push: how the submit is answered, what the query says from when on, and what is posted.
// Delays are the provider's, from the moment the push was accepted.
type plan struct {
	reply   reply
	manual  bool // a person decides
	query   []phase
	flap    bool // every other query answers 500.001.1001
	garbled bool // every query answers HTTP 500 with HTML
	revoke  bool // the first query finds its token rejected
	sends   []send
	confirm confirmations
}

// replyKind is what the submit call gets back.
type replyKind int

const (
	replyAccept    replyKind = iota
	replyRefuse              // refusal, no prompt
	replyTokenOnce           // the token is rejected and revoked; the next call works
	replyNoProduct           // the gateway's own refusal, no prompt
	replyNotZero             // HTTP 200 with ResponseCode 1, no prompt
	replyDrop                // connection closed
	replyHTML                // HTTP 500 with HTML
	replyEmpty               // HTTP 500 without body
	replyCut                 // HTTP 200 with half of the JSON
	replySlow                // accepted, answered after 35 s
)

type reply struct {
	kind    replyKind
	refusal refusal
	dead    bool // nothing was started behind a lost answer
}

// saying is what a status query answers.
type saying int

const (
	sayPending    saying = iota // ResultCode 4999
	sayProcessing               // 500.001.1001 "The transaction is being processed"
	sayNothing                  // HTTP 200 with errorCode 500.001.1001 and an empty message (seen after a cancel)
	sayResult
)

// phase is what the query says from a moment on.
type phase struct {
	after  time.Duration
	say    saying
	result Result
}

// send is one thing that Daraja posts for a push.
type send struct {
	after       time.Duration
	kind        DeliveryKind
	result      Result
	beforeReply bool // posted, and answered, before the submit call is
	wrongAmount bool // the amount is one shilling more than asked
	newReceipt  bool // another receipt than the payment's
	oddTypes    bool // strings for numbers, a masked phone, no Balance item, other order
	retries     int  // sent again, 5 s later, while the answer is not 200
}

// retryPause is the gap before a callback is sent again. Whether Daraja does so at all is disputed.
const retryPause = 5 * time.Second

// confirmations says what C2B does with a payment.
type confirmations struct {
	never          bool
	copies         int           // 0 means 1
	offset         time.Duration // from the end of the prompt, or from the simulate call's acceptance
	bare           bool          // an organisation's payment: no MSISDN, no names
	loseValidation bool          // the answer to the validation call is lost
	only           bool          // no STK callback
}

const (
	paidAfter      = 2 * time.Second
	failedAfter    = 3 * time.Second
	unreachable    = 26 * time.Second // when 1037 is called back
	unreachableAsk = 14 * time.Second // when the query already says so
	copyGap        = 300 * time.Millisecond
	confirmOffset  = 500 * time.Millisecond
	confirmC2B     = time.Second
	lateSuccess    = 5 * time.Minute
	longestLock    = time.Minute
)

// ends is a prompt that ends with code and calls back.
func ends(code string, after time.Duration) plan {
	r := resultOf(code)
	return plan{
		query:   []phase{{0, sayPending, Result{}}, {after, sayResult, r}},
		sends:   []send{{after: after, kind: STKCallback, result: r}},
		confirm: confirmations{offset: confirmOffset},
	}
}

func paid() plan { return ends("0", paidAfter) }

// noAnswer is 1037 in the rhythm seen in the sandbox: the query knows at 14 s, the callback comes at 26 s.
func noAnswer() plan {
	p := ends("1037", unreachable)
	p.query[1].after = unreachableAsk
	return p
}

// quiet takes the callbacks away: only the query tells.
func (p plan) quiet() plan {
	p.sends = nil
	return p
}

func (p plan) answering(k replyKind) plan {
	p.reply.kind = k
	return p
}

// nothing is a submit whose answer is lost and that started no prompt.
func nothing(k replyKind) plan { return plan{reply: reply{kind: k, dead: true}} }

func refused(e refusal) plan { return plan{reply: reply{kind: replyRefuse, refusal: e}} }

// end is when the last phase begins and what it says.
func (p plan) end() phase {
	if len(p.query) == 0 {
		return phase{}
	}
	return p.query[len(p.query)-1]
}

// refuses is true when the submit starts no prompt and takes no subscriber lock.
func (p plan) refuses() bool { return p.reply.refuses() }

// refuses is true when nothing is started.
func (r reply) refuses() bool {
	switch r.kind {
	case replyRefuse, replyTokenOnce, replyNoProduct, replyNotZero:
		return true
	case replyAccept, replyDrop, replyHTML, replyEmpty, replyCut, replySlow:
		return r.dead
	}
	return false
}
