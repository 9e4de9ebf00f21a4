package faults

import (
	"strconv"
	"time"

	r "github.com/benfex/kipay/domain/reconciliation"
)

// fault makes one of a fault.
func (b *builder) fault(f Fault) {
	switch f {
	case MissingCallback, MissingNoAccount, RetriedPush, UnconfirmedNotice, KnownAccount, ConfirmedByQuery, ConfirmedNoAccount:
		b.lostWord(f)
	case DuplicateUnseen, DuplicateBooked, DuplicateAndLost, RepeatedLine, TwoPayments, TwoLines:
		b.twice(f)
	case Charge, MonthlyFee, Reversal, OwnReversal, UnansweredReversal, RefundInTransit, UnansweredPayout, StrangePayout, WithdrawalToBank, UtilityToMerchant:
		b.moneyOut(f)
	default:
		b.elsewhere(f)
	}
}

// lostWord makes payments whose success the books have not heard of, or only half.
func (b *builder) lostWord(f Fault) {
	amount := b.rareAmount()
	s := b.ask(b.plan.Channel, amount)
	receipt, at := b.receipt(), b.soon(s.at)
	want := Want{Fault: f, Reference: s.Reference, Rule: r.RuleReference, Cause: r.MissingCallback, Amount: amount}
	line := payIn(receipt, s.account, s.masked, amount, at)
	switch f {
	case MissingNoAccount:
		line.Account, want.Rule = "", r.RuleAmountPhoneTime
		later := payIn(b.receipt(), "", s.masked, amount, at.Add(5*time.Hour))
		if !later.At.Before(b.until) {
			later.At = at.Add(-5 * time.Hour)
		}
		b.add(later, &Want{Fault: f, Rule: r.RuleUnmatched, Cause: r.UnknownPayer, Amount: amount})
	case RetriedPush:
		first := b.ask(b.plan.Channel, amount)
		first.MerchantReference, first.OpenedAt = s.account, s.at.Add(-time.Minute)
		first.Attempts = []r.Attempt{{Phone: s.phone, Account: s.account, RequestedAt: first.OpenedAt, Window: first.OpenedAt.Add(window), Refused: true}}
		b.books(first.Payment)
	case UnconfirmedNotice:
		s.Status, want.Rule = r.StatusPending, r.RuleReceipt
		s.Receipts = []r.Receipt{{Number: receipt, Amount: kes(amount), PaidAt: at}}
	case KnownAccount:
		account := "OWN" + strconv.Itoa(b.accounts)
		b.unasked(account, b.shillings(50, 20_000))
		line.Account, want.Reference = account, ""
		b.add(line, &want)
		return
	case ConfirmedByQuery:
		b.confirmed(&s, at)
		want.Cause, want.Amount = "", 0
	case ConfirmedNoAccount:
		b.confirmed(&s, at)
		line.Account, want.Rule, want.Cause, want.Amount = "", r.RuleAmountPhoneTime, "", 0
	default:
	}
	b.books(s.Payment)
	b.add(line, &want, s.Reference)
}

// twice makes what stands there twice, or could be either of two.
func (b *builder) twice(f Fault) {
	amount := b.rareAmount()
	switch f {
	case DuplicateUnseen, DuplicateBooked, RepeatedLine:
		s, receipt, at := b.sold(amount)
		again := payIn(b.receipt(), s.account, s.masked, amount, at.Add(10*time.Minute))
		want := Want{Fault: f, Reference: s.Reference, Rule: r.RuleReference, Cause: r.Duplicate, Amount: amount}
		switch f {
		case DuplicateBooked:
			b.paid(&s, again.Receipt, amount, again.At)
			want.Rule, want.Amount = r.RuleReceipt, 0
		case RepeatedLine:
			again.Receipt, again.At = receipt, at
			want.Rule, want.Cause = r.RuleReceipt, r.Unexplained
		default:
		}
		b.books(s.Payment)
		b.add(again, &want, s.Reference)
	case DuplicateAndLost:
		s := b.ask(b.plan.Channel, amount)
		at := b.soon(s.at)
		b.books(s.Payment)
		b.add(payIn(b.receipt(), s.account, s.masked, amount, at), &Want{Fault: f, Reference: s.Reference, Rule: r.RuleReference, Cause: r.MissingCallback, Amount: amount}, s.Reference)
		b.add(payIn(b.receipt(), s.account, s.masked, amount, at.Add(time.Minute)), &Want{Fault: f, Reference: s.Reference, Rule: r.RuleReference, Cause: r.Duplicate, Amount: amount}, s.Reference)
	case TwoPayments:
		s, o := b.ask(b.plan.Channel, amount), b.ask(b.plan.Channel, amount)
		o.OpenedAt = s.at.Add(time.Minute)
		o.Attempts = []r.Attempt{{Phone: s.phone, Account: o.account, RequestedAt: o.OpenedAt, Window: o.OpenedAt.Add(window)}}
		b.books(s.Payment)
		b.books(o.Payment)
		b.add(payIn(b.receipt(), "", s.masked, amount, s.at.Add(90*time.Second)), &Want{Fault: f, Rule: r.RuleAmountPhoneTime, Cause: r.Unexplained, Amount: amount})
	default: // TwoLines
		s := b.ask(b.plan.Channel, amount)
		b.books(s.Payment)
		for i := range 2 {
			at := s.at.Add(time.Duration(20+30*i) * time.Second)
			b.add(payIn(b.receipt(), "", s.masked, amount, at), &Want{Fault: f, Rule: r.RuleAmountPhoneTime, Cause: r.Unexplained, Amount: amount})
		}
	}
}

