package commands

import (
	"context"
	"strconv"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
)

// lostAfter is when a push that was announced and never answered is taken for lost: its caller has crashed.
const lostAfter = time.Minute

// AskStatus asks Daraja what became of an attempt that nothing final is known of, and lets news count. It answers the
// state afterwards. No news is no error.
func (w *WriteSide) AskStatus(ctx context.Context, ref transaction.Reference, attempt int, by By) (transaction.State, error) {
	out, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return out.State, err
	}
	s := out.State
	a, ok := s.Attempt(attempt)
	if !ok || a.Method != transaction.MethodMpesaSTK || !s.Unsettled(attempt) {
		return s, nil
	}
	by.Merchant = s.Merchant
	checkoutRequestID := a.CheckoutRequestID
	if checkoutRequestID == "" {
		if checkoutRequestID, err = w.namedByNotice(ctx, ref, attempt); err != nil {
			return s, err
		}
	}
	if checkoutRequestID == "" {
		if a.Unknown || w.log.Now().Sub(a.RequestedAt) < lostAfter {
			return s, nil
		}
		lost, err := Handle(ctx, w, ref.Stream(), transaction.LosePush{
			Attempt: attempt, Detail: "the node that was to send it stopped before it could say what came of it", At: w.log.Now(),
		}, by)
		return lost.State, err
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(a.Channel))
	if err != nil {
		return s, err
	}
	res, err := w.Mpesa.Query(ctx, channelKey(ch.State), mpesaCredentials(ch.State), mpesa.QueryRequest{CheckoutRequestID: checkoutRequestID})
	if err != nil {
		w.Logger.Warn().Str("reference", string(ref)).Err(err).Msg("status query was not possible")
		return s, nil
	}
	if res.UnknownCode {
		w.Logger.Error().Str("reference", string(ref)).Str("result_code", res.ResultCode).Msg("status query: a result code that is not known here; somebody should look")
	}
	if res.State == mpesa.Pending {
		return s, nil
	}
	cmd := transaction.ReceiveCallback{
		Door: transaction.DoorStkQuery, Attempt: attempt, Raw: string(res.Raw), At: w.log.Now(),
		// Asked twice, the same news is the same evidence.
		Digest: w.derive.hash("status", string(ref), strconv.Itoa(attempt), res.ResultCode),
	}
	ev := transaction.Evidence{Door: cmd.Door, Attempt: attempt, Digest: cmd.Digest, CheckoutRequestID: checkoutRequestID}
	if res.State == mpesa.Succeeded {
		ev.Kind, ev.Terms = transaction.ConfirmedPaid, ch.State.Terms()
	} else {
		ev.Kind, ev.Code, ev.FailureCode, ev.Reason = transaction.FailedByQuery, res.ResultCode, res.Outcome.FailureCode, res.Outcome.Reason
	}
	cmd.Evidence = &ev
	asked, err := Handle(ctx, w, ref.Stream(), cmd, by)
	return asked.State, err
}

// namedByNotice is the CheckoutRequestID that a callback of the attempt names, "" when none came. The answer to the push,
// which should have told it, was lost.
func (w *WriteSide) namedByNotice(ctx context.Context, ref transaction.Reference, attempt int) (string, error) {
	notices, err := w.notices(ctx, ref)
	if err != nil {
		return "", err
	}
	for _, n := range notices {
		if n.Door != transaction.DoorStkCallback || n.Attempt != attempt {
			continue
		}
		if cb, err := mpesa.DecodeSTKCallback([]byte(n.Raw)); err == nil {
			return cb.CheckoutRequestID, nil
		}
	}
	return "", nil
}

// Expire ends what is due of a transaction, and answers its state afterwards.
func (w *WriteSide) Expire(ctx context.Context, ref transaction.Reference, by By) (transaction.State, error) {
	out, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return out.State, err
	}
	by.Merchant = out.State.Merchant
	closed, err := Handle(ctx, w, ref.Stream(), transaction.Expire{At: w.log.Now()}, by)
	return closed.State, err
}

// Resume finishes what a crash may have cut short after a notice was recorded: it reads the recorded notices of the
// transaction again and lets each count. Notices that counted already change nothing.
func (w *WriteSide) Resume(ctx context.Context, ref transaction.Reference, by By) error {
	notices, err := w.notices(ctx, ref)
	if err != nil {
		return err
	}
	for _, n := range notices {
		switch n.Door {
		case transaction.DoorStkCallback:
			err = w.ReceiveStkResult(ctx, ref, n.Attempt, string(n.Raw), by)
		case transaction.DoorCardWebhook, transaction.DoorCardVerify:
			err = w.resumeCard(ctx, ref, n, by)
		default:
			continue // weighed in the append that recorded them
		}
		if code := domain.CodeOf(err); err != nil && code != domain.CodeMalformed && code != domain.CodeConflict {
			return err
		}
	}
	return nil
}
