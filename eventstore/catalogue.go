package eventstore

import (
	"bytes"

	"github.com/benfex/kipay/domain/analyst"
	"github.com/benfex/kipay/domain/audit"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/idempotency"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/domain/reaction"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/retention"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// Catalogue is every type of event that Kipay writes, with its newest version. docs/events.md is made from it, and each
// type and version has a golden file in testdata/events. A changed wire form is a new version with an upcaster.
func Catalogue() []EventType {
	// Version 2 of these has fields that were added; what has none of them means what their absence says.
	added := map[int]Upcast{1: func(data []byte) ([]byte, error) { return data, nil }}
	// The same, of events that had Daraja's name of a push in the clear.
	sealed := map[int]Upcast{1: clearCheckout, 2: clearCheckout}
	return []EventType{
		{Prototype: merchant.Created{}, Version: 1, AppendedBy: "operator (merchant create), first run", Meaning: "A merchant was opened."},
		{Prototype: merchant.ChannelAttached{}, Version: 1, AppendedBy: "payment-channels/create; reactor after a crash", Meaning: "A payment channel belongs to the merchant."},
		{Prototype: merchant.DefaultChannelSet{}, Version: 1, AppendedBy: "payment-channels/create; reactor after a crash", Meaning: "A payment channel is used when a request names none."},
		{Prototype: merchant.KeyIssued{}, Version: 1, AppendedBy: "operator (merchant create, key issue), first run", Meaning: "An API key is valid. The key itself is nowhere."},
		{Prototype: merchant.KeyRevoked{}, Version: 1, AppendedBy: "operator (key revoke)", Meaning: "An API key is valid no more."},
		{Prototype: channel.Created{}, Version: 2, Upcasts: added, AppendedBy: "payment-channels/create", Meaning: "A payment channel was opened; its secrets are sealed."},
		{Prototype: channel.C2BUrlsRegistered{}, Version: 1, AppendedBy: "register-c2b-urls", Meaning: "The provider took the URLs for customer payments."},
		{Prototype: channel.Deactivated{}, Version: 1, AppendedBy: "operator (channel off)", Meaning: "A payment channel takes no new payments."},
		{Prototype: channel.Activated{}, Version: 1, AppendedBy: "operator (channel on)", Meaning: "A payment channel takes new payments again."},
		{Prototype: channel.InitiatorSet{}, Version: 2, Upcasts: added, AppendedBy: "operator (channel initiator)", Meaning: "A payment channel can give money back through Daraja."},
		{Prototype: channel.PullingSet{}, Version: 1, AppendedBy: "operator (channel pull)", Meaning: "The payments of an M-Pesa channel are asked for every so often, or no more."},
		{Prototype: channel.FeeRulesSet{}, Version: 1, AppendedBy: "operator (channel fees)", Meaning: "Payments through a channel are charged by these rules from then on."},
		{Prototype: channel.ShortCodeRouted{}, Version: 1, AppendedBy: "payment-channels/create (production), register-c2b-urls (sandbox)", Meaning: "A shortcode's customer payments belong to a channel."},
		{Prototype: customer.Created{}, Version: 1, AppendedBy: "customers/create, initialize", Meaning: "A customer was opened."},
		{Prototype: customer.Updated{}, Version: 1, AppendedBy: "customers/create with an email that exists", Meaning: "A customer's contact details changed."},
		{Prototype: customer.IDAssigned{}, Version: 1, AppendedBy: "reactor, after CustomerCreated", Meaning: "A customer's number points to the customer."},
		{Prototype: customer.ErasureScheduled{}, Version: 1, AppendedBy: "customers/{id}/erase; operator (customer erase); reactor", Meaning: "A customer is erased when nothing stands against it any more."},
		{Prototype: customer.ErasureDue{}, Version: 1, AppendedBy: "the same, before it", Meaning: "A scheduled erasure is found in the month in which it falls due."},
		{Prototype: customer.ErasureCancelled{}, Version: 1, AppendedBy: "operator (customer erase --cancel)", Meaning: "A customer stays."},
		{Prototype: customer.ErasureStarted{}, Version: 1, AppendedBy: "customers/{id}/erase; operator (customer erase); reactor", Meaning: "A customer's keys are about to be destroyed."},
		{Prototype: customer.Erased{}, Version: 1, AppendedBy: "the same, and a reactor after a crash", Meaning: "A customer's keys are destroyed; read models drop what they hold."},
		{Prototype: customer.HoldNumbered{}, Version: 1, AppendedBy: "operator (hold place), before the hold", Meaning: "A legal hold's number points to the customer."},
		{Prototype: customer.HoldPlaced{}, Version: 1, AppendedBy: "operator (hold place)", Meaning: "A customer is not erased while this stands."},
		{Prototype: customer.HoldReleased{}, Version: 1, AppendedBy: "operator (hold release)", Meaning: "A legal hold stands no more."},
		{Prototype: retention.RulesSet{}, Version: 1, AppendedBy: "operator (retention set)", Meaning: "Data about payments is kept for these years from then on."},
		{Prototype: analyst.Issued{}, Version: 1, AppendedBy: "operator (analyst issue)", Meaning: "A token for the analysts' port is valid. The token itself is nowhere."},
		{Prototype: analyst.Revoked{}, Version: 1, AppendedBy: "operator (analyst revoke)", Meaning: "A token for the analysts' port is valid no more."},
		{Prototype: period.Closed{}, Version: 1, AppendedBy: "periods/close; operator (period close)", Meaning: "A month of the books is closed, and all before it."},
		{Prototype: audit.DataRead{}, Version: 2, Upcasts: added, AppendedBy: "transactions/{reference}/history, audit/events and others that open what is sealed; the analysts' port; operator (events --open)", Meaning: "Somebody looked at audit data."},
		{Prototype: ids.BlockReserved{}, Version: 1, AppendedBy: "any command that draws an id", Meaning: "A block of integer ids was handed to a node."},
		{Prototype: idempotency.Intended{}, Version: 1, AppendedBy: "every POST with an Idempotency-Key that opens no transaction", Meaning: "A request with this key is being carried out."},
		{Prototype: idempotency.Answered{}, Version: 1, AppendedBy: "the same, when done", Meaning: "What every repetition of the request is answered."},
		{Prototype: treehead.Signed{}, Version: 1, AppendedBy: "any node, when events were added", Meaning: "A head of the Merkle tree over all events was signed."},
		{Prototype: treehead.Cosigned{}, Version: 1, AppendedBy: "any node, for its witnesses", Meaning: "Witnesses have seen a signed head."},
		{Prototype: treehead.KeyRotated{}, Version: 1, AppendedBy: "any node, before the first head; operator (proofs rotate)", Meaning: "A key signs heads from now on."},
		{Prototype: treehead.KeyRetired{}, Version: 1, AppendedBy: "operator (proofs retire)", Meaning: "A key signs no more heads; what it signed stays true."},
		{Prototype: reaction.Checkpointed{}, Version: 1, AppendedBy: "reactors", Meaning: "A reactor has dealt with everything up to a position."},
		{Prototype: receipt.Confirmation{}, Version: 1, AppendedBy: "the C2B confirmation doors", Meaning: "A customer's payment was reported, word for word."},
		{Prototype: receipt.Claimed{}, Version: 1, AppendedBy: "whichever door brings the receipt first", Meaning: "A provider's receipt pays this transaction and no other."},
		{Prototype: receipt.Reassigned{}, Version: 1, AppendedBy: "a push whose receipt stood alone", Meaning: "A receipt moved to the transaction that had asked for the money."},
		{Prototype: receipt.SuspenseOpened{}, Version: 1, AppendedBy: "reconciliation of a statement", Meaning: "Money that only a statement shows, and that fits nothing here, stands in suspense."},
		{Prototype: receipt.SuspenseRestored{}, Version: 1, AppendedBy: "reconciliation/items/reopen; operator (reconcile reopen)", Meaning: "Money did not leave suspense after all: it was not returned, or is not to be written off."},
		{Prototype: receipt.SuspenseReleased{}, Version: 1, AppendedBy: "reconciliation/items/resolve; whichever door brings the receipt later", Meaning: "Money left suspense: credited, written off or returned."},
		{Prototype: receipt.StatusAsked{}, Version: 1, AppendedBy: "reconciliation/items/ask; operator (reconcile ask)", Meaning: "The provider is about to be asked what it knows of a receipt."},
		{Prototype: receipt.StatusAnswered{}, Version: 1, AppendedBy: "the provider's doors", Meaning: "What the provider says of a receipt, word for word."},
		{Prototype: journal.FileClaimed{}, Version: 1, AppendedBy: "reconciliation/imports; operator (reconcile import)", Meaning: "A statement's file belongs to an import."},
		{Prototype: journal.Begun{}, Version: 1, AppendedBy: "reconciliation/imports; operator (reconcile import)", Meaning: "A statement came; nothing of it counts yet."},
		{Prototype: journal.Refused{}, Version: 1, AppendedBy: "reconciliation", Meaning: "Nothing of a statement was taken, and why."},
		{Prototype: journal.DifferencesFound{}, Version: 1, AppendedBy: "reconciliation", Meaning: "Where a statement and the books differ, and why."},
		{Prototype: journal.Reconciled{}, Version: 1, AppendedBy: "reconciliation", Meaning: "A statement was compared with the books; its differences stand."},
		{Prototype: journal.Counted{}, Version: 1, AppendedBy: "reconciliation; a reactor after a crash", Meaning: "What is certain of a statement has counted."},
		{Prototype: journal.Resolved{}, Version: 1, AppendedBy: "reconciliation; reconciliation/items/resolve; operator (reconcile resolve); a reactor, of what can't be booked", Meaning: "What was decided about differences, or taken back."},
		{Prototype: journal.MappingKept{}, Version: 1, AppendedBy: "reconciliation/imports; operator (reconcile import)", Meaning: "How a bank writes its statements."},
		{Prototype: receipt.PushExpected{}, Version: 1, AppendedBy: "stk-push, checkout", Meaning: "A push asked for money under this account reference."},
		{Prototype: transaction.Initialized{}, Version: 1, AppendedBy: "initialize, stk-push, C2B confirmation", Meaning: "A transaction was opened."},
		{Prototype: transaction.StkPushRequested{}, Version: 1, AppendedBy: "stk-push, checkout", Meaning: "A prompt is about to be sent to a phone."},
		{Prototype: transaction.StkPushAccepted{}, Version: 2, Upcasts: sealed, AppendedBy: "stk-push, checkout", Meaning: "The provider queued the prompt; nothing is paid."},
		{Prototype: transaction.StkPushRejected{}, Version: 1, AppendedBy: "stk-push, checkout", Meaning: "No prompt went out, and why."},
		{Prototype: transaction.StkPushOutcomeUnknown{}, Version: 1, AppendedBy: "stk-push, checkout; reactor after a crash", Meaning: "The answer to the push was lost; a prompt may have gone out."},
		{Prototype: transaction.CardCheckoutRequested{}, Version: 1, AppendedBy: "checkout", Meaning: "A payment page is about to be opened at the card provider."},
		{Prototype: transaction.CardCheckoutOpened{}, Version: 1, AppendedBy: "checkout", Meaning: "The card provider opened a payment page."},
		{Prototype: transaction.CallbackReceived{}, Version: 1, AppendedBy: "the providers' doors; the status reactor", Meaning: "What a provider said, word for word."},
		{Prototype: transaction.PaymentReceived{}, Version: 3, Upcasts: sealed, AppendedBy: "the providers' doors, reactors", Meaning: "Money came under a receipt."},
		{Prototype: transaction.PaymentConfirmed{}, Version: 2, Upcasts: added, AppendedBy: "the status reactor", Meaning: "The provider, asked, called an attempt paid."},
		{Prototype: transaction.ProviderFeeReported{}, Version: 1, AppendedBy: "the providers' doors", Meaning: "The provider took another fee than the rules had expected."},
		{Prototype: transaction.AttemptFailed{}, Version: 2, Upcasts: sealed, AppendedBy: "the providers' doors, reactors", Meaning: "An attempt to pay failed, by whose word."},
		{Prototype: transaction.Completed{}, Version: 1, AppendedBy: "with the evidence that completes it", Meaning: "The transaction is paid."},
		{Prototype: transaction.Failed{}, Version: 1, AppendedBy: "with the evidence that fails it", Meaning: "The transaction failed."},
		{Prototype: transaction.Conflicted{}, Version: 1, AppendedBy: "with the evidence that contradicts", Meaning: "Evidence contradicts other evidence; a person has to look."},
		{Prototype: transaction.Expired{}, Version: 1, AppendedBy: "the expiry reactor", Meaning: "The transaction stopped waiting."},
		{Prototype: transaction.Merged{}, Version: 2, Upcasts: added, AppendedBy: "a push whose receipt stood alone", Meaning: "The transaction is the other half of one that asked for the money."},
		{Prototype: transaction.RefundRequested{}, Version: 1, AppendedBy: "refunds/create", Meaning: "Money is about to be given back."},
		{Prototype: transaction.RefundAccepted{}, Version: 1, AppendedBy: "refunds/create; the refund reactor", Meaning: "The provider queued the refund; nothing has gone back."},
		{Prototype: transaction.RefundOutcomeUnknown{}, Version: 1, AppendedBy: "refunds/create; the refund reactor", Meaning: "The answer was lost; the money may be on its way."},
		{Prototype: transaction.RefundNoticeReceived{}, Version: 1, AppendedBy: "the providers' doors; the refund reactor; operator (refund settle, fail)", Meaning: "What a provider, or a person, said of a refund, word for word."},
		{Prototype: transaction.RefundCompleted{}, Version: 1, AppendedBy: "the providers' doors; the refund reactor; operator (refund settle)", Meaning: "The money has gone back."},
		{Prototype: transaction.RefundFailed{}, Version: 1, AppendedBy: "refunds/create; the providers' doors; the refund reactor; operator (refund fail)", Meaning: "The money has not gone back."},
		{Prototype: transaction.RefundNeedsAttention{}, Version: 1, AppendedBy: "the refund reactor; the providers' doors", Meaning: "A person has to find out what became of a refund, or to look at it."},
		{Prototype: transaction.PaymentReversed{}, Version: 1, AppendedBy: "the providers' doors; the refund reactor", Meaning: "The provider took money back without having been asked."},
		{Prototype: payout.Requested{}, Version: 1, AppendedBy: "payouts/create", Meaning: "Money is wanted at a merchant's phone, bank or till; it is reserved by then."},
		{Prototype: payout.Abandoned{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "Money was reserved for a payout that nobody went on with."},
		{Prototype: payout.Approved{}, Version: 1, AppendedBy: "payouts/approve; operator (payout approve)", Meaning: "A second person agreed to a payout."},
		{Prototype: payout.Rejected{}, Version: 1, AppendedBy: "payouts/reject; operator (payout reject)", Meaning: "A person stopped a payout before it was sent."},
		{Prototype: payout.Sent{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "The provider is about to be asked to pay, once."},
		{Prototype: payout.Accepted{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "The provider queued the payout; nothing is paid."},
		{Prototype: payout.OutcomeUnknown{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "The answer was lost; the money may be on its way."},
		{Prototype: payout.NoticeReceived{}, Version: 1, AppendedBy: "the provider's doors; operator (payout settle, fail)", Meaning: "What a provider, or a person, said of a payout, word for word."},
		{Prototype: payout.Completed{}, Version: 1, AppendedBy: "the provider's doors; operator (payout settle)", Meaning: "The provider has paid."},
		{Prototype: payout.ChargeReported{}, Version: 1, AppendedBy: "the provider's doors; reconciliation of a statement", Meaning: "What the provider took for a payout."},
		{Prototype: payout.Failed{}, Version: 1, AppendedBy: "the payout reactor; the provider's doors; operator (payout fail)", Meaning: "The provider has not paid."},
		{Prototype: payout.NeedsAttention{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "A person has to find out what became of a payout."},
		{Prototype: payout.Recorded{}, Version: 1, AppendedBy: "payouts/record; operator (payout record)", Meaning: "A person made the transfer, by the bank's reference."},
		{Prototype: payout.PolicySet{}, Version: 1, AppendedBy: "operator (payout policy)", Meaning: "Above which amount a second person has to agree to a payout."},
		{Prototype: payout.Counted{}, Version: 1, AppendedBy: "the funds reactor", Meaning: "What payments through a channel add up to, as of a position."},
		{Prototype: payout.FundsReserved{}, Version: 1, AppendedBy: "payouts/create", Meaning: "Money of a channel's is set apart for a payout."},
		{Prototype: payout.FundsReleased{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "Money that was set apart is free again: nothing was paid."},
		{Prototype: payout.FundsPaid{}, Version: 1, AppendedBy: "the payout reactor", Meaning: "Money that was set apart has left for good."},
		{Prototype: transaction.PaymentDisputed{}, Version: 1, AppendedBy: "the Paystack webhook; the dispute reactor", Meaning: "The payer complained to the bank; nothing is taken yet."},
		{Prototype: transaction.ChargebackPromised{}, Version: 1, AppendedBy: "disputes/{id}/accept", Meaning: "A dispute is about to be accepted: so much can't be refunded besides."},
		{Prototype: transaction.ChargebackReleased{}, Version: 1, AppendedBy: "disputes/{id}/accept; the dispute reactor", Meaning: "What was promised to a dispute is not taken after all."},
		{Prototype: dispute.Opened{}, Version: 1, AppendedBy: "the Paystack webhook; the dispute reactor", Meaning: "A payer complains about a payment."},
		{Prototype: dispute.NoticeReceived{}, Version: 1, AppendedBy: "the Paystack webhook; the dispute reactor; disputes/{id}/accept and decline", Meaning: "What the provider said of a dispute, word for word."},
		{Prototype: dispute.Reminded{}, Version: 1, AppendedBy: "the Paystack webhook", Meaning: "The provider reminded the merchant to answer."},
		{Prototype: dispute.Moved{}, Version: 1, AppendedBy: "the Paystack webhook; the dispute reactor", Meaning: "It is somebody else's turn, or the deadline changed."},
		{Prototype: dispute.EvidenceGiven{}, Version: 1, AppendedBy: "disputes/{id}/evidence", Meaning: "What the merchant says about the payment is about to be sent."},
		{Prototype: dispute.EvidenceAccepted{}, Version: 1, AppendedBy: "disputes/{id}/evidence", Meaning: "The provider has the evidence."},
		{Prototype: dispute.EvidenceFailed{}, Version: 1, AppendedBy: "disputes/{id}/evidence", Meaning: "The provider may not have the evidence."},
		{Prototype: dispute.AnswerRequested{}, Version: 1, AppendedBy: "disputes/{id}/accept and decline", Meaning: "The provider is about to be told the merchant's answer."},
		{Prototype: dispute.AnswerAccepted{}, Version: 1, AppendedBy: "disputes/{id}/accept and decline; the dispute reactor", Meaning: "The provider took the answer."},
		{Prototype: dispute.AnswerRefused{}, Version: 1, AppendedBy: "disputes/{id}/accept and decline; the dispute reactor", Meaning: "The provider did not take the answer."},
		{Prototype: dispute.AnswerUnknown{}, Version: 1, AppendedBy: "disputes/{id}/accept and decline; the dispute reactor", Meaning: "The provider's word on the answer was lost."},
		{Prototype: dispute.Resolved{}, Version: 1, AppendedBy: "the Paystack webhook; the dispute reactor", Meaning: "A dispute ended: won, lost or closed."},
		{Prototype: dispute.NeedsAttention{}, Version: 1, AppendedBy: "the Paystack webhook; the dispute reactor", Meaning: "A person has to look at a dispute."},
	}
}

// clearCheckout keeps a name of a push that was written in the clear apart from those that are sealed. In JSON no text can hold
// what is looked for: its quotes would be escaped.
func clearCheckout(data []byte) ([]byte, error) {
	return bytes.Replace(data, []byte(`"checkout_request_id":`), []byte(`"clear_checkout_request_id":`), 1), nil
}