// moneyOut makes charges, refunds and other money that leaves.
func (b *builder) moneyOut(f Fault) {
	amount := b.rareAmount()
	out := r.Line{Receipt: b.receipt(), Amount: kes(-amount), At: b.moment()}
	switch f {
	case MonthlyFee:
		out.Kind = r.KindFee
		b.add(out, &Want{Fault: f, Rule: r.RuleLineKind, Cause: r.Fee, Amount: -amount})
		return
	case StrangePayout:
		_, out.Phone = b.phone()
		out.Kind = r.KindPayout
		b.add(out, &Want{Fault: f, Rule: r.RuleUnmatched, Cause: r.Unexplained, Amount: -amount})
		return
	case WithdrawalToBank, UtilityToMerchant:
		out.Kind = r.Kind(f)
		b.add(out, &Want{Fault: f, Rule: r.RuleLineKind})
		return
	default:
	}
	s, receipt, at := b.sold(amount)
	b.books(s.Payment)
	out.At, out.Linked = at.Add(30*time.Minute), receipt
	refund := r.Refund{Reference: b.reference("RFD"), Payment: s.Reference, Channel: b.plan.Channel, Amount: kes(amount), SentAt: at.Add(29 * time.Minute)}
	want := Want{Fault: f, Reference: refund.Reference, Rule: r.RuleReceipt, Cause: r.Reversal, Amount: -amount}
	switch f {
	case Charge:
		charge := b.shillings(1, 100)
		out.Kind, out.Receipt, out.Linked, out.At, out.Amount = r.KindCharge, receipt, "", at, kes(-charge)
		b.add(out, &Want{Fault: f, Reference: s.Reference, Rule: r.RuleReceipt, Cause: r.Fee, Amount: -charge}, s.Reference)
		return
	case Reversal:
		out.Kind, want.Reference = r.KindReversal, s.Reference
		b.add(out, &want, s.Reference)
		return
	case OwnReversal:
		out.Kind = r.KindReversal
		refund.Status, refund.Receipt, refund.BookedAt = r.StatusCompleted, out.Receipt, out.At
		want.Cause, want.Amount = "", 0
	case UnansweredReversal:
		out.Kind = r.KindReversal
	case UnansweredPayout:
		out.Kind, out.Linked, out.Phone, refund.Phone = r.KindPayout, "", s.masked, s.phone
		want.Rule, want.Cause = r.RuleAmountPhoneTime, r.MissingCallback
	default: // RefundInTransit
		refund.BookedAt = refund.SentAt
		want.Rule, want.Cause, want.Amount, want.Kind = r.RuleUnmatched, r.RefundInTransit, amount, r.KindReversal
		b.refund(refund)
		b.absent(want)
		return
	}
	b.refund(refund)
	b.add(out, &want, refund.Reference)
}

// elsewhere makes what is in another period or channel, of another amount, or on one side only.
func (b *builder) elsewhere(f Fault) {
	amount := b.rareAmount()
	s := b.ask(b.plan.Channel, amount)
	receipt, at := b.receipt(), b.soon(s.at)
	b.paid(&s, receipt, amount, at)
	line := payIn(receipt, s.account, s.masked, amount, at)
	want := Want{Fault: f, Reference: s.Reference, Rule: r.RuleReceipt, Amount: amount}
	absent := Want{Fault: f, Kind: r.KindPayment, Receipt: receipt, Reference: s.Reference, Rule: r.RuleUnmatched, Amount: -amount}
	switch f {
	case WrongAmount:
		short := b.shillings(1, 500)
		line.Amount = kes(amount - short)
		want.Cause, want.Amount = r.WrongAmount, -short
	case Rounding:
		s.Amount = kes(amount - 50)
		s.Receipts[0].Amount = s.Amount
		want.Cause, want.Amount = r.Rounding, 50
	case BookedLater:
		s.Receipts[0].CreditedAt = b.until.Add(time.Hour)
		want.Cause = r.Timing
	case OtherChannel:
		s.Channel = b.plan.Other
		want.Cause = r.WrongAccount
	case OtherReference:
		s.Channel, s.Status, s.Receipts = b.plan.Other, r.StatusFailed, nil
		want.Rule, want.Cause = r.RuleReference, r.WrongAccount
	case UnknownPayer:
		line.Account = "STRAY" + strconv.Itoa(b.accounts)
		b.add(line, &Want{Fault: f, Rule: r.RuleUnmatched, Cause: r.UnknownPayer, Amount: amount})
		return
	case PaidLater:
		s.Receipts[0].PaidAt = b.until.Add(5 * time.Minute)
		absent.Cause = r.Timing
	case OnOtherStatement:
		absent.Rule, absent.Cause = r.RuleReceipt, r.WrongAccount
		b.month.Elsewhere = append(b.month.Elsewhere, r.Elsewhere{Receipt: receipt, Channel: b.plan.Other})
	default: // NotShown
		absent.Cause = r.Unexplained
	}
	b.books(s.Payment)
	if absent.Cause != "" {
		b.absent(absent)
		return
	}
	b.add(line, &want, s.Reference)
}
