package simulator

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Limits of what a merchant says about a dispute.
const (
	maxEvidenceBytes = 2_000 // of each field
	maxUploads       = 20    // names for files
	maxUploadBytes   = 1 << 20
)

// The refusals of disputes, in the simulator's own words.
var (
	errDisputeAbsent     = refusal{status: http.StatusNotFound, message: "Dispute not found"}
	errDisputeResolved   = params("Dispute has already been resolved", "Only a dispute that awaits the merchant can be answered")
	errDisputeResolution = params("resolution must be one of merchant-accepted, declined", "Provide a resolution")
	errDisputeMessage    = params("message is required", "Provide a message of 2000 bytes or less")
	errDisputeAmount     = params("Invalid refund_amount", "Provide a refund_amount from 0 to what has not gone back")
	errDisputeFile       = params("uploaded_filename is required", "Provide the fileName that upload_url answered for this dispute")
	errDisputeEvidence   = params("Invalid evidence", "Provide customer_email, customer_name, customer_phone and service_details")
	errDisputeUpload     = params("upload_filename is required", "Provide the name of the file that will be uploaded")
)

// listDisputes is GET /dispute, newest first.
func (s *Simulator) listDisputes(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	q := r.URL.Query()
	p, e := parsePaging(q)
	if e != nil {
		return refused(*e)
	}
	from, okFrom := parseMoment(q.Get("from"), false)
	to, okTo := parseMoment(q.Get("to"), true)
	if !okFrom || !okTo {
		return refused(errFilter)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*dispute
	for _, t := range a.order {
		if wanted := q.Get("transaction"); wanted != "" && wanted != strconv.FormatUint(t.id, 10) {
			continue
		}
		for _, d := range t.disputes {
			if (q.Get("status") == "" || q.Get("status") == d.status) && within(d.createdAt, from, to) {
				list = append(list, d)
			}
		}
	}
	rows, meta := cut(newestFirst(list, func(d *dispute) uint64 { return d.id }), p)
	views := []disputeView{}
	for _, d := range rows {
		views = append(views, s.disputeView(d))
	}
	return answered("Disputes retrieved", views, meta)
}

// fetchDispute is GET /dispute/{id}.
func (s *Simulator) fetchDispute(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.disputeOf(r, a)
	if d == nil {
		return refused(errDisputeAbsent)
	}
	return answered("Dispute retrieved", s.disputeView(d), nil)
}

// disputeOf is the dispute that the path names; nil when the account has none. The caller holds mu.
func (s *Simulator) disputeOf(r *http.Request, a *account) *dispute {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	d := s.disputes[id]
	if err != nil || d == nil || d.t.account != a {
		return nil
	}
	return d
}

// addEvidence is POST /dispute/{id}/evidence.
func (s *Simulator) addEvidence(w http.ResponseWriter, r *http.Request, a *account) *answer {
	f, err := readFields(w, r)
	if err != nil {
		return refused(errJSON)
	}
	given, ok := parseEvidence(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.disputeOf(r, a)
	switch {
	case d == nil:
		return refused(errDisputeAbsent)
	case d.status == disputeResolved:
		return refused(errDisputeResolved)
	case !ok:
		return refused(errDisputeEvidence)
	}
	now := stamp(s.opts.Now())
	given.Dispute, given.CreatedAt, given.UpdatedAt = d.id, now, now
	if before := d.evidence; before != nil {
		given.ID, given.CreatedAt = before.ID, before.CreatedAt
		s.keep(d.t, -before.size())
	} else {
		given.ID = s.nextID()
	}
	d.evidence = &given // a new one: what was told of the old one does not change
	s.keep(d.t, given.size())
	return answered("Evidence created", given, nil)
}

func (e *evidence) size() int {
	return len(e.CustomerEmail) + len(e.CustomerName) + len(e.CustomerPhone) + len(e.ServiceDetails) + len(e.DeliveryAddress)
}

func parseEvidence(f fields) (e evidence, ok bool) {
	for _, field := range []struct {
		name   string
		into   *string
		needed bool
	}{
		{"customer_email", &e.CustomerEmail, true},
		{"customer_name", &e.CustomerName, true},
		{"customer_phone", &e.CustomerPhone, true},
		{"service_details", &e.ServiceDetails, true},
		{"delivery_address", &e.DeliveryAddress, false},
		{"delivery_date", &e.DeliveryDate, false},
	} {
		text, isText := f.text(field.name)
		if !isText || field.needed && text == "" || len(text) > maxEvidenceBytes {
			return evidence{}, false
		}
		*field.into = text
	}
	if e.DeliveryDate != "" {
		if _, err := time.Parse(time.DateOnly, e.DeliveryDate); err != nil {
			return evidence{}, false
		}
	}
	return e, emailValid(e.CustomerEmail)
}

// uploadURL is GET /dispute/{id}/upload_url?upload_filename=. The file goes by PUT to signedUrl; fileName is for
// resolving.
func (s *Simulator) uploadURL(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	name := r.URL.Query().Get("upload_filename")
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.disputeOf(r, a)
	switch {
	case d == nil:
		return refused(errDisputeAbsent)
	case name == "" || len(name) > maxNoteBytes:
		return refused(errDisputeUpload)
	case d.status == disputeResolved || len(d.uploads) >= maxUploads:
		return refused(errDisputeResolved)
	}
	file := s.letters(20, lower)
	d.uploads = append(d.uploads, file)
	return answered("Upload url generated", struct {
		SignedURL string `json:"signedUrl"`
		FileName  string `json:"fileName"`
	}{s.baseURL(r) + "/dispute-files/" + file + "?" + url.Values{"expires": {"1800"}}.Encode(), file}, nil)
}

// takeFile is where a file about a dispute goes. It is read, within bounds, and thrown away.
func (s *Simulator) takeFile(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxUploadBytes)); err != nil {
		http.Error(w, "the file is too large", http.StatusRequestEntityTooLarge)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// resolveDispute is PUT /dispute/{id}/resolve. What is declined goes to the bank.
func (s *Simulator) resolveDispute(w http.ResponseWriter, r *http.Request, a *account) *answer {
	f, err := readFields(w, r)
	if err != nil {
		return refused(errJSON)
	}
	out, end := s.answerDispute(f, r, a)
	end(s.ctx)
	return out
}

func (s *Simulator) answerDispute(f fields, r *http.Request, a *account) (*answer, func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nothing := func(context.Context) {}
	d := s.disputeOf(r, a)
	switch {
	case d == nil:
		return refused(errDisputeAbsent), nothing
	case d.status != disputeAwaitsMerchant:
		return refused(errDisputeResolved), nothing
	}
	resolution, _ := f.text("resolution")
	message, okMessage := f.text("message")
	file, _ := f.text("uploaded_filename")
	amount, e := parseAmount(f["refund_amount"])
	zero := e == &errAmountSign && isZero(f["refund_amount"])
	switch {
	case resolution != merchantAccepted && resolution != declined:
		return refused(errDisputeResolution), nothing
	case !okMessage || message == "" || len(message) > maxEvidenceBytes:
		return refused(errDisputeMessage), nothing
	case e != nil && !zero, resolution == merchantAccepted && zero, amount > d.t.amount-d.t.committed():
		return refused(errDisputeAmount), nothing
	case !slices.Contains(d.uploads, file):
		return refused(errDisputeFile), nothing
	case f["evidence"] != nil && (d.evidence == nil || !namesID(f["evidence"], d.evidence.ID)):
		return refused(errDisputeEvidence), nothing
	}
	d.attachment = file
	s.say(d, refundedBy, message)
	end := nothing
	if resolution == declined {
		s.enter(d, disputeAwaitsBank, refundedBy)
		s.decideLater(d)
	} else {
		end = s.resolve(d, merchantAccepted, amount, refundedBy)
	}
	return answered("Dispute successfully resolved", s.disputeView(d), nil), end
}

func isZero(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return v.String() == "0"
	case string:
		return v == "0"
	}
	return false
}

// namesID tells whether v, a number or a text, is the id.
func namesID(v any, id uint64) bool {
	text, _ := v.(string)
	if n, ok := v.(json.Number); ok {
		text = n.String()
	}
	return text == strconv.FormatUint(id, 10)
}
