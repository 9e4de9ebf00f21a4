package projections

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// Transaction is a payment as the read model holds it.
type Transaction struct {
	MerchantID int64
	Mode       domain.Mode
	CreatedAt  time.Time
	ID         int64
	// Version is the position of the event that the row shows, Revision its place in the stream.
	Version   eventstore.Position
	Revision  eventstore.Revision
	Reference string
	Status    transaction.Status
	// Listed is false for a part of another transaction, MergedInto.
	Listed                              bool
	Currency                            money.Currency
	Amount, Received, Credited, Surplus int64 // minor units
	Refunded                            int64 // minor units
	PaymentMethod, Provider, Origin     string
	ChannelID, CustomerID               int64
	Email, FirstName, LastName, Phone   string
	Description, MerchantReference      string
	Pushes                              uint16
	PhoneNumber, CheckoutRequestID      string // of the newest push
	Receipt, FailureCode, FailureReason string
	PaidAt, ExpiresAt                   time.Time
	CompletedAt, UpdatedAt              time.Time
	NeedsReview                         bool
	MergedInto                          string
}

// TransactionOf is the row of a state whose last event stands at version and revision.
func TransactionOf(s transaction.State, version eventstore.Position, revision eventstore.Revision) Transaction {
	t := Transaction{
		MerchantID: s.Merchant, Mode: s.Mode, CreatedAt: s.At, ID: s.ID, Version: version, Revision: revision,
		Reference: string(s.Reference), Status: s.Status(), Listed: s.MergedInto == "", Currency: s.Amount.Currency,
		Amount: s.Amount.Minor, Received: s.Received().Minor, Credited: s.Credited.Minor, Surplus: s.Surplus.Minor,
		PaymentMethod: string(s.Method()), Origin: string(s.Origin),
		CustomerID: s.Customer, Email: string(s.Email), FirstName: string(s.FirstName), LastName: string(s.LastName),
		Phone: string(s.Phone), Description: string(s.Description), MerchantReference: string(s.MerchantReference),
		Receipt: s.Receipt(), PaidAt: s.PaidAt(), ExpiresAt: s.ExpiresAt, CompletedAt: s.CompletedAt, UpdatedAt: s.UpdatedAt,
		NeedsReview: len(s.Conflicts) > 0, MergedInto: string(s.MergedInto), Refunded: s.Refunded().Minor,
	}
	t.ChannelID, t.Provider = s.Through()
	t.FailureCode, t.FailureReason, _ = s.Failure()
	for i := range s.Attempts {
		if a := &s.Attempts[i]; a.Method == transaction.MethodMpesaSTK {
			t.Pushes++
			t.PhoneNumber, t.CheckoutRequestID = a.Phone, a.CheckoutRequestID
		}
	}
	return t
}

// transactionColumns are rows of the table transactions.
type transactionColumns struct {
	*table
	merchant, id, revision, amount, received, credited, surplus, channel, customer values[int64]
	refunded                                                                       values[int64]
	created, paid, expires, completed, updated                                     values[int64]
	version                                                                        values[uint64]
	listed, review                                                                 values[uint8]
	pushes                                                                         values[uint16]
	mode, reference, status, currency, method, provider, origin                    values[string]
	email, firstName, lastName, phone, description, merchantReference, phoneNumber values[string]
	checkoutRequestID, receipt, failureCode, failureReason, mergedInto             values[string]
}

