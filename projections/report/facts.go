package report

// Facts are what reports are made of.
type Facts int

// The facts.
const (
	// Payments are payments as they were at the position, dated by when they were opened.
	Payments Facts = iota
	// Entries are postings of the ledger that were known at the position, dated by when they happened.
	Entries
)

// Both are written so that a payment's facts are read from where they are cheap to read. The table transactions has each
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

// sql are the facts; until tells whether what had not happened by {until} is left out.
func (f Facts) sql(until bool) string {
	switch {
	case f == Entries:
		return entryFacts
	case until:
		return paymentFactsUntil
	default:
		return paymentFacts
	}
}

// order is the order of facts in a lineage: of the log, which never changes.
func (f Facts) order() string {
	if f == Payments {
		return "position, id"
	}
	return "position, line"
}

// moment is the column that dates the facts.
func (f Facts) moment() string {
	if f == Payments {
		return "created_at"
	}
	return "effective_at"
}

// What reports are grouped by.
func day(f Facts) Dim {
	return Dim{"day", "day", Date, "toString(toDate(" + f.moment() + ", {tz:String}))"}
}

func week(f Facts) Dim {
	return Dim{"week", "week", Date, "toString(toMonday(toDate(" + f.moment() + ", {tz:String})))"}
}

func month(f Facts) Dim {
	return Dim{"month", "month", Text, "substring(toString(toDate(" + f.moment() + ", {tz:String})), 1, 7)"}
}

func channel() Dim  { return Dim{"channel", "payment_channel_id", Integer, "channel_id"} }
func status() Dim   { return Dim{"status", "status", Text, "status"} }
func method() Dim   { return Dim{"method", "payment_method", Text, "payment_method"} }
func provider() Dim { return Dim{"provider", "provider", Text, "provider"} }
func origin() Dim   { return Dim{"origin", "origin", Text, "origin"} }
func currency() Dim { return Dim{"currency", "currency", Text, "currency"} }

// fromCheckout leaves out money that came unasked: nobody was asked to pay, so nobody failed to.
const fromCheckout = "origin != 'c2b'"
