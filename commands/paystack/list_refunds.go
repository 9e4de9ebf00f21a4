package paystack

import (
	"context"
	"iter"
	"net/url"
	"time"

	"github.com/benfex/kipay/commands/upstream"
)

// maxRefundRows bounds what is read to find the refunds of one transaction.
const maxRefundRows = 10_000

// ListRefunds are the refunds of a transaction, by Paystack's numeric id of it: GET /refund?transaction= (a reference
// there finds nothing, recorded on the test API, and is refused here). It answers all of them or none: a list that could
// not be read to its end is no evidence that a refund is not there. The error is always an *Error; Unknown here means no
// news.
func (c *Client) ListRefunds(ctx context.Context, ch ChannelKey, cred Credentials, transaction string) ([]Refund, error) {
	l := listing{call: "list_refunds", path: "/refund", query: url.Values{"transaction": {transaction}}}
	if !isID(transaction) {
		l.problem = refuse(l.call, FailureInvalidReference, "Refunds are listed by the number of a transaction.", "the id of a transaction is a number")
	}
	var list []Refund
	rows := 0
	for f, err := range each(ctx, c, ch, cred, l, refundRow) {
		switch err := err.(type) { //nolint:errorlint // the types themselves are what each promises
		case nil:
		case *upstream.DecodeError:
			failed := l.broken("a refund in the list cannot be read")
			failed.Err = err
			return nil, failed
		default:
			return nil, err
		}
		rows++
		switch {
		case rows > maxRefundRows:
			return nil, l.broken("the transaction has more refunds than can be")
		case f.TransactionID == "":
			return nil, l.broken("a refund in the list does not say of which transaction it is")
		case f.TransactionID == transaction: // and nothing else, should Paystack not take the filter
			list = append(list, f)
		}
	}
	return list, nil
}

// RefundQuery narrows a list of refunds; the zero value is all of them.
type RefundQuery struct {
	From, To time.Time
	PerPage  int // default 100, at most 1000
}

// Refunds lists the refunds of the account: GET /refund (Paystack, List Refunds), for reconciliation. Also those that
// were made in Paystack's dashboard, or by a dispute, are there. As with Transactions, one page is in memory at a time
// and an error of type *upstream.DecodeError is about one row.
func (c *Client) Refunds(ctx context.Context, ch ChannelKey, cred Credentials, q RefundQuery) iter.Seq2[Refund, error] {
	l := listing{call: "list_refunds", path: "/refund", query: url.Values{}, perPage: q.PerPage}
	between(l.query, q.From, q.To)
	if q.PerPage < 0 || q.PerPage > maxPerPage {
		l.problem = refuse(l.call, FailureInvalidRequest, reasonRequestRejected, "there are 1 to 1000 rows on a page")
	}
	return each(ctx, c, ch, cred, l, refundRow)
}
