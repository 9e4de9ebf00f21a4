package commands

import (
	"context"
	"errors"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
)

// outcome is what M-Pesa says of money that was to leave. Neither done nor refused is no news.
type outcome struct {
	done, refused             bool
	receipt                   string
	amount, charge            *money.Money // nil when it doesn't say
	at                        *time.Time
	code, failureCode, reason string
	// reversed says that it was paid, and taken back.
	reversed bool
	// foreign says that it names another request than ours: it says nothing of this one.
	foreign bool
}

// attention is why a person has to look at it, empty when nobody has to.
func (o outcome) attention() string {
	switch {
	case o.foreign:
		return "a result came for it that names another request"
	case o.reversed:
		return "the provider says that it was paid and taken back"
	}
	return ""
}

// asked are the names of a request to M-Pesa: the one that we gave it, and the one that M-Pesa answered with, each empty where there is
// none.
type asked struct{ ours, theirs string }

// about leaves of a result what it says of the request. One names the request that it is for (Daraja, Reversal and B2C, Result); where the
// answer to the request was lost and it had no name of ours, nothing is known to compare, and only the unguessable URL tells.
func (o outcome) about(request asked, got mpesa.Result) outcome {
	if request == (asked{}) || got.OriginatorConversationID != "" && got.OriginatorConversationID == request.ours ||
		got.ConversationID != "" && got.ConversationID == request.theirs {
		return o
	}
	return outcome{foreign: true}
}

// outcomeOf is what a result's code says of the money.
func outcomeOf(code string, o mpesa.Outcome) outcome {
	switch o.Class {
	case mpesa.ClassSuccess:
		return outcome{done: true}
	case mpesa.ClassFinal, mpesa.ClassRetry:
		return outcome{refused: true, code: code, failureCode: o.FailureCode, reason: o.Reason}
	case mpesa.ClassPending, mpesa.ClassAmbiguous:
	}
	return outcome{}
}

// readB2C reads the result of a payment to a phone that was asked for by these names (Daraja, B2C, Result).
func readB2C(body []byte, request asked) (outcome, error) {
	got, err := mpesa.DecodeB2CResult(body)
	if got.ResultCode == "" {
		return outcome{}, err
	}
	out := outcomeOf(got.ResultCode, got.Outcome)
	out.receipt, out.amount, out.at = got.Receipt, got.Amount, got.CompletedAt
	return out.about(request, got.Result), nil
}

// readB2CStatus reads the answer to a question after a payment to a phone (Daraja, Transaction Status, Result).
func readB2CStatus(body []byte) (outcome, error) {
	got, err := mpesa.DecodeTransactionStatusResult(body)
	if got.ResultCode == "" {
		return outcome{}, err
	}
	out := outcome{at: got.FinalisedAt}
	switch got.State {
	case mpesa.TransactionCompleted:
		out.done, out.receipt, out.amount, out.charge = true, got.Receipt, got.Amount, sumOf(got.Charges)
	case mpesa.TransactionFailed:
		out.refused, out.code, out.reason = true, got.Status, "M-Pesa did not carry it out: "+got.Status
	case mpesa.TransactionReversed:
		out.reversed = true
	case mpesa.TransactionUnknown:
	}
	return out, nil
}

// sumOf is what was taken in all, nil when nothing was named.
func sumOf(charges []mpesa.Charge) *money.Money {
	if len(charges) == 0 {
		return nil
	}
	sum := money.Of(0, money.KES)
	for _, c := range charges {
		if c.Amount.Currency == sum.Currency {
			sum = sum.Add(c.Amount)
		}
	}
	return &sum
}

// payPhone asks Daraja to pay a phone out of the channel's shortcode, under our name for it. It is called once for a name.
func (w *WriteSide) payPhone(ctx context.Context, ch channel.State, name string, amount money.Money, number string, notices mpesa.Notices) (mpesa.InitiatorAccepted, error) {
	return w.Mpesa.B2C(ctx, channelKey(ch), mpesaCredentials(ch), mpesa.B2CRequest{
		OriginatorConversationID: name, Amount: amount, Phone: number, Remarks: name, Notices: notices,
	})
}

// mpesaRefusal is Daraja's no to a call that moves money, when it is one: nothing was done, and nothing done before under the
// same name is denied.
func mpesaRefusal(err error) (*mpesa.Error, bool) {
	var failed *mpesa.Error
	if !errors.As(err, &failed) || failed.Kind == mpesa.Unknown {
		return nil, false
	}
	code, _ := failed.Reason()
	return failed, code != mpesa.FailureDuplicateRequest
}
