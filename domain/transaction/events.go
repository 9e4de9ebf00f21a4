package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// Origin is the door through which a transaction came into being.
type Origin string

// The origins.
const (
	FromCheckout Origin = "checkout" // initialize; paid on the checkout page
	FromPush     Origin = "push"     // the API's stk-push: one attempt
	FromC2B      Origin = "c2b"      // the customer paid without being asked
)

// Initialized opens a transaction.
type Initialized struct {
	ID        int64       `json:"id"`
	Reference Reference   `json:"reference"`
	Merchant  int64       `json:"merchant_id"`
	Mode      domain.Mode `json:"mode"`
	Channel   int64       `json:"channel_id"`
	Provider  string      `json:"provider"`
	Origin    Origin      `json:"origin"`
	Amount    money.Money `json:"amount"`
	// Customer is the customer's number, 0 when the payer is not known.
	Customer          int64           `json:"customer_id,omitempty"`
	Subject           string          `json:"subject"`
	Email             domain.Personal `json:"email,omitempty"`
	FirstName         domain.Personal `json:"first_name,omitempty"`
	LastName          domain.Personal `json:"last_name,omitempty"`
	Phone             domain.Personal `json:"phone,omitempty"`
	Description       domain.Personal `json:"description,omitempty"`
	MerchantReference domain.Personal `json:"merchant_reference,omitempty"`
	// AnyChannel says that the request named no channel: the payer may choose among the merchant's.
	AnyChannel bool `json:"any_channel,omitempty"`
	// Idempotency is the keyed hash of merchant, route and Idempotency-Key; Body that of the request's body.
	Idempotency string `json:"idempotency,omitempty"`
	Body        string `json:"body,omitempty"`
	// ExpiresAt is when the transaction stops waiting for its first money; zero is never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (Initialized) EventType() string { return "TransactionInitialized" }

// SubjectName is whose key seals it.
func (e Initialized) SubjectName() string { return e.Subject }

// StkPushRequested says that a prompt is about to be sent to a phone. Only whoever appended it may send it, once.
type StkPushRequested struct {
	Reference        Reference       `json:"reference"`
	Attempt          int             `json:"attempt"`
	Channel          int64           `json:"channel_id"`
	Subject          string          `json:"subject"`
	Phone            domain.Personal `json:"phone"`
	AccountReference domain.Personal `json:"account_reference"`
	// Window is until when the provider is asked after it.
	Window time.Time `json:"window"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (StkPushRequested) EventType() string { return "StkPushRequested" }

// SubjectName is whose key seals it.
func (e StkPushRequested) SubjectName() string { return e.Subject }

// StkPushAccepted says that the provider took the push: queued, not paid.
type StkPushAccepted struct {
	Reference         Reference `json:"reference"`
	Attempt           int       `json:"attempt"`
	Subject           string    `json:"subject"`
	MerchantRequestID string    `json:"merchant_request_id"`
	Named
	Raw domain.Personal `json:"raw"`
	At  time.Time       `json:"at"`
}

// Named is the push by Daraja's name of it, which ends with the payer's number.
type Named struct {
	CheckoutRequestID domain.Personal `json:"checkout_request_id,omitempty"`
	// InTheClear is what events of older versions have in its place.
	InTheClear string `json:"clear_checkout_request_id,omitempty"`
}

func named(checkoutRequestID string) Named {
	return Named{CheckoutRequestID: domain.Personal(checkoutRequestID)}
}

// checkout is the name, empty when the event has none or the payer was erased.
func (n Named) checkout() string {
	if n.CheckoutRequestID != "" {
		return string(n.CheckoutRequestID)
	}
	return n.InTheClear
}

// EventType is the wire name.
func (StkPushAccepted) EventType() string { return "StkPushAccepted" }

// SubjectName is whose key seals it.
func (e StkPushAccepted) SubjectName() string { return e.Subject }

// StkPushRejected says that the provider refused the push, or that it certainly never got it: no prompt went out.
type StkPushRejected struct {
	Reference   Reference       `json:"reference"`
	Attempt     int             `json:"attempt"`
	Subject     string          `json:"subject"`
	Code        string          `json:"code"`
	FailureCode string          `json:"failure_code"`
	Reason      string          `json:"reason"`
	Raw         domain.Personal `json:"raw,omitempty"`
	At          time.Time       `json:"at"`
}

// EventType is the wire name.
func (StkPushRejected) EventType() string { return "StkPushRejected" }

// SubjectName is whose key seals it.
func (e StkPushRejected) SubjectName() string { return e.Subject }

// StkPushOutcomeUnknown says that the answer to the push was lost: the prompt may have gone out. It is never sent again.
type StkPushOutcomeUnknown struct {
	Reference Reference `json:"reference"`
	Attempt   int       `json:"attempt"`
	Detail    string    `json:"detail"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (StkPushOutcomeUnknown) EventType() string { return "StkPushOutcomeUnknown" }

// CardCheckoutRequested says that a payment page is about to be opened at the card provider.
type CardCheckoutRequested struct {
	Reference Reference `json:"reference"`
	Attempt   int       `json:"attempt"`
	Channel   int64     `json:"channel_id"`
	// ProviderReference is our name of the attempt at the provider, unique there.
	ProviderReference string    `json:"provider_reference"`
	At                time.Time `json:"at"`
}

// EventType is the wire name.
func (CardCheckoutRequested) EventType() string { return "CardCheckoutRequested" }

// CardCheckoutOpened says where the customer pays by card.
type CardCheckoutOpened struct {
	Reference Reference       `json:"reference"`
	Attempt   int             `json:"attempt"`
	Subject   string          `json:"subject"`
	URL       domain.Personal `json:"url"`
	Raw       domain.Personal `json:"raw,omitempty"`
	At        time.Time       `json:"at"`
}

// EventType is the wire name.
func (CardCheckoutOpened) EventType() string { return "CardCheckoutOpened" }

// SubjectName is whose key seals it.
func (e CardCheckoutOpened) SubjectName() string { return e.Subject }

// CallbackReceived keeps what a provider said, word for word, before it is understood.
type CallbackReceived struct {
	Reference Reference `json:"reference"`
	Attempt   int       `json:"attempt"`
	Subject   string    `json:"subject"`
	Door      Door      `json:"door"`
	// Digest is the keyed hash of door, attempt and body: a repetition has the same.
	Digest string          `json:"digest"`
	Raw    domain.Personal `json:"raw"`
	At     time.Time       `json:"at"`
}

// EventType is the wire name.
func (CallbackReceived) EventType() string { return "CallbackReceived" }

// SubjectName is whose key seals it.
func (e CallbackReceived) SubjectName() string { return e.Subject }

// PaymentReceived says that money came, under a receipt of the provider. Each receipt stands once.
type PaymentReceived struct {
	Reference Reference   `json:"reference"`
	Attempt   int         `json:"attempt"`
	Door      Door        `json:"door"`
	Receipt   string      `json:"receipt"`
	Amount    money.Money `json:"amount"`
	// Credited and Surplus are what this adds to what the merchant is credited (never more than was asked) and to what
	// is left over to reconcile. Either may be negative when it corrects a confirmation that named no amount.
	Credited money.Money `json:"credited"`
	Surplus  money.Money `json:"surplus"`
	Method   Method      `json:"method"`
	PaidAt   time.Time   `json:"paid_at"`
	Subject  string      `json:"subject,omitempty"`
	// Named is the push that the notice named, if it named one.
	Named
	Digest string `json:"digest,omitempty"`
	Terms
	At time.Time `json:"at"`
}

// SubjectName is whose key seals it.
func (e PaymentReceived) SubjectName() string { return e.Subject }

// Terms are what the rules of the channel said of a movement of money when it was counted: where it is, whose it is, and
// what it costs. Events of version 1 have none: their channel is the attempt's and the money the merchant's own.
type Terms struct {
	Channel int64      `json:"channel_id,omitempty"`
	Funds   fee.Funds  `json:"funds,omitempty"`
	Charge  fee.Charge `json:"charge,omitzero"`
}

// EventType is the wire name.
func (PaymentReceived) EventType() string { return "PaymentReceived" }

// PaymentConfirmed says that the provider, asked by us, called an attempt successful without naming a receipt.
type PaymentConfirmed struct {
	Reference Reference   `json:"reference"`
	Attempt   int         `json:"attempt"`
	Door      Door        `json:"door"`
	Credited  money.Money `json:"credited"`
	Surplus   money.Money `json:"surplus"`
	Method    Method      `json:"method"`
	Digest    string      `json:"digest,omitempty"`
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (PaymentConfirmed) EventType() string { return "PaymentConfirmed" }

// AttemptFailed says that an attempt to pay failed, by whose word.
type AttemptFailed struct {
	Reference   Reference `json:"reference"`
	Attempt     int       `json:"attempt"`
	Door        Door      `json:"door"`
	Code        string    `json:"code"`
	FailureCode string    `json:"failure_code"`
	Reason      string    `json:"reason"`
	Subject     string    `json:"subject,omitempty"`
	// Named is the push that the notice named, if it named one.
	Named
	Digest string    `json:"digest,omitempty"`
	At     time.Time `json:"at"`
}

// SubjectName is whose key seals it.
func (e AttemptFailed) SubjectName() string { return e.Subject }

// EventType is the wire name.
func (AttemptFailed) EventType() string { return "PaymentAttemptFailed" }

// Completed says that the transaction is paid.
type Completed struct {
	Reference Reference   `json:"reference"`
	Received  money.Money `json:"received"`
	Method    Method      `json:"method"`
	Receipt   string      `json:"receipt,omitempty"`
	PaidAt    time.Time   `json:"paid_at"`
	At        time.Time   `json:"at"`
}

// EventType is the wire name.
func (Completed) EventType() string { return "PaymentCompleted" }

// Failed says that the transaction failed; only money leaves this state.
type Failed struct {
	Reference   Reference `json:"reference"`
	FailureCode string    `json:"failure_code"`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (Failed) EventType() string { return "PaymentFailed" }

// Conflicted says that evidence contradicts other evidence and that a person has to look.
type Conflicted struct {
	Reference Reference    `json:"reference"`
	Attempt   int          `json:"attempt,omitempty"`
	Kind      ConflictKind `json:"kind"`
	Receipt   string       `json:"receipt,omitempty"`
	Detail    string       `json:"detail"`
	Digest    string       `json:"digest,omitempty"`
	At        time.Time    `json:"at"`
}

// EventType is the wire name.
func (Conflicted) EventType() string { return "PaymentConflicted" }

// Expired says that the transaction stopped waiting. It is no evidence that no money moved.
type Expired struct {
	Reference Reference `json:"reference"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (Expired) EventType() string { return "TransactionExpired" }

// Merged says that this transaction was the other half of a payment that another one asked for: that one is listed, and
// what was credited here is taken back.
type Merged struct {
	Reference Reference   `json:"reference"`
	Into      Reference   `json:"into"`
	Receipt   string      `json:"receipt"`
	Credited  money.Money `json:"credited"`
	Surplus   money.Money `json:"surplus"`
	// Terms take back what the payment was charged here.
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (Merged) EventType() string { return "TransactionMerged" }

// ProviderFeeReported says what the provider says that it took for a payment, where that is not what the rules had expected.
type ProviderFeeReported struct {
	Reference Reference `json:"reference"`
	Attempt   int       `json:"attempt"`
	Door      Door      `json:"door"`
	Receipt   string    `json:"receipt"`
	// Fee is the provider's charge for the payment, Was what the ledger held of it, taxes included in both.
	Fee    money.Money `json:"fee"`
	Was    money.Money `json:"was"`
	Digest string      `json:"digest,omitempty"`
	// Terms say where the money is; their charge is the difference.
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (ProviderFeeReported) EventType() string { return "ProviderFeeReported" }
