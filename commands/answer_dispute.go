package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

// messageFile is what the merchant's words are called where there is no other file: Paystack takes no answer without one.
const messageFile = "message.txt"

// FindDispute is the dispute that a merchant's provider numbers so. Errors: NotFound.
func (w *WriteSide) FindDispute(ctx context.Context, merchantID int64, mode domain.Mode, id int64) (dispute.State, error) {
	m, err := w.merchants.get(ctx, w.log, merchant.Stream(merchantID))
	if err != nil {
		return dispute.State{}, err
	}
	var found dispute.State
	for _, ch := range m.State.Channels {
		out, err := fold[dispute.State](ctx, w.log, dispute.Stream(ch, id))
		if err != nil {
			return dispute.State{}, err
		}
		// Two channels with one account hear of the same strangers' payments: any of them will do.
		if s := out.State; s.Exists() && s.Merchant == merchantID && s.Mode == mode && !found.Known() {
			found = s
		}
	}
	if !found.Exists() {
		return found, domain.NotFoundf("dispute not found")
	}
	return found, nil
}

// AnswerDispute gives the merchant's answer to a dispute, once: what is accepted is first kept of the payment, so that it is
// not refunded too, then announced, and only whoever announced it tells the provider. It answers the dispute afterwards.
// Errors: Conflict, Invalid; ProviderRefused when the provider does not take it.
func (w *WriteSide) AnswerDispute(ctx context.Context, d dispute.State, cmd dispute.RequestAnswer, by By) (Outcome[dispute.State], error) {
	cmd.At = w.log.Now()
	stream := dispute.Stream(d.Channel, d.ID)
	before, err := fold[dispute.State](ctx, w.log, stream)
	if err != nil {
		return before, err
	}
	if events, err := cmd.Decide(before.State); err != nil || len(events) == 0 {
		return before, err // of a twin it was given already
	}
	promised := false
	if cmd.Answer == dispute.Accept && d.Known() {
		if promised, err = w.promiseChargeback(ctx, d, cmd, by); err != nil {
			return before, err
		}
	}
	out, err := Handle(ctx, w, stream, cmd, by)
	switch {
	case err != nil && promised && domain.CodeOf(err) != domain.CodeUnavailable:
		return out, errors.Join(err, w.releaseChargeback(context.WithoutCancel(ctx), d, by))
	case err != nil || !out.Wrote():
		return out, err
	}
	return w.sendAnswer(ctx, out.State, by)
}

// promiseChargeback keeps what is accepted of the payment.
func (w *WriteSide) promiseChargeback(ctx context.Context, d dispute.State, cmd dispute.RequestAnswer, by By) (promised bool, err error) {
	stream := transaction.Reference(d.Reference).Stream()
	note := transaction.NoteDispute{Dispute: d.ID, Channel: d.Channel, Amount: d.Amount, At: cmd.At}
	if _, err := Handle(ctx, w, stream, note, by); err != nil {
		return false, err
	}
	out, err := Handle(ctx, w, stream, transaction.PromiseChargeback{Dispute: d.ID, Amount: cmd.Amount, At: cmd.At}, by)
	return out.Wrote(), err
}

// leftOf is what is left of a disputed payment.
func (w *WriteSide) leftOf(ctx context.Context, d dispute.State) (money.Money, error) {
	known, err := fold[transaction.State](ctx, w.log, transaction.Reference(d.Reference).Stream())
	return known.State.Refundable(), err
}

// sendAnswer tells the provider, and records what it says. Only the caller whose append of AnswerRequested won may call it,
// once.
func (w *WriteSide) sendAnswer(ctx context.Context, d dispute.State, by By) (Outcome[dispute.State], error) {
	ctx = context.WithoutCancel(ctx) // it must be accounted for also when the client hangs up
	a, _ := d.LastAnswer()
	stream := dispute.Stream(d.Channel, d.ID)
	found, err := w.channels.get(ctx, w.log, channel.Stream(d.Channel))
	if err != nil {
		return Outcome[dispute.State]{State: d}, err
	}
	ch := found.State
	callCtx, cancel := context.WithTimeout(ctx, pushTimeout)
	told, failed := w.tellAnswer(callCtx, ch, d, a)
	cancel()
	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	settle := dispute.SettleAnswer{N: a.N, Outcome: dispute.Taken, At: w.log.Now()}
	if failed != nil {
		w.Logger.Warn().Int64("dispute", d.ID).Int64("channel", ch.ID).Err(failed).Msg("answer to a dispute not taken")
		settle.Outcome, settle.FailureCode, settle.Reason = refusalOf(failed)
	}
	out, err := Handle(ctx, w, stream, settle, by)
	if err != nil {
		return out, err
	}
	switch settle.Outcome {
	case dispute.Refused:
		if err := w.releaseChargeback(ctx, d, by); err != nil {
			return out, err
		}
		return out, &domain.Error{Code: domain.CodeProviderRefused, Message: settle.Reason, Reason: settle.FailureCode}
	case dispute.Taken:
		if err := w.receiveDispute(ctx, ch, disputeHeard{Dispute: told, Words: string(told.Raw), Door: dispute.DoorAnswer}, by); err != nil {
			return out, err
		}
		return fold[dispute.State](ctx, w.log, stream)
	case dispute.Unknown, dispute.Pending:
	}
	return out, nil
}

