package paystack

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// The paths and bodies of disputes are Paystack's public API reference. They were not confirmed against the test API,
// where no dispute can be opened; so everything that comes back is read leniently.

// The stable words about disputes; the API answers them as failure_code.
const (
	FailureDisputeNotFound = "dispute_not_found"
	FailureDisputeResolved = "dispute_already_resolved"
)

// disputeRules are what messages mean to calls about disputes, tried before errorRules. The words are not confirmed.
var disputeRules = []errorRule{
	{contains: "dispute not found", kind: NotFound, failure: FailureDisputeNotFound, reason: "Paystack does not know this dispute."},
	{contains: "already", kind: Rejected, failure: FailureDisputeResolved, reason: "This dispute has been answered already."},
}

// Resolution is the merchant's answer to a dispute.
type Resolution string

// The answers.
const (
	AcceptDispute  Resolution = "merchant-accepted" // the customer gets the money back
	DeclineDispute Resolution = "declined"          // the payment was right; the bank decides
)

// DisputeQuery narrows a list of disputes; the zero value is all of them.
type DisputeQuery struct {
	From, To    time.Time
	Status      string // awaiting-merchant-feedback, awaiting-bank-feedback, pending, resolved
	Transaction string // Paystack's numeric id
	PerPage     int    // default 100, at most 1000
}

// Disputes lists disputes: GET /dispute (Paystack, List Disputes; not confirmed). As with Transactions, one page is in
// memory at a time and an error of type *upstream.DecodeError is about one row.
func (c *Client) Disputes(ctx context.Context, ch ChannelKey, cred Credentials, q DisputeQuery) iter.Seq2[Dispute, error] {
	l := listing{call: "list_disputes", path: "/dispute", query: url.Values{}, perPage: q.PerPage, rules: disputeRules}
	between(l.query, q.From, q.To)
	setText(l.query, "status", q.Status)
	setText(l.query, "transaction", q.Transaction)
	switch {
	case q.PerPage < 0 || q.PerPage > maxPerPage:
		l.problem = refuse(l.call, FailureInvalidRequest, reasonRequestRejected, "there are 1 to 1000 rows on a page")
	case q.Transaction != "" && !isID(q.Transaction):
		l.problem = refuse(l.call, FailureInvalidReference, reasonRequestRejected, "the id of a transaction is a number")
	}
	return each(ctx, c, ch, cred, l, disputeRow)
}

// FetchDispute asks how a dispute stands: GET /dispute/{id} (Paystack, Fetch Dispute; not confirmed), repeated after a
// 5xx, a timeout or a transport error. The error is always an *Error; Unknown here means no news.
func (c *Client) FetchDispute(ctx context.Context, ch ChannelKey, cred Credentials, id string) (Dispute, error) {
	return c.oneDispute(ctx, ch, cred, id, order{
		call: "fetch_dispute", lane: laneVerify, method: http.MethodGet, path: "/dispute/" + id, rules: disputeRules,
	})
}

// Evidence is what the merchant says about a disputed payment.
type Evidence struct {
	CustomerEmail   string `json:"customer_email"`
	CustomerName    string `json:"customer_name"`
	CustomerPhone   string `json:"customer_phone"`
	ServiceDetails  string `json:"service_details"`
	DeliveryAddress string `json:"delivery_address,omitempty"`
	DeliveryDate    string `json:"delivery_date,omitempty"` // YYYY-MM-DD
}

// AddEvidence gives evidence for a dispute, and answers its id, for ResolveDispute: POST /dispute/{id}/evidence
// (Paystack, Add Evidence; not confirmed). It is sent once. After Unknown it may be there; it moves no money. The error
// is always an *Error.
func (c *Client) AddEvidence(ctx context.Context, ch ChannelKey, cred Credentials, dispute string, e Evidence) (evidence string, err error) {
	o := order{
		call: "dispute_evidence", lane: laneDispute, method: http.MethodPost, path: "/dispute/" + dispute + "/evidence",
		rules: disputeRules, body: e,
		private: []string{e.CustomerEmail, e.CustomerName, e.CustomerPhone, e.DeliveryAddress},
	}
	start := c.opts.Now()
	rep, failed := c.aboutDispute(ctx, ch, cred, dispute, o, checkEvidence(o.call, e))
	if failed == nil {
		data, _ := dataObject(rep.fields)
		if evidence = idOf(data["id"]); evidence == "" {
			failed = unclear(o, rep, "the answer has no id", nil)
		}
	}
	c.observe(o.call, start, failed)
	if failed != nil {
		return "", failed
	}
	return evidence, nil
}

func checkEvidence(call string, e Evidence) *Error {
	switch {
	case !strings.Contains(e.CustomerEmail, "@"):
		return refuse(call, FailureInvalidEmail, reasonInvalidEmail, "the email address is missing or wrong")
	case e.CustomerName == "" || e.CustomerPhone == "" || e.ServiceDetails == "":
		return refuse(call, FailureInvalidRequest, "The customer's name and phone and what was sold are needed.", "a field is missing")
	}
	if e.DeliveryDate != "" {
		if _, err := time.Parse(time.DateOnly, e.DeliveryDate); err != nil {
			return refuse(call, FailureInvalidRequest, "The delivery date must be a day such as 2026-01-31.", "the delivery date is no day")
		}
	}
	return nil
}

