package commands

import (
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
)

const (
	routeDisputeEvidence = "disputes/evidence"
	routeDisputeAccept   = "disputes/accept"
	routeDisputeDecline  = "disputes/decline"
)

// maxMessage bounds what is written about a dispute, in characters.
const maxMessage = 2000

type disputeAnswered struct {
	Status  string      `json:"status"`
	Message string      `json:"message"`
	Dispute DisputeView `json:"dispute"`
}

// DisputeView is a dispute as the write side answers it.
type DisputeView struct {
	ID                   int64             `json:"id"`
	TransactionReference *string           `json:"transaction_reference"`
	Amount               json.RawMessage   `json:"amount"`
	Currency             string            `json:"currency"`
	Status               dispute.Status    `json:"status"`
	Category             *string           `json:"category"`
	DueAt                *string           `json:"due_at"`
	CreatedAt            string            `json:"created_at"`
	PaymentChannelID     int64             `json:"payment_channel_id"`
	Resolution           *string           `json:"resolution"`
	ReturnedAmount       json.RawMessage   `json:"returned_amount"`
	ResolvedAt           *string           `json:"resolved_at"`
	Answer               *DisputeReplyView `json:"answer"`
	NeedsAttention       *string           `json:"needs_attention"`
}

// DisputeReplyView is the merchant's answer to a dispute.
type DisputeReplyView struct {
	Resolution    dispute.Answer  `json:"resolution"`
	Status        dispute.Outcome `json:"status"`
	Amount        json.RawMessage `json:"amount"`
	CreatedAt     string          `json:"created_at"`
	FailureCode   *string         `json:"failure_code"`
	FailureReason *string         `json:"failure_reason"`
}

// ViewDispute is the dispute as it is answered.
func ViewDispute(d dispute.State) DisputeView {
	v := DisputeView{
		ID: d.ID, TransactionReference: textOrNull(d.Reference), Amount: d.Amount.AppendDecimal(nil), Currency: string(d.Amount.Currency), Status: d.Status,
		Category: textOrNull(d.Category), DueAt: stampOrNull(d.DueAt), CreatedAt: stamp(d.OpenedAt), PaymentChannelID: d.Channel,
		Resolution: textOrNull(d.Resolution), ReturnedAmount: d.Returned.AppendDecimal(nil), ResolvedAt: stampOrNull(d.ResolvedAt),
		NeedsAttention: textOrNull(d.Attention),
	}
	if a, ok := d.LastAnswer(); ok {
		v.Answer = &DisputeReplyView{
			Resolution: a.Answer, Status: a.Outcome, Amount: a.Amount.AppendDecimal(nil), CreatedAt: stamp(a.At),
			FailureCode: textOrNull(a.FailureCode), FailureReason: textOrNull(a.Reason),
		}
	}
	return v
}

// disputeOf is the caller's dispute that the path names. Errors: NotFound.
func (w *WriteSide) disputeOf(c *fiber.Ctx, who domain.Caller) (dispute.State, error) {
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 1 || id > ids.Max {
		return dispute.State{}, domain.NotFoundf("dispute not found")
	}
	return w.FindDispute(c.UserContext(), who.MerchantID, who.Mode, id)
}

// acceptDispute gives the payer the money back: amount, or all that is asked for and left. message says why.
func (w *WriteSide) acceptDispute(c *fiber.Ctx) error {
	return w.answerDispute(c, routeDisputeAccept, dispute.Accept)
}

// declineDispute says that the payment was right: message says why. The bank decides.
func (w *WriteSide) declineDispute(c *fiber.Ctx) error {
	return w.answerDispute(c, routeDisputeDecline, dispute.Decline)
}

func (w *WriteSide) answerDispute(c *fiber.Ctx, route string, what dispute.Answer) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	d, err := w.disputeOf(c, who)
	if err != nil {
		return err
	}
	cmd := dispute.RequestAnswer{Answer: what, Message: b.required("message", maxMessage), Amount: money.Of(0, d.Amount.Currency)}
	if what == dispute.Accept && b.raw("amount") != nil {
		cmd.Amount = b.amount("amount", d.Amount.Currency)
	}
	b.onlyIn(d.Amount.Currency)
	if err := b.Err(); err != nil {
		return err
	}
	return w.aboutDispute(c, who, by, route, b, d, func(ctx context.Context) (Outcome[dispute.State], error) {
		if cmd.Answer == dispute.Accept && cmd.Amount.Minor == 0 {
			if cmd.Amount, err = w.AcceptableAmount(ctx, d); err != nil {
				return Outcome[dispute.State]{}, err
			}
		}
		return w.AnswerDispute(ctx, d, cmd, by)
	})
}

// AcceptableAmount is what goes back when a dispute is accepted and no amount is named: what the payer asks for, as far as it
// hasn't gone back already; of what was answered before, what was answered.
func (w *WriteSide) AcceptableAmount(ctx context.Context, d dispute.State) (money.Money, error) {
	a, answered := d.LastAnswer()
	switch {
	case answered && a.Outcome != dispute.Refused && a.Answer == dispute.Accept:
		return a.Amount, nil
	case !d.Known():
		return d.Amount, nil
	}
	left, err := w.leftOf(ctx, d)
	if err != nil || !left.IsPositive() || left.Currency != d.Amount.Currency || left.Minor > d.Amount.Minor {
		return d.Amount, err
	}
	return left, nil
}

