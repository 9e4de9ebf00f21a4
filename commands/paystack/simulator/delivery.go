package simulator

import (
	"time"
)

// Delivery is one webhook request, after its answer.
type Delivery struct {
	ID        int64     `json:"id"`   // counts up from 1
	Kind      string    `json:"kind"` // the event: charge.success
	At        time.Time `json:"at"`   // when it was sent
	URL       string    `json:"url"`
	Reference string    `json:"reference"`
	Attempt   int       `json:"attempt"`
	Signature string    `json:"signature"`
	Body      string    `json:"body"`
	Status    int       `json:"status"`          // the merchant's answer; 0 when there was none
	Reply     string    `json:"reply,omitempty"` // the start of its body
	Error     string    `json:"error,omitempty"` // why there was no answer
}
