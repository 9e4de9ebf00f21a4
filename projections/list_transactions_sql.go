package projections

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// The questions read rows in the order of the sort key, backwards, which ends as soon as there are enough; none of them
// merges the table (FINAL, LIMIT BY). Where several versions of a transaction stand in different parts they come one
// after the other, and the newest counts. By status, what ever had it is read, and what has it no more is left out.
const (
	transactionsWithinSQL = `merchant_id = {merchant:Int64} AND mode = {mode:String}
	AND created_at >= {from:DateTime64(3,'UTC')} AND created_at < {until:DateTime64(3,'UTC')}`

	// listedColumnsSQL are the columns that lists show; scanListed reads them.
	listedColumnsSQL = `created_at, id, version, listed, reference, status, currency, amount_minor, received_minor, payment_method,
	origin, customer_id, email, first_name, last_name, phone, description, merchant_reference, pushes, phone_number,
	checkout_request_id, receipt, failure_code, failure_reason, paid_at, expires_at, needs_review, refunded_minor`

	newestTransactionsSQL = `SELECT ` + listedColumnsSQL + ` FROM kipay.transactions_gN
WHERE ` + transactionsWithinSQL + ``

	newestTransactionsByStatusSQL = `SELECT ` + listedColumnsSQL + ` FROM kipay.transactions_gN
WHERE ` + transactionsWithinSQL + ` AND status = {status:String}`

	// newestFirstSQL ends either of them.
	newestFirstSQL = ` ORDER BY created_at DESC, id DESC LIMIT {size:UInt64}`

	// movedOnSQL are the versions that replaced those given, by key.
	movedOnSQL = `SELECT created_at, id, version FROM kipay.transactions_gN
WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
	AND created_at IN {at:Array(DateTime64(3,'UTC'))} AND id IN {ids:Array(Int64)} AND (status != {status:String} OR listed = 0)`

	// transactionKeysSQL reads as far as the page and no further. Once a transaction is left out (listed = 0) it stays so.
	transactionKeysSQL = `SELECT created_at, id FROM kipay.transactions_gN
WHERE ` + transactionsWithinSQL + ` AND ({status:String} = '' OR status = {status:String}) AND {size:UInt64} > 0
	AND id NOT IN (SELECT id FROM kipay.transactions_gN WHERE ` + transactionsWithinSQL + ` AND listed = 0)
ORDER BY created_at DESC, id DESC LIMIT 1 BY created_at, id LIMIT {limit:UInt64} OFFSET {offset:UInt64}`

	// transactionKeysByStatusSQL is for a status that a transaction can leave again.
	transactionKeysByStatusSQL = `SELECT created_at, id FROM kipay.transactions_gN
WHERE ` + transactionsWithinSQL + ` AND (created_at, id) IN (
	SELECT created_at, id FROM kipay.transactions_gN
	WHERE ` + transactionsWithinSQL + ` AND status = {status:String} ORDER BY created_at DESC, id DESC LIMIT {size:UInt64})
GROUP BY created_at, id HAVING argMax(status, version) = {status:String} AND min(listed) = 1
ORDER BY created_at DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64}`

	transactionsOfKeysSQL = `SELECT ` + listedColumnsSQL + ` FROM kipay.transactions_gN
WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
	AND created_at IN {at:Array(DateTime64(3,'UTC'))} AND id IN {ids:Array(Int64)}
ORDER BY created_at DESC, id DESC`
)

// transactionKey names a row within merchant and mode.
type transactionKey struct {
	at time.Time
	id int64
}

func (q *transactionQuery) args(w window) []any {
	return []any{
		clickhouse.Named("merchant", q.MerchantID), clickhouse.Named("mode", string(q.Mode)), clickhouse.Named("status", string(q.Status)),
		millisArg("from", w.from), millisArg("until", w.until),
	}
}

// keyArgs bind keys as two lists. Rows that fit both and are none of the keys are left out by who reads them.
func (q *transactionQuery) keyArgs(keys []transactionKey) []any {
	at, ids := make([]string, len(keys)), make([]int64, len(keys))
	for i, k := range keys {
		at[i], ids[i] = k.at.UTC().Format("2006-01-02 15:04:05.000"), k.id
	}
	return []any{
		clickhouse.Named("merchant", q.MerchantID), clickhouse.Named("mode", string(q.Mode)), clickhouse.Named("status", string(q.Status)),
		clickhouse.Named("at", at), clickhouse.Named("ids", ids),
	}
}

