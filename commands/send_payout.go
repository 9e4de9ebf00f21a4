package commands

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/payout"
)

// SendPayout asks Daraja to pay what is approved, once: only the call whose append of the promise won asks. done is false
// while the channel can't pay. Errors: only ever that it could not be recorded.
func (w *WriteSide) SendPayout(ctx context.Context, ref payout.Reference, by By) (done bool, err error) {
	known, err := fold[payout.State](ctx, w.log, ref.Stream())
	if err != nil {
		return false, err
	}
	s := known.State
	if s.Status != payout.Ready || s.Way != payout.ByB2C {
		return true, nil
	}
	by.Merchant = s.Merchant
	found, err := w.channels.get(ctx, w.log, channel.Stream(s.Channel))
	if err != nil {
		return false, err
	}
	ch := found.State
	if !ch.HasInitiator() {
		_, err := Handle(ctx, w, ref.Stream(), payout.Flag{Why: "the payment channel has no initiator", At: w.log.Now()}, by)
		return false, err
	}
	out, err := Handle(ctx, w, ref.Stream(), payout.Send{At: w.log.Now()}, by)
	if err != nil || !out.Wrote() {
		return true, err
	}
	ctx = context.WithoutCancel(ctx) // what was promised must be accounted for, also when the node stops
	callCtx, cancel := context.WithTimeout(ctx, pushTimeout)
	accepted, err := w.payPhone(callCtx, ch, string(ref), s.Amount, string(s.Destination.Number), w.payoutNotices(ref, "result"))
	cancel()
	var cmd domain.Command[payout.State] = payout.Accept{ConversationID: accepted.ConversationID, Raw: string(accepted.Raw), At: w.log.Now()}
	if err != nil {
		w.Logger.Warn().Str("payout", string(ref)).Int64("channel", ch.ID).Err(err).Msg("payout not accepted")
		cmd = payout.Lose{Detail: "no clear answer from M-Pesa", At: w.log.Now()}
		if refused, clearly := mpesaRefusal(err); clearly {
			weigh := payout.Weigh{Door: payout.DoorAnswer, Refused: true, Code: refused.Code, Raw: string(refused.Raw), At: w.log.Now()}
			weigh.FailureCode, weigh.Reason = refused.Reason()
			weigh.Digest = w.derive.hash("payout answer", string(ref), weigh.Raw)
			cmd = weigh
		}
	}
	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	_, err = Handle(ctx, w, ref.Stream(), cmd, by)
	return true, err
}

// payoutNotices are where Daraja reports what became of a payout: reference and token in lowercase hex, as with pushes.
func (w *WriteSide) payoutNotices(ref payout.Reference, what string) mpesa.Notices {
	base := w.PublicURL + "/hooks/payout/" + hex.EncodeToString([]byte(ref)) + "/" + w.derive.token("payout", string(ref))
	return mpesa.Notices{ResultURL: base + "/" + what, QueueTimeOutURL: base + "/timeout"}
}

// chargePatience is how long a payout that was paid is asked after for what M-Pesa took for it.
const chargePatience = time.Hour

// AskPayout asks Daraja what became of a payout that nothing final is known of, or what it cost. done tells that nothing is
// left to ask. No news is no error.
func (w *WriteSide) AskPayout(ctx context.Context, ref payout.Reference, by By) (done bool, err error) {
	known, err := fold[payout.State](ctx, w.log, ref.Stream())
	if err != nil {
		return false, err
	}
	s := known.State
	by.Merchant = s.Merchant
	now := w.log.Now()
	switch {
	case s.Status == payout.Paid:
		if s.Charge != nil || now.Sub(s.SentAt) > refundPatience || now.Sub(s.UpdatedAt) > chargePatience {
			return true, nil
		}
	case s.Status != payout.Pending:
		return true, nil
	case !s.Answered && now.Sub(s.SentAt) < lostAfter:
		return false, nil
	case !s.Answered:
		lost := payout.Lose{Detail: "the node that was to ask for it stopped before it could say what came of it", At: now}
		if _, err := Handle(ctx, w, ref.Stream(), lost, by); err != nil {
			return false, err
		}
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(s.Channel))
	if err != nil {
		return false, err
	}
	if _, err := w.Mpesa.TransactionStatus(ctx, channelKey(ch.State), mpesaCredentials(ch.State), mpesa.TransactionStatusRequest{
		OriginatorConversationID: string(ref), Remarks: string(ref), Notices: w.payoutNotices(ref, "status"),
	}); err != nil {
		w.Logger.Warn().Str("payout", string(ref)).Int64("channel", s.Channel).Err(err).Msg("the provider could not be asked after a payout")
	}
	if s.Status == payout.Paid || now.Sub(s.SentAt) < refundPatience {
		return false, nil
	}
	_, err = Handle(ctx, w, ref.Stream(), payout.Flag{Why: "the provider has not said in a day what became of it", At: now}, by)
	return false, err
}
