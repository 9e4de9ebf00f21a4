package report

// Facts are what reports are made of.
type Facts int

// The facts.
const (
	// Payments are payments as they were at the position, dated by when they were opened.
	Payments Facts = iota
	// Entries are postings of the ledger that were known at the position, dated by when they happened.
	Entries
	// Differences are those between statements and books that were found by the position, as they stood there.
	Differences
	// Payouts are payouts as they were at the position, dated by when they were asked for.
	Payouts
	// Disputes are disputes as they were at the position, dated by when payers complained.
	Disputes
)

// Payments are written so that a payment's facts are read from where they are cheap to read. The table transactions has each
// payment once, as its last event left it, and holds every change up to the position {whole}. What has not changed since
// {whole}, or since the position that is asked for, is read there: nearly all. The others are read from transaction_versions:
// those whose row in the table is newer, and those whose newer row may not be in the table yet.
const (
	paymentColumns = `created_at, id, reference, status, currency, amount_minor, received_minor, credited_minor, surplus_minor,
	refunded_minor, payment_method, provider, origin, channel_id, failure_code, paid_at, completed_at`

	paymentsWithin = `merchant_id = {merchant:Int64} AND mode = {mode:String}
	AND created_at >= {from:DateTime64(3,'UTC')} AND created_at < {before:DateTime64(3,'UTC')}`

	// changedPayments are the references of payments whose newest events the table may not have.
	changedPayments = `SELECT substring(stream, 13) FROM kipay.events_gN
	WHERE position > {whole:UInt64} AND merchant_id = {merchant:Int64} AND startsWith(stream, 'transaction-')`

	paymentFacts = `SELECT ` + paymentColumns + `, version AS position FROM kipay.transactions_gN FINAL
WHERE ` + paymentsWithin + ` AND listed = 1 AND version <= {settled:UInt64} AND reference NOT IN (` + changedPayments + `)
UNION ALL
` + versionsSelect + ` AND reference IN (
	SELECT reference FROM kipay.transactions_gN WHERE ` + paymentsWithin + ` AND version > {settled:UInt64} UNION ALL ` + changedPayments + `)
` + newestVersions

	// paymentFactsUntil are those of what had happened by {until}, of which the table transactions knows nothing.
	paymentFactsUntil = versionsSelect + ` AND effective_at <= {until:DateTime64(3,'UTC')}
` + newestVersions

	versionsSelect = `SELECT ` + paymentColumns + `, position FROM (
	SELECT ` + paymentColumns + `, position, listed FROM kipay.transaction_versions_gN
	WHERE ` + paymentsWithin + ` AND position <= {asof:UInt64}`
	newestVersions = `	ORDER BY created_at DESC, id DESC, position DESC LIMIT 1 BY created_at, id)
WHERE listed = 1`

	entryFacts = `SELECT position, line, id AS entry_id, event_id, event_type, reference, account, currency, channel_id, debit_minor,
	credit_minor, effective_at, recorded_at, period FROM kipay.ledger_entries_gN FINAL
WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND position <= {asof:UInt64}
	AND effective_at >= {from:DateTime64(3,'UTC')} AND effective_at < {before:DateTime64(3,'UTC')} AND effective_at <= {until:DateTime64(3,'UTC')}`
)

// differenceFacts are those of imports that were done. A decision that sets money aside leaves the difference open.
const differenceFacts = `SELECT d.version AS position, d.id AS id, d.import_id AS import_id, d.identity AS identity, toString(d.cause) AS cause, toString(d.rule) AS rule,
	if(r.action IN ('', 'suspended'), toString(d.found_as), 'resolved') AS state, d.line_number AS line_number, d.reference AS reference,
	d.receipt AS receipt, d.event_ids AS event_ids, d.currency AS currency, d.channel_id AS channel_id, d.amount_minor AS amount_minor,
	d.stated_minor AS stated_minor, d.booked_minor AS booked_minor, toString(i.source) AS source,
	if(d.at = toDateTime64(0, 3, 'UTC'), i.period_from, d.at) AS moment
FROM (SELECT * FROM kipay.reconciliation_differences_gN FINAL WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
	AND version <= {asof:UInt64}) AS d
INNER JOIN (SELECT id, differences, source, period_from FROM kipay.reconciliation_imports_gN FINAL
	WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND status = 'done' AND version <= {asof:UInt64}) AS i ON i.id = d.import_id
LEFT JOIN (SELECT import_id, n, toString(action) AS action FROM kipay.reconciliation_resolutions_gN
	WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND version <= {asof:UInt64}
		AND resolved_at <= {until:DateTime64(3,'UTC')} ORDER BY version DESC LIMIT 1 BY import_id, n) AS r ON r.import_id = d.import_id AND r.n = d.n
WHERE d.n <= i.differences`

