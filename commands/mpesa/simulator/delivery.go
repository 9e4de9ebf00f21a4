package simulator

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// DeliveryKind says what was posted to the merchant.
type DeliveryKind string

// The kinds of delivery.
const (
	STKCallback     DeliveryKind = "stk-callback"
	JunkCallback    DeliveryKind = "junk-callback"
	ForgedCallback  DeliveryKind = "forged-callback"
	C2BValidation   DeliveryKind = "c2b-validation"
	C2BConfirmation DeliveryKind = "c2b-confirmation"
	ResultCallback  DeliveryKind = "result"        // of an initiator's order
	TimeoutCallback DeliveryKind = "queue-timeout" // of an initiator's order
	JunkTimeout     DeliveryKind = "junk-timeout"
)

// Delivery is one request made to a merchant's server, after its answer.
type Delivery struct {
	ID                       int64        `json:"id"` // counts up from 1
	Kind                     DeliveryKind `json:"kind"`
	At                       time.Time    `json:"at"` // when it was sent
	URL                      string       `json:"url"`
	MSISDN                   string       `json:"msisdn,omitempty"`
	CheckoutRequestID        string       `json:"checkout_request_id,omitempty"`
	Receipt                  string       `json:"receipt,omitempty"`
	OriginatorConversationID string       `json:"originator_conversation_id,omitempty"`
	ConversationID           string       `json:"conversation_id,omitempty"`
	Attempt                  int          `json:"attempt"`
	Body                     string       `json:"body"`
	Status                   int          `json:"status"`          // the merchant's answer; 0 when there was none
	Reply                    string       `json:"reply,omitempty"` // the start of its body
	Error                    string       `json:"error,omitempty"` // why there was no answer
}

// How long a merchant's server gets, in real time: it is not simulated, so it does not run faster with Speed.
const (
	callbackDeadline   = 10 * time.Second
	validationDeadline = 8 * time.Second // Daraja, C2B: about 8 s, then ResponseType applies
)

// post sends d.Body to d.URL with the headers seen from the sandbox, logs the delivery, and returns it.
func (s *Simulator) post(ctx context.Context, d Delivery, shortCode string, deadline time.Duration) Delivery {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	d.At = s.opts.Now()
	d.Status, d.Reply, d.Error = s.exchange(ctx, d.URL, d.Body, shortCode)
	s.book.Add(d)
	s.log.Info("daraja delivers", "kind", d.Kind, "checkout", d.CheckoutRequestID, "conversation", d.ConversationID, "receipt", d.Receipt,
		"attempt", d.Attempt, "status", d.Status, "error", d.Error)
	return d
}

func (s *Simulator) exchange(ctx context.Context, url, body, shortCode string) (status int, reply, failure string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		return 0, "", err.Error()
	}
	req.Header.Set("Content-Type", "application/json;charset=UTF-8")
	req.Header.Set("Businessshortcode", shortCode)
	req.Header.Set("User-Agent", "kipay-daraja-simulator")
	resp, err := s.opts.HTTPClient.Do(req)
	if err != nil {
		return 0, "", err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	echo, err := io.ReadAll(io.LimitReader(resp.Body, maxEchoBytes))
	if err != nil {
		return resp.StatusCode, string(echo), err.Error()
	}
	return resp.StatusCode, string(echo), ""
}
