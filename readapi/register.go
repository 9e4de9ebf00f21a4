package readapi

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections"
)

// Projection is how far the read models have come, and the completed transactions that the projector has in memory.
// *projections.Projector and *projections.Follower are ones.
type Projection interface {
	Position() eventstore.Position
	Fresh(ctx context.Context, least eventstore.Position) error
	Archived(ctx context.Context, least eventstore.Position) (eventstore.Position, error)
	Completed(reference string, seen eventstore.Position) (projections.Transaction, bool)
}

// Deps are what the read side needs.
type Deps struct {
	Log        *eventstore.Log
	Reader     *projections.Reader
	Projection Projection
	Seen       *eventstore.Seen
	Readings   Readings
	Issuer     *transparency.Issuer
	Opener     transparency.Opener
	Imports    Imports
	// TempDir is where workbooks wait that are too large for memory; the system's own folder when empty.
	TempDir string
}

// Readings keeps the record of who looks at audit data: commands.WriteSide is one. Errors: Unavailable; what can't be
// recorded is not shown.
type Readings interface {
	NoteAuditRead(ctx context.Context, what string) error
}

// Register adds the read side's routes to r, below which the caller is known (domain.CallerFrom).
func Register(r fiber.Router, d Deps) {
	a := &api{Deps: d, past: projections.NewPast(d.Reader, d.Log), writing: newTurns(maxWriting, maxWritingEach), zones: newZones()}
	r.Get("/transactions/verify/:reference", a.verify)
	r.Get("/transactions/list", a.listTransactions)
	r.Get("/transactions/diff", a.diffTransactions)
	r.Get("/payment-channels/list", a.listChannels)
	r.Get("/payment-channels/diff", a.diffChannels)
	r.Get("/customers/list", a.listCustomers)
	r.Get("/customers/diff", a.diffCustomers)
	r.Get("/customers/:id/export", a.exportCustomer)
	r.Get("/mpesa/stk-status/:reference", a.stkStatus)
	r.Get("/transactions/:reference/history", a.history)
	r.Get("/transactions/:reference/receipt", a.receipt)
	r.Get("/audit/events", a.auditEvents)
	r.Get("/refunds/list", a.listRefunds)
	r.Get("/refunds/diff", a.diffRefunds)
	r.Get("/disputes/list", a.listDisputes)
	r.Get("/disputes/diff", a.diffDisputes)
	r.Get("/disputes/:id", a.oneDispute)
	r.Get("/payouts/list", a.listPayouts)
	r.Get("/payouts/diff", a.diffPayouts)
	r.Get("/payouts/:reference", a.payout)
	r.Get("/payouts/:reference/history", a.payoutHistory)
	r.Get("/ledger/accounts", a.ledgerAccounts)
	r.Get("/ledger/balances", a.ledgerBalances)
	r.Get("/ledger/entries", a.ledgerEntries)
	r.Get("/ledger/diff", a.ledgerDiff)
	r.Get("/periods/list", a.listPeriods)
	r.Get("/reports/:name", a.report)
	r.Get("/reports/:name/lineage", a.reportLineage)
	r.Get("/reconciliation/imports", a.listImports)
	r.Get("/reconciliation/imports/diff", a.diffImports)
	r.Get("/reconciliation/imports/:id", a.showImport)
	r.Get("/reconciliation/imports/:id/differences", a.listDifferences)
	r.Get("/reconciliation/imports/:id/differences/diff", a.diffDifferences)
}

type api struct {
	Deps
	past *projections.Past
	// writing are for reports that are being written.
	writing *turns
	zones   *zones
}

// callerOf is who is asking, which the web layer has made sure of.
func callerOf(c *fiber.Ctx) (domain.Caller, error) {
	who, ok := domain.CallerFrom(c.UserContext())
	if !ok {
		return who, &domain.Error{Code: domain.CodeUnauthorized, Message: "Invalid API key"}
	}
	if !who.May(domain.ScopeRead) {
		return who, domain.Forbiddenf("This API key may not read")
	}
	return who, nil
}

// send answers a body of JSON.
func send(c *fiber.Ctx, body []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(body)
}
