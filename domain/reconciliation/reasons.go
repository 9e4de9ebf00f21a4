package reconciliation

// reason is what was decided about a line or an amount; its cause, state and explanation follow from it.
type reason uint8

const (
	whyNothing reason = iota // undecided
	whyMatched
	whyTransfer
	whyRepeatedReceipt
	whyForeignReceipt
	whyForeignReference
	whyOnOtherStatement
	whyMissingCallback
	whyMissingOther
	whyMoveMissing
	whyKnownAccount
	whyDuplicate
	whyDuplicateBooked
	whyAmbiguous
	whyUnknownPayer
	whyUnknownOut
	whyUnknownSettlement
	whyCharge
	whyFee
	whyFeeDiffers
	whyFeeNotShown
	whyReversal
	whyOwnReversal
	whyReversalOfUnknown
	whyWrongAmount
	whyRounding
	whySettlementDiffers
	whyBookedOtherwise
	whyOtherPeriod
	whyEdge
	whyLaterSettlement
	whyInTransit
	whyLongInTransit
	whyNotShown
	whySentNotShown
)

// cause is what the reason is called in reports, empty where there is no difference.
func (w reason) cause() Cause {
	switch w {
	case whyMatched, whyTransfer:
		return ""
	case whyBookedOtherwise, whyOtherPeriod, whyEdge, whyLaterSettlement:
		return Timing
	case whyCharge, whyFee, whyFeeDiffers, whyFeeNotShown:
		return Fee
	case whyDuplicate, whyDuplicateBooked:
		return Duplicate
	case whyMissingCallback, whyMissingOther, whyMoveMissing, whyKnownAccount:
		return MissingCallback
	case whyWrongAmount:
		return WrongAmount
	case whyInTransit, whyLongInTransit:
		return RefundInTransit
	case whyReversal, whyOwnReversal:
		return Reversal
	case whyUnknownPayer:
		return UnknownPayer
	case whyForeignReceipt, whyForeignReference, whyOnOtherStatement:
		return WrongAccount
	case whyRounding:
		return Rounding
	default:
		return Unexplained
	}
}

// state says whether somebody has to act.
func (w reason) state() State {
	switch w.cause() {
	case Timing, Fee, Rounding:
		return Explained
	default:
		if w == whyOwnReversal || w == whyInTransit {
			return Explained
		}
		return Open
	}
}

// explain says it to people. It names amounts, receipts and our references, never a person, a phone or an account.
func (m *Matcher) explain(res *Result, w reason) string {
	stated, booked := res.Stated.Format(), res.Booked.Format()
	switch w {
	case whyRepeatedReceipt:
		return "The statement shows this receipt again: the books have it once, and it is matched to another line."
	case whyForeignReceipt:
		return "The books have this receipt as " + res.Reference + ", at another channel."
	case whyForeignReference:
		return "Paid to this channel under the reference of " + res.Reference + ", which another channel asked for."
	case whyOnOtherStatement:
		return "The statement of another channel shows this receipt."
	case whyMissingCallback:
		return res.Reference + " was waiting for this payment; only the statement says that it came."
	case whyMissingOther:
		return res.Reference + " was waiting for a payment of another amount; only the statement says that " + stated + " came."
	case whyMoveMissing:
		return "The statement shows " + res.Reference + " as paid; no word of the provider's had said so."
	case whyKnownAccount:
		return "Paid to an account that is known here, without being asked for; no confirmation came."
	case whyDuplicate:
		return res.Reference + " was paid before under another receipt."
	case whyDuplicateBooked:
		return res.Reference + " was paid before under another receipt; the books hold this one as surplus."
	case whyAmbiguous:
		return "It fits more than one thing or not well enough to be sure, so it is matched to none."
	case whyUnknownPayer:
		return "It fits no payment or account here."
	case whyUnknownOut:
		return "Money moved that nothing in the books belongs to."
	case whyUnknownSettlement:
		return "No payments in the books add up to this settlement."
	case whyCharge:
		if res.Reference == "" {
			return "A charge of the provider's."
		}
		return "The provider's charge for " + res.Reference + "."
	case whyFee:
		return "A charge of the provider's for no payment in particular."
	case whyFeeDiffers:
		return "The provider charged " + res.Stated.Format() + ", the books have " + booked + "."
	case whyFeeNotShown:
		return "The books have a fee for " + res.Reference + " that the statement does not show."
	case whyReversal:
		if res.Reference == "" {
			return "It takes back a payment on this statement that the books do not have."
		}
		return "It takes back " + res.Reference + "; the books have no refund for it."
	case whyOwnReversal:
		return "The refund " + res.Reference + " went through; the books do not count it yet."
	case whyReversalOfUnknown:
		return "It takes back something that neither the books nor this statement show."
	case whyWrongAmount, whyRounding:
		return "The statement shows " + stated + ", the books have " + m.money(res.Stated.Minor-res.Amount.Minor).Format() + "."
	case whySettlementDiffers:
		return "The settlement is of " + stated + ", its payments in the books make " + booked + "."
	case whyBookedOtherwise:
		return "On this statement, and in the books of another period, as " + res.Reference + "."
	case whyOtherPeriod:
		return "In the books of this period; by the provider's clock it belongs to another statement."
	case whyEdge:
		return "Paid within minutes of the statement's begin or end: look for it on the neighbouring statement."
	case whyLaterSettlement:
		return "Paid in this period; it comes with a later settlement."
	case whyInTransit:
		return "Our refund, not on the statement yet."
	case whyLongInTransit:
		return "Our refund, not on the statement though it was sent long ago: ask the provider."
	case whyNotShown:
		return "In the books as paid in this period, but the statement does not show it."
	case whySentNotShown:
		return "Sent in this period, and nobody has said yet whether it was paid: the statement does not show it."
	default:
		return ""
	}
}