// tellAnswer makes the calls. The file goes first, so that nothing has been answered when it can't.
func (w *WriteSide) tellAnswer(ctx context.Context, ch channel.State, d dispute.State, a dispute.Answered) (paystack.Dispute, error) {
	id := itoa(d.ID)
	upload, evidence := d.Upload()
	if upload == "" {
		var err error
		if upload, err = w.uploadForDispute(ctx, ch, id, messageFile, []byte(a.Message)); err != nil {
			var said *paystack.Error
			if errors.As(err, &said) {
				said.Kind = paystack.Rejected // the answer itself has not been sent
			}
			return paystack.Dispute{}, err
		}
	}
	r := paystack.Resolve{Resolution: paystack.DeclineDispute, Message: string(a.Message), UploadedFilename: upload, Evidence: evidence}
	if a.Answer == dispute.Accept {
		r.Resolution, r.RefundAmount = paystack.AcceptDispute, a.Amount
	}
	return w.Paystack.ResolveDispute(ctx, paystackKey(ch), paystackCredentials(ch), id, r)
}

// uploadForDispute puts a file where Paystack wants it, and answers its name there.
func (w *WriteSide) uploadForDispute(ctx context.Context, ch channel.State, id, name string, content []byte) (string, error) {
	to, err := w.Paystack.DisputeUpload(ctx, paystackKey(ch), paystackCredentials(ch), id, name)
	if err != nil {
		return "", err
	}
	return to.FileName, w.Paystack.UploadDisputeFile(ctx, to, content)
}

// refusalOf is what a failed call to Paystack means: refused, or nobody knows.
func refusalOf(err error) (outcome dispute.Outcome, code, reason string) {
	var said *paystack.Error
	if !errors.As(err, &said) {
		return dispute.Unknown, "", "no clear answer from the provider"
	}
	code, reason = said.Reason()
	if said.Kind == paystack.Unknown {
		return dispute.Unknown, code, reason
	}
	return dispute.Refused, code, reason
}

// DisputeEvidence is what a merchant says about a disputed payment, with a file where there is one.
type DisputeEvidence struct {
	dispute.EvidenceGiven
	File []byte
}

// GiveEvidence hands evidence to the provider, which moves no money, and may be done again. It answers the dispute
// afterwards. Errors: Conflict; ProviderRefused.
func (w *WriteSide) GiveEvidence(ctx context.Context, d dispute.State, e DisputeEvidence, by By) (Outcome[dispute.State], error) {
	e.At = w.log.Now()
	stream := dispute.Stream(d.Channel, d.ID)
	if len(e.File) > 0 {
		sum := sha256.Sum256(e.File)
		e.FileSHA256, e.FileBytes = hex.EncodeToString(sum[:]), int64(len(e.File))
	}
	e.Digest = w.derive.hash("evidence", stream, string(e.CustomerEmail), string(e.CustomerName), string(e.CustomerPhone), string(e.ServiceDetails),
		string(e.DeliveryAddress), e.DeliveryDate, string(e.FileName), e.FileSHA256)
	out, err := Handle(ctx, w, stream, dispute.GiveEvidence{EvidenceGiven: e.EvidenceGiven}, by)
	if err != nil {
		return out, err
	}
	last := out.State.Evidence[len(out.State.Evidence)-1]
	if last.Outcome == dispute.Taken {
		return out, nil
	}
	ctx = context.WithoutCancel(ctx)
	found, err := w.channels.get(ctx, w.log, channel.Stream(d.Channel))
	if err != nil {
		return out, err
	}
	callCtx, cancel := context.WithTimeout(ctx, pushTimeout)
	settle, failed := w.sendEvidence(callCtx, found.State, d.ID, last, e.File)
	cancel()
	settle.N, settle.At = last.N, w.log.Now()
	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if out, err = Handle(ctx, w, stream, settle, by); err != nil {
		return out, err
	}
	if failed != nil {
		w.Logger.Warn().Int64("dispute", d.ID).Int64("channel", d.Channel).Err(failed).Msg("evidence not taken")
		return out, &domain.Error{Code: domain.CodeProviderRefused, Message: settle.Reason, Reason: settle.FailureCode}
	}
	return out, nil
}

func (w *WriteSide) sendEvidence(ctx context.Context, ch channel.State, id int64, e dispute.Evidence, file []byte) (settle dispute.SettleEvidence, failed error) {
	if len(file) > 0 {
		if settle.Upload, failed = w.uploadForDispute(ctx, ch, itoa(id), string(e.FileName), file); failed != nil {
			_, settle.FailureCode, settle.Reason = refusalOf(failed)
			return settle, failed
		}
	}
	settle.ProviderID, failed = w.Paystack.AddEvidence(ctx, paystackKey(ch), paystackCredentials(ch), itoa(id), paystack.Evidence{
		CustomerEmail: string(e.CustomerEmail), CustomerName: string(e.CustomerName), CustomerPhone: string(e.CustomerPhone),
		ServiceDetails: string(e.ServiceDetails), DeliveryAddress: string(e.DeliveryAddress), DeliveryDate: e.DeliveryDate,
	})
	if failed != nil {
		_, settle.FailureCode, settle.Reason = refusalOf(failed)
	}
	return settle, failed
}
