package mpesa

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benfex/kipay/commands/upstream"
)

// The lengths of the free texts of an initiator's request (Daraja, Reversal and B2C, Remarks and Occassion).
const (
	MinRemarks  = 2
	MaxRemarks  = 100
	MaxOccasion = 100
)

// Notices say where Daraja reports what became of a request: ResultURL gets the result, QueueTimeOutURL a notice that the
// request waited too long. Both should carry something unguessable of the request: nothing that is posted there is signed,
// and when the answer to the request is lost, they are all that tells which request a result is for.
type Notices struct {
	ResultURL       string
	QueueTimeOutURL string
}

// InitiatorAccepted is Daraja's word that a request is queued, never that anything was done.
type InitiatorAccepted struct {
	// ConversationID and OriginatorConversationID come again in the result. Either may be empty when the answer had none
	// that can be used; for a payout the latter is the request's own then.
	ConversationID           string
	OriginatorConversationID string
	ResponseCode             string // always "0"
	Description              string // Daraja's words, cleaned
	Raw                      []byte // the answer as it came, for sealing
}

// request is what the initiator APIs have in common.
type request struct {
	api       InitiatorAPI
	path      string
	lane      string
	body      any
	shortCode string
	remarks   string
	occasion  string
	notices   Notices
	private   []string
	rules     []errorRule
	unclear   string // the sentence for an outcome that is not known
}

const reasonUnknownAnswer = "M-Pesa did not answer clearly. It may be asked again."

// submit checks what all requests have in common, sends one, and reads the answer. It is sent once; only when the token
// was refused, hence nothing was done, once more with a new one.
func (c *Client) submit(ctx context.Context, ch ChannelKey, cred Credentials, r request) (InitiatorAccepted, *Error) {
	call := string(r.api)
	if failed := checkInitiator(call, cred, r); failed != nil {
		return InitiatorAccepted{}, failed
	}
	private := append([]string{r.notices.ResultURL, r.notices.QueueTimeOutURL}, r.private...)
	rep, failed := c.execute(ctx, ch, cred, order{call: call, lane: r.lane, path: r.path, body: r.body, private: private, rules: r.rules})
	if failed == nil {
		secrets := append([]string{cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, cred.SecurityCredential}, private...)
		var accepted InitiatorAccepted
		if accepted, failed = readAccepted(r.api, rep, newCleaner(secrets...)); failed == nil {
			return accepted, nil
		}
	}
	if failed.failure == FailureProviderUnknownOutcome {
		failed.reason = r.unclear
	}
	return InitiatorAccepted{}, failed
}

// checkInitiator refuses what Daraja would refuse of any initiator's request.
func checkInitiator(call string, cred Credentials, r request) *Error {
	switch {
	case cred.InitiatorName == "" || cred.SecurityCredential == "":
		return misconfigured(call, "initiator name and security credential are needed")
	case !isShortCode(r.shortCode):
		return refuse(call, FailureInvalidShortCode, "The shortcode must be 5 to 7 digits.", "the shortcode is not 5 to 7 digits")
	}
	if n := utf8.RuneCountInString(r.remarks); n < MinRemarks || n > MaxRemarks || !printable(r.remarks) {
		return refuse(call, FailureInvalidRequest, fmt.Sprintf("The remarks must be %d to %d characters.", MinRemarks, MaxRemarks), "the remarks are not 2 to 100 printable characters")
	}
	if utf8.RuneCountInString(r.occasion) > MaxOccasion || !printable(r.occasion) {
		return refuse(call, FailureInvalidRequest, fmt.Sprintf("The occasion must be at most %d characters.", MaxOccasion), "the occasion is not at most 100 printable characters")
	}
	for _, u := range [...]struct{ name, url string }{{"result", r.notices.ResultURL}, {"queue timeout", r.notices.QueueTimeOutURL}} {
		if err := CheckCallbackURL(cred.Environment, u.url); err != nil {
			return refuse(call, FailureInvalidCallbackURL, "M-Pesa would not accept the "+u.name+" URL: it "+err.Error()+".", "the "+u.name+" URL "+err.Error())
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// readAccepted reads the answer at once. ResponseCode "0" is the only yes; the codes that say of themselves that nothing
// is decided leave the request's fate unknown; any other is a no.
func readAccepted(api InitiatorAPI, rep reply, clean cleaner) (InitiatorAccepted, *Error) {
	id := func(names ...string) string {
		for _, n := range names {
			if s := idOf(rep.fields[n]); s != "" {
				return s
			}
		}
		return ""
	}
	a := InitiatorAccepted{
		ConversationID:           id("ConversationID"),
		OriginatorConversationID: id("OriginatorConversationID", "OriginatorCoversationID"), // the latter as C2B spells it
		ResponseCode:             resultCode(rep.fields["ResponseCode"]),
		Description:              clean.text(upstream.TextOf(rep.fields["ResponseDescription"])),
		Raw:                      rep.raw,
	}
	if a.ResponseCode == "0" {
		return a, nil
	}
	e := &Error{
		Kind: Unknown, Call: string(api), HTTPStatus: rep.status, Code: clean.text(a.ResponseCode), Message: a.Description, Raw: rep.raw,
		failure: FailureProviderUnknownOutcome,
	}
	if a.ResponseCode == "" {
		e.Message = "the answer has no ResponseCode"
		return InitiatorAccepted{}, e
	}
	switch what, known := DescribeInitiatorResult(api, a.ResponseCode); {
	case !known:
		e.Kind, e.failure, e.reason = Rejected, FailureRequestRejected, reasonRequestRejected
	case what.Class == ClassFinal || what.Class == ClassRetry:
		e.Kind, e.failure, e.reason, e.Retryable = Rejected, what.FailureCode, what.Reason, what.Class == ClassRetry
	}
	return InitiatorAccepted{}, e
}
