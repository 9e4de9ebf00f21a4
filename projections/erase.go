package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// An erased customer's rows stay, with their personal columns empty: rows that are built again come out so by themselves, because
// nobody opens what their events hold. What was written before is changed in place, and the parts of the table that held it are
// written anew; ClickHouse removes the old ones old_parts_lifetime later (schema/generation). A checkpoint that covers an erasure is
// stored only after that, so that it is done once more if this process ends in between.

// erasure is a customer that was erased, by the event at a position.
type erasure struct {
	customer.Erased
	at eventstore.Position
}

// purge is what erasures take out of one table.
type purge struct {
	table    string
	personal []string
	// names are what the rows of one erasure are found by, beside the customer.
	names func(e erasure) []string
	// rows are those of one erasure, in SQL. What was written after it stays: a customer may have come back.
	rows func(e erasure, names []string) string
}

func purges() []purge {
	details := []string{"email", "first_name", "last_name", "phone", "search"}
	payments := func(e erasure) []string { return e.Payments }
	none := func(erasure) []string { return nil }
	ofCustomer := func(e erasure, _ []string) string {
		return fmt.Sprintf("merchant_id = %d AND version <= %d AND id = %d", e.Merchant, e.at, e.ID)
	}
	return []purge{
		{"customers", details, none, ofCustomer},
		{"customer_versions", details, none, ofCustomer},
		{"transactions", []string{
			"email", "first_name", "last_name", "phone", "description", "merchant_reference", "phone_number", "checkout_request_id",
		}, payments, func(e erasure, payments []string) string {
			return fmt.Sprintf("merchant_id = %d AND version <= %d AND (customer_id = %d%s)", e.Merchant, e.at, e.ID, or("reference", payments))
		}},
		{"reconciliation_differences", []string{"line"}, erasure.Keys, bySeal},
		{"reconciliation_resolutions", []string{"reason"}, erasure.Keys, bySeal},
	}
}

// Keys are the names of the keys that were destroyed.
func (e erasure) Keys() []string { return e.Erased.Keys() }

// bySeal are the rows that hold what the keys sealed.
func bySeal(e erasure, keys []string) string {
	var quoted []string
	for _, k := range keys {
		if !strings.ContainsFunc(k, func(r rune) bool { return r > unicode.MaxASCII || r == '\'' || r == '\\' }) {
			quoted = append(quoted, "'"+k+"'")
		}
	}
	if len(quoted) == 0 {
		return "0"
	}
	return fmt.Sprintf("merchant_id = %d AND version <= %d AND sealed_by IN (%s)", e.Merchant, e.at, strings.Join(quoted, ", "))
}

// or is the SQL of another condition, that the column is one of the references; empty for none.
func or(column string, references []string) string {
	var quoted []string
	for _, r := range references {
		if ref, ok := transaction.ParseReference(r); ok { // of letters and digits
			quoted = append(quoted, "'"+string(ref)+"'")
		}
	}
	if len(quoted) == 0 {
		return ""
	}
	return " OR " + column + " IN (" + strings.Join(quoted, ", ") + ")"
}

// maxNames is how many payments or keys one statement names, so that it stays well below what ClickHouse parses.
const maxNames = 2000

// conditions are the rows of all erasures, in pieces.
func (u purge) conditions(erased []erasure) []string {
	var out, piece []string
	named := 0
	add := func(e erasure, names []string) {
		if named += 1 + len(names); named > maxNames && len(piece) > 0 {
			out, piece, named = append(out, strings.Join(piece, " OR ")), nil, 1+len(names)
		}
		piece = append(piece, "("+u.rows(e, names)+")")
	}
	for _, e := range erased {
		left := u.names(e)
		for len(left) > maxNames {
			add(e, left[:maxNames])
			left = left[maxNames:]
		}
		add(e, left)
	}
	return append(out, strings.Join(piece, " OR "))
}

// empties is the SQL that sets the personal columns to nothing, holds the one for rows where some isn't.
func (u purge) empties() string {
	return strings.Join(u.personal, " = '', ") + " = ''"
}