// Upload is where a file about a dispute goes, by a PUT from whoever has it.
type Upload struct {
	SignedURL string // carries its permission in it: not for logs
	FileName  string // Paystack's name of the file, for ResolveDispute
}

// DisputeUpload asks where to put a file about a dispute: GET /dispute/{id}/upload_url?upload_filename= (Paystack, Get
// Upload URL; not confirmed), repeated after a 5xx, a timeout or a transport error. The error is always an *Error.
func (c *Client) DisputeUpload(ctx context.Context, ch ChannelKey, cred Credentials, dispute, filename string) (Upload, error) {
	o := order{
		call: "dispute_upload_url", lane: laneVerify, method: http.MethodGet, rules: disputeRules,
		path: "/dispute/" + dispute + "/upload_url?" + url.Values{"upload_filename": {filename}}.Encode(),
	}
	var problem *Error
	if !isFilename(filename) {
		problem = refuse(o.call, FailureInvalidRequest, "The file needs a plain name such as receipt.pdf.", "the file name is unusable")
	}
	start := c.opts.Now()
	rep, failed := c.aboutDispute(ctx, ch, cred, dispute, o, problem)
	var up Upload
	if failed == nil {
		data, _ := dataObject(rep.fields)
		up = Upload{SignedURL: upstream.TextOf(data["signedUrl"]), FileName: upstream.TextOf(data["fileName"])}
		if !isWebURL(up.SignedURL) || up.FileName == "" {
			failed = unclear(o, rep, "the answer has no usable URL", nil)
		}
	}
	c.observe(o.call, start, failed)
	if failed != nil {
		return Upload{}, failed
	}
	return up, nil
}

// isFilename keeps what a URL or a disk may stumble over out of a file's name.
func isFilename(s string) bool {
	return s != "" && len(s) <= maxTextRunes && utf8.ValidString(s) && strings.Trim(s, ".") != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) })
}

// Resolve is the merchant's answer to a dispute.
type Resolve struct {
	Resolution       Resolution
	Message          string      // why
	RefundAmount     money.Money // what goes back when it is accepted; zero when it is declined
	UploadedFilename string      // Upload.FileName; Paystack's reference has it as needed
	Evidence         string      // the id that AddEvidence answered; optional
}

// resolveBody is PUT /dispute/{id}/resolve. The amount is in subunits.
type resolveBody struct {
	Resolution       Resolution `json:"resolution"`
	Message          string     `json:"message"`
	RefundAmount     int64      `json:"refund_amount"`
	UploadedFilename string     `json:"uploaded_filename,omitempty"`
	Evidence         jsonID     `json:"evidence,omitempty"`
}

// jsonID is an id that is written as a number.
type jsonID string

// MarshalJSON is the digits.
func (id jsonID) MarshalJSON() ([]byte, error) { return []byte(id), nil }

// ResolveDispute accepts or declines a dispute: PUT /dispute/{id}/resolve (Paystack, Resolve Dispute; not confirmed).
// Accepting gives money back, so that it is sent once: after Unknown, FetchDispute tells whether it still waits for the
// merchant. Declining is not the end; the bank decides, and charge.dispute.resolve or FetchDispute tells. The error is
// always an *Error.
func (c *Client) ResolveDispute(ctx context.Context, ch ChannelKey, cred Credentials, id string, r Resolve) (Dispute, error) {
	o := order{
		call: "dispute_resolve", lane: laneDispute, method: http.MethodPut, path: "/dispute/" + id + "/resolve", rules: disputeRules,
		body: resolveBody{r.Resolution, r.Message, r.RefundAmount.Minor, r.UploadedFilename, jsonID(r.Evidence)},
	}
	if failed := checkResolve(o.call, r); failed != nil {
		c.observe(o.call, c.opts.Now(), failed)
		return Dispute{}, failed
	}
	return c.oneDispute(ctx, ch, cred, id, o)
}

func checkResolve(call string, r Resolve) *Error {
	problem := ""
	switch {
	case r.Resolution != AcceptDispute && r.Resolution != DeclineDispute:
		problem = "a dispute is merchant-accepted or declined"
	case strings.TrimSpace(r.Message) == "":
		problem = "a message is needed"
	case r.Resolution == AcceptDispute && !r.RefundAmount.IsPositive():
		return refuse(call, FailureInvalidAmount, "The amount must be more than zero.", "the amount is not more than zero")
	case r.Resolution == DeclineDispute && r.RefundAmount.Minor != 0:
		problem = "what is declined gives nothing back"
	case r.Evidence != "" && !isID(r.Evidence):
		problem = "the id of evidence is a number"
	}
	if problem != "" {
		return refuse(call, FailureInvalidRequest, reasonRequestRejected, problem)
	}
	return nil
}
