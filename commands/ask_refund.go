package commands

import (
	"context"
	"strconv"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
)

// refundPatience is how long a refund is asked after before a person is told.
const refundPatience = 24 * time.Hour

// AskRefund asks the provider what became of a refund that nothing final is known of, and lets news count. done tells that
// nothing is left to ask. No news is no error.
func (w *WriteSide) AskRefund(ctx context.Context, ref transaction.Reference, id int64, by By) (done bool, err error) {
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return false, err
	}
	s := known.State
	r, ok := s.RefundOf(id)
	if !ok || r.Status != transaction.RefundPending {
		return true, nil
	}
	by.Merchant = s.Merchant
	age := w.log.Now().Sub(r.At)
	if !r.Answered() {
		if age < lostAfter {
			return false, nil
		}
		lost := transaction.LoseRefund{Refund: id, Detail: "the node that was to ask for it stopped before it could say what came of it", At: w.log.Now()}
		if _, err := Handle(ctx, w, ref.Stream(), lost, by); err != nil {
			return false, err
		}
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(r.Terms.Channel))
	if err != nil {
		return false, err
	}
	if r.Way == transaction.RefundByPaystack {
		_, err = w.SyncCardRefunds(ctx, ref, by)
	} else {
		w.askDaraja(ctx, r, ch.State)
	}
	if err != nil || age < refundPatience {
		return false, err
	}
	_, err = Handle(ctx, w, ref.Stream(), transaction.FlagRefund{Refund: id, Why: "the provider has not said in a day what became of it", At: w.log.Now()}, by)
	return false, err
}

// askDaraja sends a question whose answer comes to a door.
func (w *WriteSide) askDaraja(ctx context.Context, r transaction.Refund, ch channel.State) {
	question := mpesa.TransactionStatusRequest{Remarks: r.Name, Notices: w.refundNotices(r, "status")}
	if r.Way == transaction.RefundByReversal {
		question.Receipt = r.RefundRequested.Receipt
	} else {
		question.OriginatorConversationID = r.Name
	}
	if _, err := w.Mpesa.TransactionStatus(ctx, channelKey(ch), mpesaCredentials(ch), question); err != nil {
		w.Logger.Warn().Str("refund", r.Name).Int64("channel", ch.ID).Err(err).Msg("the provider could not be asked after a refund")
	}
}

// SyncCardRefunds compares the refunds of a payment with what Paystack lists of it: ours are known by the note that they
// carry, and what nobody here asked for is recorded as taken back. answered is false when Paystack could not be asked: what it
// would have said is not known yet.
func (w *WriteSide) SyncCardRefunds(ctx context.Context, ref transaction.Reference, by By) (answered bool, err error) {
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return false, err
	}
	s := known.State
	by.Merchant, answered = s.Merchant, true
	for _, p := range s.Payments {
		ch, err := w.channels.get(ctx, w.log, channel.Stream(s.ChannelOf(p)))
		if err != nil {
			return false, err
		}
		if ch.State.Provider != channel.Paystack {
			continue
		}
		rows, err := w.Paystack.ListRefunds(ctx, paystack.ChannelKey(channel.Stream(ch.State.ID)), paystackCredentials(ch.State), p.Receipt)
		if err != nil {
			w.Logger.Warn().Str("reference", string(ref)).Int64("channel", ch.State.ID).Err(err).Msg("Paystack could not be asked after refunds")
			answered = false
			continue
		}
		for _, row := range rows {
			if err := w.weighCardRefund(ctx, s, p, row, by); err != nil {
				return false, err
			}
		}
	}
	return answered, nil
}

// weighCardRefund lets one row of Paystack's list count.
func (w *WriteSide) weighCardRefund(ctx context.Context, s transaction.State, p transaction.Payment, row paystack.Refund, by By) error {
	now, stream := w.log.Now(), s.Reference.Stream()
	if id, err := strconv.ParseInt(row.DisputeID, 10, 64); err == nil {
		return w.weighDisputeRefund(ctx, s, p, row, id, by)
	}
	digest := w.derive.hash("card refund", string(s.Reference), row.ID, row.Status)
	for _, r := range s.Refunds {
		if r.Way != transaction.RefundByPaystack || r.ProviderID != row.ID && row.MerchantNote != r.Name {
			continue
		}
		if !r.Accepted {
			if _, err := Handle(ctx, w, stream, transaction.AcceptRefund{Refund: r.Refund, ProviderID: row.ID, Raw: string(row.Raw), At: now}, by); err != nil {
				return err
			}
		}
		var cmd domain.Command[transaction.State]
		switch row.State() {
		case paystack.RefundProcessed:
			cmd = transaction.WeighRefund{
				Refund: r.Refund, Door: transaction.DoorRefundFetch, Raw: string(row.Raw), Digest: digest, Done: true, Receipt: "refund-" + row.ID,
				Amount: &row.Amount, RefundedAt: orNow(row.RefundedAt, now), At: now,
			}
		case paystack.RefundFailed:
			code, reason := paystack.DescribeRefund(row)
			cmd = transaction.WeighRefund{
				Refund: r.Refund, Door: transaction.DoorRefundFetch, Raw: string(row.Raw), Digest: digest, Refused: true, Code: row.Status,
				FailureCode: code, Reason: reason, At: now,
			}
		case paystack.RefundNeedsAttention:
			cmd = transaction.FlagRefund{Refund: r.Refund, Why: "Paystack needs the customer's bank account to go on", At: now}
		case paystack.RefundPending, paystack.RefundProcessing:
			return nil
		}
		_, err := Handle(ctx, w, stream, cmd, by)
		return err
	}
	if row.State() != paystack.RefundProcessed {
		return nil
	}
	_, err := Handle(ctx, w, stream, transaction.RecordReversal{
		Door: transaction.DoorRefundFetch, Receipt: "refund-" + row.ID, Original: p.Receipt, Amount: row.Amount,
		ReversedAt: orNow(row.RefundedAt, now), Raw: string(row.Raw), Digest: digest, At: now,
	}, by)
	return err
}