// aboutDispute carries out a request about a dispute, once per Idempotency-Key, and answers the dispute.
func (w *WriteSide) aboutDispute(c *fiber.Ctx, who domain.Caller, by By, route string, b *body, d dispute.State, do func(context.Context) (Outcome[dispute.State], error)) error {
	idem, err := w.idempotencyOf(c, who, route+"/"+itoa(d.ID), b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, route, "", func(ctx context.Context, _ intent) (answer, error) {
		out, err := do(ctx)
		if err != nil {
			return answer{}, err
		}
		at = out.Position
		return answer{Status: fiber.StatusOK, Subject: d.Subject, Body: disputeAnswered{
			Status: "success", Message: disputeMessage(out.State), Dispute: ViewDispute(out.State),
		}}, nil
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

func disputeMessage(d dispute.State) string {
	a, answered := d.LastAnswer()
	switch {
	case d.Status.Final():
		return "Dispute " + string(d.Status)
	case answered && a.Outcome == dispute.Unknown:
		return "The provider did not answer clearly; it is being asked"
	case answered && a.Outcome != dispute.Refused:
		return "Dispute " + string(a.Answer)
	}
	return "Evidence given"
}

// giveEvidence hands evidence to the provider: JSON, or a form with a file.
func (w *WriteSide) giveEvidence(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, file, err := readForm(c)
	if err != nil {
		return err
	}
	d, err := w.disputeOf(c, who)
	if err != nil {
		return err
	}
	e := readEvidence(b)
	e.FileName, e.File = domain.Personal(file.name), file.content
	if err := b.Err(); err != nil {
		return err
	}
	return w.aboutDispute(c, who, by, routeDisputeEvidence, b, d, func(ctx context.Context) (Outcome[dispute.State], error) {
		return w.GiveEvidence(ctx, d, e, by)
	})
}

func readEvidence(b *body) DisputeEvidence {
	var e DisputeEvidence
	e.CustomerEmail = domain.Personal(b.email("customer_email", true))
	e.CustomerName = domain.Personal(b.required("customer_name", maxName))
	e.CustomerPhone = domain.Personal(b.required("customer_phone", 32))
	e.ServiceDetails = domain.Personal(b.required("service_details", maxMessage))
	e.DeliveryAddress = domain.Personal(b.text("delivery_address", maxDescription))
	if e.DeliveryDate = b.text("delivery_date", 10); e.DeliveryDate != "" {
		if _, err := time.Parse(time.DateOnly, e.DeliveryDate); err != nil {
			b.Add("delivery_date", "must be a date such as 2026-01-31")
		}
	}
	return e
}

type formFile struct {
	name    string
	content []byte
}

// TakesForm tells whether the path below /api takes a form with a file, besides JSON.
func TakesForm(path string) bool {
	rest, dispute := strings.CutPrefix(path, "/api/disputes/")
	return dispute && strings.HasSuffix(strings.TrimSuffix(rest, "/"), "/evidence")
}

// readForm decodes the request's body, JSON or multipart; of the latter, a file named file. Errors: Malformed.
func readForm(c *fiber.Ctx) (*body, formFile, error) {
	if !strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEMultipartForm) {
		b, err := readBody(c)
		return b, formFile{}, err
	}
	form, err := c.MultipartForm()
	if err != nil {
		return nil, formFile{}, &domain.Error{Code: domain.CodeMalformed, Message: "The request body is not a valid form", Err: err}
	}
	b := &body{fields: map[string]json.RawMessage{}}
	for name, values := range form.Value {
		text, err := json.Marshal(values[len(values)-1])
		if err != nil {
			return nil, formFile{}, err
		}
		b.fields[name] = text
	}
	var file formFile
	for _, h := range form.File["file"] {
		if file, err = readFile(h); err != nil {
			return nil, formFile{}, err
		}
		checkFile(b, file)
		sum, err := json.Marshal(file)
		if err != nil {
			return nil, formFile{}, err
		}
		b.fields["file"] = sum // so that another file is another request
	}
	return b, file, nil
}

// MarshalJSON is the file as a part of a request that has twins.
func (f formFile) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"name": f.name, "content": f.content})
}

func readFile(h *multipart.FileHeader) (formFile, error) {
	r, err := h.Open()
	if err != nil {
		return formFile{}, err
	}
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(r)
	return formFile{name: h.Filename, content: content}, err
}

func checkFile(b *body, f formFile) {
	switch {
	case !paystack.UsableFilename(f.name):
		b.Add("file", "must have a plain name such as receipt.pdf")
	case len(f.content) == 0:
		b.Add("file", "is empty")
	case len(f.content) > paystack.MaxDisputeFile:
		b.Addf("file", "must have at most %d bytes", paystack.MaxDisputeFile)
	}
}

// ReadEvidence reads evidence as the API takes it, for the operator. Errors: Malformed; Invalid.
func (w *WriteSide) ReadEvidence(fields json.RawMessage, name string, content []byte) (DisputeEvidence, error) {
	found, ok := members(fields)
	if !ok {
		return DisputeEvidence{}, &domain.Error{Code: domain.CodeMalformed, Message: "The evidence must be a JSON object"}
	}
	b := &body{fields: found}
	e := readEvidence(b)
	if name != "" {
		checkFile(b, formFile{name, content})
		e.FileName, e.File = domain.Personal(name), content
	}
	return e, b.Err()
}
