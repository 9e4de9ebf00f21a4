package commands

import (
	"encoding/json"
	"time"

	"github.com/benfex/kipay/domain/transaction"
)

// transactionAnswer is a transaction as the write side answers it: the documented keys, then those added.
type transactionAnswer struct {
	ID                int64           `json:"id"`
	Reference         string          `json:"reference"`
	Amount            json.RawMessage `json:"amount"`
	PhoneNumber       *string         `json:"phone_number,omitempty"`
	Status            string          `json:"status"`
	CheckoutRequestID *string         `json:"checkout_request_id,omitempty"`
	CreatedAt         string          `json:"created_at"`
	Currency          string          `json:"currency"`
	Description       *string         `json:"description"`
	MerchantReference *string         `json:"merchant_reference"`
	Customer          *customerAnswer `json:"customer"`
	PaymentMethod     *string         `json:"payment_method"`
	PaidAt            *string         `json:"paid_at"`
	Receipt           *string         `json:"receipt"`
	FailureCode       *string         `json:"failure_code"`
	FailureReason     *string         `json:"failure_reason"`
	ExpiresAt         *string         `json:"expires_at"`
}

// customerAnswer is a customer as every answer shows it.
type customerAnswer struct {
	ID        int64   `json:"id"`
	Email     string  `json:"email"`
	FirstName *string `json:"first_name"`
	LastName  *string `json:"last_name"`
	Phone     *string `json:"phone"`
	CreatedAt string  `json:"created_at,omitempty"`
}

// answerOpened is a transaction as it was when it was opened: the same for every twin of the request.
func answerOpened(e transaction.Initialized) transactionAnswer {
	a := transactionAnswer{
		ID: e.ID, Reference: string(e.Reference), Amount: e.Amount.AppendDecimal(nil), Status: string(transaction.StatusPending),
		CreatedAt: stamp(e.At), Currency: string(e.Amount.Currency), Description: textOrNull(string(e.Description)),
		MerchantReference: textOrNull(string(e.MerchantReference)), ExpiresAt: stampOrNull(e.ExpiresAt),
	}
	if e.Customer != 0 {
		a.Customer = &customerAnswer{
			ID: e.Customer, Email: string(e.Email), FirstName: textOrNull(string(e.FirstName)),
			LastName: textOrNull(string(e.LastName)), Phone: textOrNull(string(e.Phone)),
		}
	}
	return a
}

// stamp is a time as every answer writes it: UTC, RFC 3339 with milliseconds and Z.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func stampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
