package commands

import (
	"context"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/audit"
)

// NoteAuditRead records that the caller in ctx looked at audit data, or the operator where there is none. Errors: Unavailable;
// what can't be recorded must not be shown.
func (w *WriteSide) NoteAuditRead(ctx context.Context, what string) error {
	by := By{Actor: byOperator}
	if who, ok := domain.CallerFrom(ctx); ok {
		by = byCaller(ctx, who)
	}
	now := w.log.Now()
	_, err := Handle[audit.State](ctx, w, audit.Stream(by.Merchant, now), audit.NoteRead{DataRead: audit.DataRead{
		Merchant: by.Merchant, Reader: by.Actor, What: what, At: now,
	}}, by)
	return err
}
