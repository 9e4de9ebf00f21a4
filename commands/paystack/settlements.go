package paystack

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// FailureSettlementNotFound: the account has no such settlement.
const FailureSettlementNotFound = "settlement_not_found"

// settlementRules are what messages mean to questions about one settlement. The words are not confirmed.
var settlementRules = []errorRule{
	{contains: "not found", kind: NotFound, failure: FailureSettlementNotFound, reason: "Paystack does not know this settlement."},
}

// Settlement is a payout of Paystack's to the merchant's bank. Its fields come from a third party's interface, plausible
// but not official, so that only ID and Currency are sure to be there; an amount that is missing is nil. What the names
// suggest, and the simulator does: TotalAmount = TotalProcessed - TotalFees, EffectiveAmount = TotalAmount - Deductions.
// Reconcile by its transactions: each brings its amount without its fees, by reference and id.
type Settlement struct {
	ID              string
	Domain          string // Test or Live
	Status          string // success, processing, pending, failed
	Currency        money.Currency
	TotalProcessed  *money.Money // the sum of the transactions
	TotalFees       *money.Money
	TotalAmount     *money.Money
	Deductions      *money.Money // refunds and chargebacks
	EffectiveAmount *money.Money // what reaches the bank
	SettlementDate  *time.Time   // UTC
	CreatedAt       *time.Time
	UpdatedAt       *time.Time
	Raw             []byte // the row as it came, for sealing
}

// Paid tells whether the money has left Paystack.
func (s Settlement) Paid() bool { return s.Status == "success" }

// SettlementQuery narrows a list of settlements; the zero value is all of them.
type SettlementQuery struct {
	From, To   time.Time
	Status     string // success, processing, pending, failed
	Subaccount string // its id, or none for the main account alone
	PerPage    int    // default 100, at most 1000
}

// Settlements lists settlements: GET /settlement. As with Transactions, one page is in memory at a time and an error of
// type *upstream.DecodeError is about one row.
func (c *Client) Settlements(ctx context.Context, ch ChannelKey, cred Credentials, q SettlementQuery) iter.Seq2[Settlement, error] {
	l := listing{call: "list_settlements", path: "/settlement", query: url.Values{}, perPage: q.PerPage}
	between(l.query, q.From, q.To)
	setText(l.query, "status", q.Status)
	setText(l.query, "subaccount", q.Subaccount)
	if q.PerPage < 0 || q.PerPage > maxPerPage {
		l.problem = refuse(l.call, FailureInvalidRequest, reasonRequestRejected, "there are 1 to 1000 rows on a page")
	}
	return each(ctx, c, ch, cred, l, settlementRow)
}

// SettlementTransactions lists the transactions of a settlement: GET /settlement/{id}/transactions, in Verify's shape.
// The list ends with an *Error of kind NotFound when there is no such settlement.
func (c *Client) SettlementTransactions(ctx context.Context, ch ChannelKey, cred Credentials, settlement string) iter.Seq2[Transaction, error] {
	l := listing{call: "settlement_transactions", path: "/settlement/" + settlement + "/transactions", rules: settlementRules}
	if !isID(settlement) {
		l.problem = refuse(l.call, FailureInvalidRequest, reasonRequestRejected, "the id of a settlement is a number")
	}
	return each(ctx, c, ch, cred, l, transactionRow)
}

func settlementRow(raw json.RawMessage, fields map[string]json.RawMessage) (Settlement, error) {
	r := reader{fields: fields}
	s := Settlement{
		ID:             r.id(),
		Domain:         shorten(upstream.TextOf(fields["domain"])),
		Status:         shorten(upstream.TextOf(fields["status"])),
		Currency:       r.currency("currency"),
		SettlementDate: dayOrTime(fields["settlement_date"]),
		CreatedAt:      firstTime(fields["createdAt"], fields["created_at"]),
		UpdatedAt:      firstTime(fields["updatedAt"], fields["updated_at"]),
		Raw:            raw,
	}
	if s.ID == "" {
		r.fail(upstream.MissingField, "id")
	}
	for name, into := range map[string]**money.Money{
		"total_processed": &s.TotalProcessed, "total_fees": &s.TotalFees, "total_amount": &s.TotalAmount,
		"deductions": &s.Deductions, "effective_amount": &s.EffectiveAmount,
	} {
		optional := reader{fields: fields}
		*into = optional.signedSubunits(name, s.Currency)
	}
	return s, r.err
}

// dayOrTime is a moment, or the start of a day (UTC).
func dayOrTime(raw json.RawMessage) *time.Time {
	if at := firstTime(raw); at != nil {
		return at
	}
	if day, err := time.Parse(time.DateOnly, upstream.TextOf(raw)); err == nil && isPossible(day) {
		return &day
	}
	return nil
}
