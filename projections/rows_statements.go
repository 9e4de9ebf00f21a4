package projections

import (
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// statementHead is what is kept of an import while its events go by: not its differences, which can be many.
type statementHead struct {
	journal.Begun
	refused *journal.Refused
	done    *journal.Reconciled
}

// Evolve is the head after e.
func (s statementHead) Evolve(e domain.Event) statementHead {
	switch e := e.(type) {
	case journal.Begun:
		s = statementHead{Begun: e}
	case journal.Refused:
		s.refused = &e
	case journal.Reconciled:
		s.done, s.refused = &e, nil
	}
	return s
}

// importColumns are rows of the table reconciliation_imports. Nothing in it is personal.
type importColumns struct {
	*table
	merchant, id, channel, created, finished, from, until, statement, booked, difference, explained, unexplained values[int64]
	version                                                                                                      values[uint64]
	mode, source, status, sha, currency, message                                                                 values[string]
	lines, matched, differences, breaks, bad                                                                     values[uint32]
	ties, proven                                                                                                 values[uint8]
}

func newImportColumns() *importColumns {
	c := &importColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		id: values[int64]{name: "id", sentAs: sentInt64}, version: values[uint64]{name: "version", sentAs: sentUInt64},
		created: values[int64]{name: "created_at", sentAs: sentMillis}, finished: values[int64]{name: "finished_at", sentAs: sentMillis},
		source: values[string]{name: "source", sentAs: sentString}, channel: values[int64]{name: "channel_id", sentAs: sentInt64},
		status: values[string]{name: "status", sentAs: sentString}, sha: values[string]{name: "sha256", sentAs: sentString},
		from: values[int64]{name: "period_from", sentAs: sentMillis}, until: values[int64]{name: "period_until", sentAs: sentMillis},
		currency: values[string]{name: "currency", sentAs: sentString}, lines: values[uint32]{name: "lines", sentAs: sentUInt32},
		matched: values[uint32]{name: "matched", sentAs: sentUInt32}, statement: values[int64]{name: "statement_minor", sentAs: sentInt64},
		booked: values[int64]{name: "booked_minor", sentAs: sentInt64}, difference: values[int64]{name: "difference_minor", sentAs: sentInt64},
		explained: values[int64]{name: "explained_minor", sentAs: sentInt64}, unexplained: values[int64]{name: "unexplained_minor", sentAs: sentInt64},
		differences: values[uint32]{name: "differences", sentAs: sentUInt32}, breaks: values[uint32]{name: "balance_breaks", sentAs: sentUInt32},
		ties: values[uint8]{name: "balance_ties", sentAs: sentUInt8}, proven: values[uint8]{name: "balance_proven", sentAs: sentUInt8},
		bad: values[uint32]{name: "bad_lines", sentAs: sentUInt32}, message: values[string]{name: "message", sentAs: sentString},
	}
	c.table = newTable("reconciliation_imports", &c.merchant, &c.mode, &c.id, &c.version, &c.created, &c.finished, &c.source, &c.channel, &c.status,
		&c.sha, &c.from, &c.until, &c.currency, &c.lines, &c.matched, &c.statement, &c.booked, &c.difference, &c.explained, &c.unexplained,
		&c.differences, &c.breaks, &c.ties, &c.proven, &c.bad, &c.message)
	return c
}

func (c *importColumns) add(s *statementHead, at eventstore.Position) {
	done, refused, status, finished := journal.Reconciled{}, journal.Refused{}, journal.Processing, time.Time{}
	switch {
	case s.done != nil:
		done, status, finished = *s.done, journal.Done, s.done.At
	case s.refused != nil:
		refused, status, finished = *s.refused, journal.Failed, s.refused.At
	}
	c.merchant.add(s.Merchant)
	c.mode.add(string(s.Mode))
	c.id.add(s.ID)
	c.version.add(uint64(at))
	c.created.add(millis(s.At))
	c.finished.add(millis(finished))
	c.source.add(string(s.Source))
	c.channel.add(s.Channel)
	c.status.add(string(status))
	c.sha.add(s.SHA256)
	c.from.add(millis(done.From))
	c.until.add(millis(done.Until))
	c.currency.add(string(done.Currency))
	c.lines.add(uint32(done.Lines))
	c.matched.add(uint32(done.Matched))
	c.statement.add(done.Statement.Minor)
	c.booked.add(done.Booked.Minor)
	c.difference.add(done.Difference.Minor)
	c.explained.add(done.Explained.Minor)
	c.unexplained.add(done.Unexplained.Minor)
	c.differences.add(uint32(done.Differences))
	c.breaks.add(uint32(done.Breaks))
	c.ties.add(flag(done.Proof.Ties))
	c.proven.add(flag(done.Proof.Proven))
	c.bad.add(uint32(refused.Bad))
	c.message.add(refused.Reason)
}

// differenceColumns are rows of the table reconciliation_differences.
type differenceColumns struct {
	*table
	merchant, importID, id, channel, amount, stated, booked, at                                                              values[int64]
	n, lineNumber                                                                                                            values[uint32]
	version                                                                                                                  values[uint64]
	mode, identity, cause, rule, state, kind, receipt, entry, reference, references, events, currency, explanation, lineText values[string]
	sealedBy                                                                                                                 values[string]
}

