package commands

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
)

// sendRefund asks the provider to give the money back, and records what it answers. Only the caller whose append of
// RefundRequested won may call it, once. The error is only ever that it could not be recorded.
func (w *WriteSide) sendRefund(ctx context.Context, s transaction.State, id int64, ch channel.State, by By) (Outcome[transaction.State], error) {
	ctx = context.WithoutCancel(ctx) // it must be accounted for also when the client hangs up
	r, _ := s.RefundOf(id)
	by.Causation = r.Name
	callCtx, cancel := context.WithTimeout(ctx, pushTimeout)
	cmd, err := w.askForRefund(callCtx, r, ch)
	cancel()
	if err != nil {
		w.Logger.Warn().Str("reference", string(s.Reference)).Str("refund", r.Name).Int64("channel", ch.ID).Err(err).Msg("refund not accepted")
	}
	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return Handle(ctx, w, s.Reference.Stream(), cmd, by)
}

// askForRefund makes the call, and answers what is to be recorded of it.
func (w *WriteSide) askForRefund(ctx context.Context, r transaction.Refund, ch channel.State) (domain.Command[transaction.State], error) {
	var id string
	var raw []byte
	var err error
	switch r.Way {
	case transaction.RefundByPaystack:
		var f paystack.Refund
		f, err = w.Paystack.CreateRefund(ctx, paystack.ChannelKey(channel.Stream(ch.ID)), paystackCredentials(ch), paystack.RefundRequest{
			Transaction: r.RefundRequested.Receipt, Amount: r.Amount, MerchantNote: r.Name,
		})
		id, raw = f.ID, f.Raw
	case transaction.RefundByReversal:
		var a mpesa.InitiatorAccepted
		a, err = w.Mpesa.Reversal(ctx, channelKey(ch), mpesaCredentials(ch), mpesa.ReversalRequest{
			Receipt: r.RefundRequested.Receipt, Amount: r.Amount, Remarks: r.Name, Notices: w.refundNotices(r, "result"),
		})
		id, raw = a.ConversationID, a.Raw
	case transaction.RefundByPayout:
		var a mpesa.InitiatorAccepted
		a, err = w.payPhone(ctx, ch, r.Name, r.Amount, string(r.Phone), w.refundNotices(r, "result"))
		id, raw = a.ConversationID, a.Raw
	}
	now := w.log.Now()
	if err == nil {
		return transaction.AcceptRefund{Refund: r.Refund, ProviderID: id, Raw: string(raw), At: now}, nil
	}
	refused := transaction.WeighRefund{Refund: r.Refund, Door: transaction.DoorRefundAnswer, Refused: true, At: now}
	byMpesa, clearly := mpesaRefusal(err)
	var byPaystack *paystack.Error
	switch {
	case clearly:
		refused.Code, refused.Raw = byMpesa.Code, string(byMpesa.Raw)
		refused.FailureCode, refused.Reason = byMpesa.Reason()
	case errors.As(err, &byPaystack) && byPaystack.Kind != paystack.Unknown:
		refused.Code, refused.Raw = byPaystack.Code, string(byPaystack.Raw)
		refused.FailureCode, refused.Reason = byPaystack.Reason()
	default:
		return transaction.LoseRefund{Refund: r.Refund, Detail: "no clear answer from the provider", At: now}, err
	}
	refused.Digest = w.derive.hash("refund answer", r.Name, refused.Raw)
	return refused, err
}

// refundNotices are where Daraja reports what became of a refund: reference and token in lowercase hex, as with pushes.
func (w *WriteSide) refundNotices(r transaction.Refund, what string) mpesa.Notices {
	id := itoa(r.Refund)
	base := w.PublicURL + "/hooks/refund/" + hex.EncodeToString([]byte(r.Reference)) + "/" + id + "/" + w.derive.token("refund", string(r.Reference), id)
	return mpesa.Notices{ResultURL: base + "/" + what, QueueTimeOutURL: base + "/timeout"}
}