func newTransactionColumns() *transactionColumns {
	c := &transactionColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		created: values[int64]{name: "created_at", sentAs: sentMillis}, id: values[int64]{name: "id", sentAs: sentInt64},
		version: values[uint64]{name: "version", sentAs: sentUInt64}, revision: values[int64]{name: "revision", sentAs: sentInt64},
		reference: values[string]{name: "reference", sentAs: sentString}, status: values[string]{name: "status", sentAs: sentString},
		listed: values[uint8]{name: "listed", sentAs: sentUInt8}, currency: values[string]{name: "currency", sentAs: sentString},
		amount: values[int64]{name: "amount_minor", sentAs: sentInt64}, received: values[int64]{name: "received_minor", sentAs: sentInt64},
		credited: values[int64]{name: "credited_minor", sentAs: sentInt64}, surplus: values[int64]{name: "surplus_minor", sentAs: sentInt64},
		method: values[string]{name: "payment_method", sentAs: sentString}, provider: values[string]{name: "provider", sentAs: sentString},
		origin: values[string]{name: "origin", sentAs: sentString}, channel: values[int64]{name: "channel_id", sentAs: sentInt64},
		customer: values[int64]{name: "customer_id", sentAs: sentInt64}, email: values[string]{name: "email", sentAs: sentString},
		firstName: values[string]{name: "first_name", sentAs: sentString}, lastName: values[string]{name: "last_name", sentAs: sentString},
		phone: values[string]{name: "phone", sentAs: sentString}, description: values[string]{name: "description", sentAs: sentString},
		merchantReference: values[string]{name: "merchant_reference", sentAs: sentString}, pushes: values[uint16]{name: "pushes", sentAs: sentUInt16},
		phoneNumber:       values[string]{name: "phone_number", sentAs: sentString},
		checkoutRequestID: values[string]{name: "checkout_request_id", sentAs: sentString},
		receipt:           values[string]{name: "receipt", sentAs: sentString}, failureCode: values[string]{name: "failure_code", sentAs: sentString},
		failureReason: values[string]{name: "failure_reason", sentAs: sentString}, paid: values[int64]{name: "paid_at", sentAs: sentMillis},
		expires: values[int64]{name: "expires_at", sentAs: sentMillis}, completed: values[int64]{name: "completed_at", sentAs: sentMillis},
		updated: values[int64]{name: "updated_at", sentAs: sentMillis}, review: values[uint8]{name: "needs_review", sentAs: sentUInt8},
		mergedInto: values[string]{name: "merged_into", sentAs: sentString}, refunded: values[int64]{name: "refunded_minor", sentAs: sentInt64},
	}
	c.table = newTable("transactions", &c.merchant, &c.mode, &c.created, &c.id, &c.version, &c.revision, &c.reference, &c.status,
		&c.listed, &c.currency, &c.amount, &c.received, &c.credited, &c.surplus, &c.method, &c.provider, &c.origin, &c.channel,
		&c.customer, &c.email, &c.firstName, &c.lastName, &c.phone, &c.description, &c.merchantReference, &c.pushes,
		&c.phoneNumber, &c.checkoutRequestID, &c.receipt, &c.failureCode, &c.failureReason, &c.paid, &c.expires, &c.completed,
		&c.updated, &c.review, &c.mergedInto, &c.refunded)
	return c
}

func (c *transactionColumns) add(t *Transaction) {
	c.merchant.add(t.MerchantID)
	c.mode.add(string(t.Mode))
	c.created.add(millis(t.CreatedAt))
	c.id.add(t.ID)
	c.version.add(uint64(t.Version))
	c.revision.add(int64(t.Revision))
	c.reference.add(t.Reference)
	c.status.add(string(t.Status))
	c.listed.add(flag(t.Listed))
	c.currency.add(string(t.Currency))
	c.amount.add(t.Amount)
	c.received.add(t.Received)
	c.credited.add(t.Credited)
	c.surplus.add(t.Surplus)
	c.method.add(t.PaymentMethod)
	c.provider.add(t.Provider)
	c.origin.add(t.Origin)
	c.channel.add(t.ChannelID)
	c.customer.add(t.CustomerID)
	c.email.add(t.Email)
	c.firstName.add(t.FirstName)
	c.lastName.add(t.LastName)
	c.phone.add(t.Phone)
	c.description.add(t.Description)
	c.merchantReference.add(t.MerchantReference)
	c.pushes.add(t.Pushes)
	c.phoneNumber.add(t.PhoneNumber)
	c.checkoutRequestID.add(t.CheckoutRequestID)
	c.receipt.add(t.Receipt)
	c.failureCode.add(t.FailureCode)
	c.failureReason.add(t.FailureReason)
	c.paid.add(millis(t.PaidAt))
	c.expires.add(millis(t.ExpiresAt))
	c.completed.add(millis(t.CompletedAt))
	c.updated.add(millis(t.UpdatedAt))
	c.review.add(flag(t.NeedsReview))
	c.mergedInto.add(t.MergedInto)
	c.refunded.add(t.Refunded)
}
