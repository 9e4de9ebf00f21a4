package paystack

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/benfex/kipay/domain/money"
)

// TransactionQuery narrows a list of transactions; the zero value is all of them.
type TransactionQuery struct {
	From, To   time.Time // of creation
	Status     string    // success, failed, abandoned, reversed
	Customer   string    // Paystack's numeric id
	Amount     money.Money
	Currency   money.Currency // that of Amount when empty
	Channel    string
	Settlement string // the id of a settlement
	PerPage    int    // default 100, at most 1000
	// Numbered reads numbered pages. Default is by cursor, which does not shift while payments arrive; where Paystack
	// gives no cursor, numbers follow by themselves.
	Numbered bool
}

// Transactions lists transactions, newest first: GET /transaction (Paystack, List Transactions). One page is in memory
// at a time; a page that a rate limit or a 5xx refuses is asked for again, a bounded number of times. An error of type
// *upstream.DecodeError is about one row, and the list goes on; any other is an *Error and the end. Without an error the list is
// complete, save for what arrived or changed its status meanwhile: give To, and rather leave Status out and sort here.
// With numbered pages a transaction may come twice.
func (c *Client) Transactions(ctx context.Context, ch ChannelKey, cred Credentials, q TransactionQuery) iter.Seq2[Transaction, error] {
	l := listing{call: "list_transactions", path: "/transaction", query: url.Values{}, perPage: q.PerPage, cursor: !q.Numbered}
	between(l.query, q.From, q.To)
	setText(l.query, "status", q.Status)
	setText(l.query, "channel", q.Channel)
	setText(l.query, "customer", q.Customer)
	setText(l.query, "settlement", q.Settlement)
	setText(l.query, "currency", string(orDefault(q.Currency, q.Amount.Currency)))
	if q.Amount != (money.Money{}) {
		l.query.Set("amount", strconv.FormatInt(q.Amount.Minor, 10))
	}
	switch {
	case q.PerPage < 0 || q.PerPage > maxPerPage:
		l.problem = refuse(l.call, FailureInvalidRequest, reasonRequestRejected, "there are 1 to 1000 rows on a page")
	case q.Customer != "" && !isID(q.Customer), q.Settlement != "" && !isID(q.Settlement):
		l.problem = refuse(l.call, FailureInvalidRequest, reasonRequestRejected, "the id of a customer or a settlement is a number")
	case q.Currency != "" && q.Amount.Currency != "" && q.Currency != q.Amount.Currency:
		l.problem = refuse(l.call, FailureUnsupportedCurrency, reasonCurrency, "the currency is not the amount's")
	}
	return each(ctx, c, ch, cred, l, transactionRow)
}

func transactionRow(raw json.RawMessage, fields map[string]json.RawMessage) (Transaction, error) {
	t, err := decodeTransaction(fields)
	t.Raw = raw
	return t, err
}