// differencesOnce are the facts of the time: one that several statements show, where they overlap, as the newest of them has it.
const differencesOnce = `SELECT * FROM (` + differenceFacts + ` ORDER BY position DESC LIMIT 1 BY channel_id, source, currency, identity)
WHERE moment >= {from:DateTime64(3,'UTC')} AND moment < {before:DateTime64(3,'UTC')} AND moment <= {until:DateTime64(3,'UTC')}`

// payoutFacts and disputeFacts are the last versions that had become so by {until} and were known. There are few of either.
const (
	payoutFacts = `SELECT created_at, id, reference, status, method, channel_id, destination, currency, amount_minor, paid_minor, charge_minor, failure_code,
	outcome_unknown, needs_attention, version AS position FROM kipay.payout_versions_gN
WHERE ` + paymentsWithin + ` AND version <= {asof:UInt64} AND effective_at <= {until:DateTime64(3,'UTC')}
ORDER BY version DESC LIMIT 1 BY created_at, id`

	disputeFacts = `SELECT created_at, channel_id, id, reference, status, currency, amount_minor, category, due_at, answer, resolution, returned_minor,
	version AS position FROM kipay.dispute_versions_gN
WHERE ` + paymentsWithin + ` AND version <= {asof:UInt64} AND effective_at <= {until:DateTime64(3,'UTC')}
ORDER BY version DESC LIMIT 1 BY channel_id, id`
)

// sql are the facts; until tells whether what had not happened by {until} is left out.
func (f Facts) sql(until bool) string {
	switch {
	case f == Entries:
		return entryFacts
	case f == Differences:
		return differencesOnce
	case f == Payouts:
		return payoutFacts
	case f == Disputes:
		return disputeFacts
	case until:
		return paymentFactsUntil
	default:
		return paymentFacts
	}
}

// order is the order of facts in a lineage: of the log, which never changes.
func (f Facts) order() string {
	if f == Entries {
		return "position, line"
	}
	return "position, id"
}

// Aged tells whether figures of the facts depend on the moment that ages are counted to.
func (f Facts) Aged() bool { return f == Payments || f == Disputes }

// moment is the column that dates the facts.
func (f Facts) moment() string {
	switch f {
	case Payments, Payouts, Disputes:
		return "created_at"
	case Differences:
		return "moment"
	default:
		return "effective_at"
	}
}

// What reports are grouped by.
func day(f Facts) Dim {
	return Dim{Name: "day", Column: "day", Type: Date, SQL: "toDate(" + f.moment() + ", {tz:String})"}
}

func week(f Facts) Dim {
	return Dim{Name: "week", Column: "week", Type: Date, SQL: "toMonday(" + f.moment() + ", {tz:String})"}
}

func month(f Facts) Dim {
	return Dim{Name: "month", Column: "month", Type: Text, SQL: "toStartOfMonth(" + f.moment() + ", {tz:String})", Show: "substring(toString(%s), 1, 7)"}
}

func channel() Dim {
	return Dim{Name: "channel", Column: "payment_channel_id", Type: Integer, SQL: "channel_id"}
}
func status() Dim { return Dim{Name: "status", Column: "status", Type: Text, SQL: "status"} }
func method() Dim {
	return Dim{Name: "method", Column: "payment_method", Type: Text, SQL: "payment_method"}
}

func provider() Dim { return Dim{Name: "provider", Column: "provider", Type: Text, SQL: "provider"} }
func origin() Dim   { return Dim{Name: "origin", Column: "origin", Type: Text, SQL: "origin"} }
func currency() Dim { return Dim{Name: "currency", Column: "currency", Type: Text, SQL: "currency"} }

// fromCheckout leaves out money that came unasked: nobody was asked to pay, so nobody failed to.
const fromCheckout = "origin != 'c2b'"