func (u purge) holds() string {
	return "(" + strings.Join(u.personal, " != '' OR ") + " != '')"
}

// purge takes what the erased customers left out of the generation's tables. It may be repeated.
func (p *Projector) purge(ctx context.Context, g Generation, erased []erasure) error {
	if len(erased) == 0 {
		return nil
	}
	if err := p.movePending(ctx, g); err != nil {
		return err
	}
	for _, u := range purges() {
		for _, rows := range u.conditions(erased) {
			if err := p.purgeRows(ctx, g, u, rows); err != nil {
				return fmt.Errorf("take erased customers out of %s%s: %w", u.table, g.suffix(), err)
			}
		}
	}
	return nil
}

var errNotPurged = errors.New("some of it is still there")

func (p *Projector) purgeRows(ctx context.Context, g Generation, u purge, rows string) error {
	where := "(" + rows + ") AND " + u.holds()
	left, err := p.rowsWhere(ctx, g, u.table, where)
	if err != nil || left == 0 {
		return err
	}
	f, err := p.conn.form(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	// One replica writes its parts anew before this returns, the others after it.
	settled := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"mutations_sync": 1}))
	if err := p.conn.Exec(settled, g.plain().in(f.change(u.table, "UPDATE "+u.empties()+" WHERE "+where))); err != nil {
		return err
	}
	if left, err = p.rowsWhere(ctx, g, u.table, where); err == nil && left > 0 {
		err = fmt.Errorf("%w: %d rows", errNotPurged, left)
	}
	return err
}

func (p *Projector) rowsWhere(ctx context.Context, g Generation, table, where string) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	err = p.conn.QueryRow(ctx, g.plain().in("SELECT count() FROM kipay."+table+"_gN WHERE "+where)).Scan(&n)
	return n, err
}

// forgetErased drops what is kept of an erased customer in memory: states, completed payments, opened events and keys.
func (b *builder) forgetErased(e customer.Erased) {
	b.log.ForgetKeys(e.Keys()...)
	payments := make(map[string]bool, len(e.Payments))
	for _, p := range e.Payments {
		payments[p] = true
	}
	for _, stream := range b.folds.states.Keys() {
		kept, _ := b.folds.states.Peek(stream)
		switch s := kept.state.(type) {
		case *transaction.State:
			if s.Merchant == e.Merchant && s.Customer == e.ID || payments[string(s.Reference)] {
				b.folds.states.Remove(stream)
			}
		case *customer.State:
			if s.Hash == e.Hash {
				b.folds.states.Remove(stream)
			}
		}
	}
	if b.completed == nil {
		return
	}
	for _, reference := range b.completed.rows.Keys() {
		if t, ok := b.completed.rows.Peek(reference); ok && (t.MerchantID == e.Merchant && t.CustomerID == e.ID || payments[reference]) {
			b.completed.rows.Remove(reference)
		}
	}
}

// Purged returns when the read models hold nothing any more of customers who were erased at or before the position, or with ctx's
// error. Files that ClickHouse has replaced may stay on its disk for some minutes after that.
func (p *Projector) Purged(ctx context.Context, at eventstore.Position) error {
	defer p.demand(&p.demanding, &p.demandingArchive)()
	return p.purged.wait(ctx, at)
}

// Purged is the Projector's, by what a projector elsewhere says.
func (f *Follower) Purged(ctx context.Context, at eventstore.Position) error {
	_, err := f.Archived(ctx, at) // by the checkpoint, which comes after
	return err
}