// read are the listed rows of a question, each transaction once, as its newest version that was read says. size is the
// question's own limit, 0 for none: the last transaction of an answer that reaches it is left out, since newer versions of
// it may have been cut off.
func (q *transactionQuery) read(ctx context.Context, size uint64, sql string, args ...any) ([]Transaction, error) {
	var out []Transaction
	var read uint64
	err := q.each(ctx, sql, args, func(rows driver.Rows) error {
		t, err := scanListed(rows)
		if err != nil {
			return err
		}
		read++
		if last := len(out) - 1; last >= 0 && out[last].ID == t.ID && out[last].CreatedAt.Equal(t.CreatedAt) {
			if t.Version > out[last].Version {
				out[last] = t
			}
			return nil
		}
		out = append(out, t)
		return nil
	})
	if size > 0 && read >= size {
		out = out[:len(out)-1]
	}
	out = slices.DeleteFunc(out, func(t Transaction) bool { return !t.Listed || (q.Status != "" && t.Status != q.Status) })
	for i := range out {
		out[i].MerchantID, out[i].Mode = q.MerchantID, q.Mode
	}
	return out, err
}

// still keeps the rows that no newer version took out of the list.
func (q *transactionQuery) still(ctx context.Context, rows []Transaction) ([]Transaction, error) {
	if len(rows) == 0 {
		return rows, nil
	}
	keys := make([]transactionKey, len(rows))
	for i := range rows {
		keys[i] = transactionKey{rows[i].CreatedAt, rows[i].ID}
	}
	newer := map[transactionKey]uint64{}
	err := q.each(ctx, q.generation.in(movedOnSQL), q.keyArgs(keys), func(r driver.Rows) error {
		var k transactionKey
		var version uint64
		err := r.Scan(&k.at, &k.id, &version)
		k.at = k.at.UTC()
		newer[k] = max(newer[k], version)
		return err
	})
	return slices.DeleteFunc(rows, func(t Transaction) bool {
		return newer[transactionKey{t.CreatedAt, t.ID}] > uint64(t.Version)
	}), err
}

// keys are the keys of the page, looking at size rows.
func (q *transactionQuery) keys(ctx context.Context, w window, size uint64) ([]transactionKey, error) {
	sql := transactionKeysSQL
	if q.Status == transaction.StatusPending || q.Status == transaction.StatusFailed {
		sql = transactionKeysByStatusSQL
	}
	args := append(q.args(w), clickhouse.Named("size", size), clickhouse.Named("limit", q.Limit), clickhouse.Named("offset", w.offset))
	var keys []transactionKey
	err := q.each(ctx, q.generation.in(sql), args, func(rows driver.Rows) error {
		var k transactionKey
		err := rows.Scan(&k.at, &k.id)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// ofKeys are the rows of the keys, in their order.
func (q *transactionQuery) ofKeys(ctx context.Context, keys []transactionKey) ([]Transaction, error) {
	wanted := make(map[transactionKey]bool, len(keys))
	for _, k := range keys {
		wanted[transactionKey{k.at.UTC(), k.id}] = true
	}
	rows, err := q.read(ctx, 0, q.generation.in(transactionsOfKeysSQL), q.keyArgs(keys)...)
	return slices.DeleteFunc(rows, func(t Transaction) bool { return !wanted[transactionKey{t.CreatedAt, t.ID}] }), err
}

func scanListed(rows driver.Rows) (Transaction, error) {
	var t Transaction
	var status, currency string
	var version uint64
	var listed, review uint8
	err := rows.Scan(&t.CreatedAt, &t.ID, &version, &listed, &t.Reference, &status, &currency, &t.Amount, &t.Received, &t.PaymentMethod,
		&t.Origin, &t.CustomerID, &t.Email, &t.FirstName, &t.LastName, &t.Phone, &t.Description, &t.MerchantReference, &t.Pushes,
		&t.PhoneNumber, &t.CheckoutRequestID, &t.Receipt, &t.FailureCode, &t.FailureReason, &t.PaidAt, &t.ExpiresAt, &review, &t.Refunded)
	t.Version, t.Status, t.Currency = eventstore.Position(version), transaction.Status(status), money.Currency(currency)
	t.Listed, t.NeedsReview = listed == 1, review == 1
	t.CreatedAt, t.PaidAt, t.ExpiresAt = momentOf(t.CreatedAt), momentOf(t.PaidAt), momentOf(t.ExpiresAt)
	return t, err
}

// cut is the page of rows that begin with the newest.
func cut(rows []Transaction, offset, limit uint64) []Transaction {
	n := uint64(len(rows))
	return rows[min(offset, n):min(offset+limit, n)]
}
