package pages

import (
	"context"
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Checkout is what the pages need of the write side.
type Checkout interface {
	// View is the payment as of now. Errors: NotFound when there is no such payment, RateLimited, Unavailable.
	View(ctx context.Context, reference string) (View, error)
	// PayByMpesa asks for the payment on a phone, which is in the form 254XXXXXXXXX already. Errors: Invalid with the
	// field phone, Conflict when the payment is waiting or over, ProviderRefused, RateLimited, Unavailable, NotFound.
	PayByMpesa(ctx context.Context, reference, phone string) error
	// PayByCard is the address of the provider's page that takes the card. Errors: as PayByMpesa.
	PayByCard(ctx context.Context, reference string) (redirectURL string, err error)
	// CardReturned asks the provider what became of the card payment; View then tells it. What the customer's browser
	// brought along is not evidence, so nothing of it is passed on.
	CardReturned(ctx context.Context, reference string) error
}

// Phase is where a payment stands, as far as its customer is concerned.
type Phase string

// The phases.
const (
	Open    Phase = "open"    // nothing asked yet, or nothing left of what was asked
	Waiting Phase = "waiting" // a push is on the phone, or a provider still has to say
	Paid    Phase = "paid"    // the money arrived
	Failed  Phase = "failed"  // the last attempt failed
	Expired Phase = "expired" // too late to pay
	Review  Phase = "review"  // money arrived that does not fit; a person looks at it
)

// View is all that a customer may see of a payment. It holds nothing about the customer but the masked phone number.
type View struct {
	Reference, MerchantName, Description string
	// Amount is what is asked.
	Amount money.Money
	// Received is what came instead, positive in the phase Review when another amount came than was asked.
	Received money.Money
	Phase    Phase
	// CanMpesa and CanCard are the methods that the payment's channel offers.
	CanMpesa, CanCard bool
	// CanRetry tells, in the phase Failed, whether another attempt is allowed.
	CanRetry bool
	// MaskedPhone is the number that the waiting push went to, such as 2547••••678; empty when none waits.
	MaskedPhone string
	// Receipt is the provider's number of a completed payment.
	Receipt string
	PaidAt  time.Time
	// Method is the payment method of the last attempt: card, mpesa_stk, mpesa_c2b, bank, mobile_money.
	Method string
	// FailureCode is a stable word that the catalogue has a text for; FailureReason is shown when it has none.
	FailureCode, FailureReason string
	// AskedAt and WaitUntil are the start and the end of the waiting push's countdown; zero when there is none.
	AskedAt, WaitUntil time.Time
	// ExpiresAt is when the payment can no longer be made; zero when it stays open.
	ExpiresAt time.Time
	// TestMode tells that no real money moves.
	TestMode bool
	// ReturnURL is the merchant's own page to go back to; it may be empty.
	ReturnURL string
	// Now is the moment the view was made; the moment of rendering when zero.
	Now time.Time
}