// PaymentsOf are the references of a merchant's payments that name the customer, and of those that name none and came from, or were
// asked of, one of the phones, or from a number with stars beside a name. The latter are candidates: whoever asks reads them in the log.
func (r *Reader) PaymentsOf(ctx context.Context, merchantID, customerID int64, t customer.Trail) (own, byPayer []string, err error) {
	phones, words := listOf(t.Numbers()), listOf(t.Words())
	err = r.on(ctx, memoryToo, func(ctx context.Context, g Generation) error {
		own, byPayer = nil, nil
		rows, err := r.conn.Query(ctx, g.in(`SELECT DISTINCT reference, customer_id FROM kipay.transactions_gN
			WHERE merchant_id = {merchant:Int64} AND (customer_id = {customer:Int64}
				OR customer_id = 0 AND (phone IN {phones:Array(String)} OR phone_number IN {phones:Array(String)}
					OR position(phone, '*') > 0 AND arrayExists(w -> positionCaseInsensitiveUTF8(concat(first_name, ' ', last_name), w) > 0, {words:Array(String)})))
			ORDER BY reference`),
			clickhouse.Named("merchant", merchantID), clickhouse.Named("customer", customerID), clickhouse.Named("phones", phones),
			clickhouse.Named("words", words))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var reference string
			var named int64
			if err := rows.Scan(&reference, &named); err != nil {
				return err
			}
			if named == 0 {
				byPayer = append(byPayer, reference)
			} else {
				own = append(own, reference)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, nil, fmt.Errorf("payments of a customer: %w", err)
	}
	return own, byPayer, nil
}

// CustomersWith are the hashes of the merchant's customers who have, or had, one of the phones.
func (r *Reader) CustomersWith(ctx context.Context, merchantID int64, phones []string) ([]string, error) {
	var out []string
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		return r.each(ctx, g.in(`SELECT DISTINCT hash FROM kipay.customer_versions_gN WHERE merchant_id = {merchant:Int64} AND phone IN {phones:Array(String)} ORDER BY hash`),
			[]any{clickhouse.Named("merchant", merchantID), clickhouse.Named("phones", listOf(phones))}, into(&out))
	})
	if err != nil {
		return nil, fmt.Errorf("customers with a phone: %w", err)
	}
	return out, nil
}

// listOf is a list as an argument: a nil slice is no array.
func listOf(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// LinesOf are the numbers of the items of a merchant's imports whose words may speak of the customer: what the line is sealed by, its
// receipt, what was decided, or its words lead there. They are candidates: whoever asks reads them in the log.
func (r *Reader) LinesOf(ctx context.Context, merchantID int64, t customer.Trail, keys []string) ([]int64, error) {
	var out []int64
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		return r.each(ctx, g.in(`WITH replaceRegexpAll(line, '[^0-9]', '') AS digits
			SELECT id FROM kipay.reconciliation_differences_gN FINAL WHERE merchant_id = {merchant:Int64} AND (line != ''
				AND (sealed_by IN {keys:Array(String)} OR sealed_by = concat('statement-', toString(import_id), '-', toString(n))
					AND (reference IN {references:Array(String)} OR receipt IN {receipts:Array(String)}
						OR arrayExists(w -> positionCaseInsensitiveUTF8(line, w) > 0, {words:Array(String)})
						OR arrayExists(w -> position(digits, w) > 0, {words:Array(String)})))
			OR (mode, import_id, n) IN (SELECT mode, import_id, n FROM kipay.reconciliation_resolutions_gN FINAL
				WHERE merchant_id = {merchant:Int64} AND (resolved_to IN {references:Array(String)} OR sealed_by IN {keys:Array(String)})))
			ORDER BY id`),
			[]any{
				clickhouse.Named("merchant", merchantID), clickhouse.Named("keys", listOf(keys)), clickhouse.Named("references", listOf(t.References)),
				clickhouse.Named("receipts", listOf(t.Receipts)), clickhouse.Named("words", listOf(t.Words())),
			}, into(&out))
	})
	if err != nil {
		return nil, fmt.Errorf("statements' lines of a customer: %w", err)
	}
	return out, nil
}

// StreamsWith are the streams of the merchant that have an event of the type.
func (r *Reader) StreamsWith(ctx context.Context, merchantID int64, eventType string) ([]string, error) {
	var out []string
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		return r.each(ctx, g.in(`SELECT DISTINCT stream FROM kipay.events_gN WHERE merchant_id = {merchant:Int64} AND type = {type:String} ORDER BY stream`),
			[]any{clickhouse.Named("merchant", merchantID), clickhouse.Named("type", eventType)}, into(&out))
	})
	if err != nil {
		return nil, fmt.Errorf("streams with %s: %w", eventType, err)
	}
	return out, nil
}