func newDifferenceColumns() *differenceColumns {
	c := &differenceColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		importID: values[int64]{name: "import_id", sentAs: sentInt64}, n: values[uint32]{name: "n", sentAs: sentUInt32},
		version: values[uint64]{name: "version", sentAs: sentUInt64}, id: values[int64]{name: "id", sentAs: sentInt64},
		channel: values[int64]{name: "channel_id", sentAs: sentInt64}, identity: values[string]{name: "identity", sentAs: sentString}, cause: values[string]{name: "cause", sentAs: sentString},
		rule: values[string]{name: "rule", sentAs: sentString}, state: values[string]{name: "found_as", sentAs: sentString},
		lineNumber: values[uint32]{name: "line_number", sentAs: sentUInt32}, kind: values[string]{name: "line_kind", sentAs: sentString},
		receipt: values[string]{name: "receipt", sentAs: sentString}, entry: values[string]{name: "entry", sentAs: sentString},
		reference: values[string]{name: "reference", sentAs: sentString}, references: values[string]{name: "candidates", sentAs: sentString},
		events: values[string]{name: "event_ids", sentAs: sentString}, currency: values[string]{name: "currency", sentAs: sentString},
		amount: values[int64]{name: "amount_minor", sentAs: sentInt64}, stated: values[int64]{name: "stated_minor", sentAs: sentInt64},
		booked: values[int64]{name: "booked_minor", sentAs: sentInt64}, at: values[int64]{name: "at", sentAs: sentMillis},
		explanation: values[string]{name: "explanation", sentAs: sentString}, lineText: values[string]{name: "line", sentAs: sentString},
		sealedBy: values[string]{name: "sealed_by", sentAs: sentString},
	}
	c.table = newTable("reconciliation_differences", &c.merchant, &c.mode, &c.importID, &c.n, &c.version, &c.id, &c.channel, &c.identity, &c.cause, &c.rule,
		&c.state, &c.lineNumber, &c.kind, &c.receipt, &c.entry, &c.reference, &c.references, &c.events, &c.currency, &c.amount, &c.stated,
		&c.booked, &c.at, &c.explanation, &c.lineText, &c.sealedBy)
	return c
}

// found adds the differences that an event brings, and answers how many.
func (c *differenceColumns) found(s *statementHead, e *journal.DifferencesFound, at eventstore.Position) int {
	for i := range e.Differences {
		d := &e.Differences[i]
		c.merchant.add(s.Merchant)
		c.mode.add(string(s.Mode))
		c.importID.add(s.ID)
		c.n.add(uint32(d.N))
		c.version.add(uint64(at))
		c.id.add(journal.ItemID(s.ID, d.N))
		c.channel.add(s.Channel)
		c.identity.add(identityOf(s, d))
		c.cause.add(string(d.Cause))
		c.rule.add(string(d.Rule))
		c.state.add(string(d.State))
		c.lineNumber.add(uint32(d.Line))
		c.kind.add(string(d.Kind))
		c.receipt.add(d.Receipt)
		c.entry.add(string(d.Entry))
		c.reference.add(d.Reference)
		c.references.add(strings.Join(d.References, " "))
		c.events.add(strings.Join(d.Events, " "))
		c.currency.add(string(d.Amount.Currency))
		c.amount.add(d.Amount.Minor)
		c.stated.add(d.Stated.Minor)
		c.booked.add(d.Booked.Minor)
		c.at.add(millis(d.At))
		c.explanation.add(d.Text)
		c.lineText.add(string(e.Words)) // of one difference; empty when they are erased
		c.sealedBy.add(e.Subject)
	}
	return len(e.Differences)
}

// identityOf names a difference, the same in every import that shows it. What only the books have is missing from each bank account's
// statement by itself: whose account it is no import's row says.
func identityOf(s *statementHead, d *journal.Difference) string {
	if s.Channel == 0 && d.Line == 0 {
		return d.Identity + ":" + journal.Stream(s.ID)
	}
	return d.Identity
}

// resolutionColumns are rows of the table reconciliation_resolutions: every decision about each difference.
type resolutionColumns struct {
	*table
	merchant, importID, at           values[int64]
	n                                values[uint32]
	version                          values[uint64]
	mode, action, reference, by, why values[string]
	sealedBy                         values[string]
}

func newResolutionColumns() *resolutionColumns {
	c := &resolutionColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		importID: values[int64]{name: "import_id", sentAs: sentInt64}, n: values[uint32]{name: "n", sentAs: sentUInt32},
		version: values[uint64]{name: "version", sentAs: sentUInt64}, action: values[string]{name: "action", sentAs: sentString},
		reference: values[string]{name: "resolved_to", sentAs: sentString}, by: values[string]{name: "resolved_by", sentAs: sentString},
		why: values[string]{name: "reason", sentAs: sentString}, at: values[int64]{name: "resolved_at", sentAs: sentMillis},
		sealedBy: values[string]{name: "sealed_by", sentAs: sentString},
	}
	c.table = newTable("reconciliation_resolutions", &c.merchant, &c.mode, &c.importID, &c.n, &c.version, &c.action, &c.reference, &c.by, &c.why, &c.at, &c.sealedBy)
	return c
}

// resolved adds the decisions of an event, and answers how many.
func (c *resolutionColumns) resolved(s *statementHead, e *journal.Resolved, env *eventstore.Envelope) int {
	for _, r := range e.Resolutions {
		c.merchant.add(s.Merchant)
		c.mode.add(string(s.Mode))
		c.importID.add(s.ID)
		c.n.add(uint32(r.N))
		c.version.add(uint64(env.Position))
		c.action.add(string(r.Action))
		c.reference.add(r.Reference)
		c.by.add(env.Meta.Actor)
		c.why.add(string(e.Reason))
		c.at.add(millis(e.At))
		c.sealedBy.add(e.Subject)
	}
	return len(e.Resolutions)
}
