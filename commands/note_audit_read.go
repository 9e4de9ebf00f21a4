package commands

import (
	"context"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/audit"
	"github.com/benfex/kipay/domain/merchant"
)

// NoteAuditRead records that the caller in ctx looked at audit data, or the operator where there is none. Errors: Unavailable;
// what can't be recorded must not be shown.
func (w *WriteSide) NoteAuditRead(ctx context.Context, what string) error {
	if who, ok := domain.CallerFrom(ctx); ok {
		return w.noteAuditRead(ctx, byCaller(ctx, who), what)
	}
	return w.noteAuditRead(ctx, By{Actor: byOperator}, what)
}

// NoteOperatorRead records that the operator looked at audit data of one merchant, which sees it among its own. Errors: Unavailable.
func (w *WriteSide) NoteOperatorRead(ctx context.Context, merchantID merchant.ID, what string) error {
	return w.noteAuditRead(ctx, By{Actor: byOperator, Merchant: merchantID}, what)
}

func (w *WriteSide) noteAuditRead(ctx context.Context, by By, what string) error {
	now := w.log.Now()
	_, err := Handle[audit.State](ctx, w, audit.Stream(by.Merchant, now), audit.NoteRead{DataRead: audit.DataRead{
		Merchant: by.Merchant, Reader: by.Actor, What: what, At: now,
	}}, by)
	return err
}
