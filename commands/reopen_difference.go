package commands

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

const routeReopen = "reconciliation/items/reopen"

// Reopening is what a person finds wrong with a decision about a difference.
type Reopening struct {
	Item   int64
	Reason string
}

// reopenDifference takes a decision about a difference back.
func (w *WriteSide) reopenDifference(c *fiber.Ctx) error {
	r := Reopening{}
	return w.onItem(c, routeReopen, func(b *body) { r.Reason = b.required("reason", maxDecisionReason) }, func(ctx context.Context, who domain.Caller, item int64, by By) (answer, error) {
		r.Item = item
		shown, err := w.reopen(ctx, who.MerchantID, who.Mode, r, by)
		return itemAnswered("Decision taken back", shown), err
	})
}

// Reopen takes a decision back for the operator. Errors: NotFound; Invalid on reason; Conflict where nothing was decided that can be.
func (w *WriteSide) Reopen(ctx context.Context, merchantID int64, mode domain.Mode, r Reopening) (ItemView, error) {
	if r.Reason == "" {
		return ItemView{}, domain.Invalid("reason", "is required")
	}
	return w.reopen(ctx, merchantID, mode, r, By{Actor: byOperator, Merchant: merchantID})
}

// reopen keeps that the decision is taken back, then brings the money back into suspense that had left it. What is cut off in between
// the reactor carries out.
func (w *WriteSide) reopen(ctx context.Context, merchantID int64, mode domain.Mode, r Reopening, by By) (ItemView, error) {
	imp, item, err := w.itemOf(ctx, merchantID, mode, r.Item)
	if err != nil {
		return ItemView{}, err
	}
	taken := item.Action
	key, err := w.keyOfReason(ctx, imp.State, item, Decision{})
	if err != nil {
		return ItemView{}, err
	}
	cmd := journal.Reopen{N: item.N, Subject: key, Reason: domain.Personal(r.Reason), At: w.log.Now()}
	if _, err := cmd.Decide(imp.State); err != nil {
		return ItemView{}, err
	}
	if err := w.canRestore(ctx, imp.State, item); err != nil {
		return ItemView{}, err
	}
	out, err := handleFrom(ctx, w, journal.Stream(imp.State.ID), imp, cmd, by)
	if err != nil {
		return ItemView{}, err
	}
	item, _ = out.State.Item(item.N)
	if err := w.restore(ctx, out.State, item, taken, by); err != nil {
		return ItemView{}, err
	}
	return viewItem(out.State, item), nil
}

// canRestore tells by its error what stands against taking back the decision that counts about a difference.
func (w *WriteSide) canRestore(ctx context.Context, imp journal.State, i journal.Item) error {
	if !i.Action.MovesSuspense() {
		return nil
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(imp.Channel))
	if err != nil {
		return err
	}
	r, err := w.receiptOf(ctx, ch.State, i)
	if err != nil {
		return err
	}
	_, err = receipt.RestoreSuspense{How: releaseBy(i.Action, w.log.Now()).How}.Decide(r)
	return err
}

// restore brings money back into suspense that left it by a decision which is taken back. It may be repeated, and changes nothing where
// the money did not leave by that decision, or somebody has decided otherwise since.
func (w *WriteSide) restore(ctx context.Context, imp journal.State, i journal.Item, taken journal.Action, by By) error {
	if !taken.MovesSuspense() || i.Action.MovesSuspense() {
		return nil
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(imp.Channel))
	if err != nil {
		return err
	}
	r, err := w.receiptOf(ctx, ch.State, i)
	if err != nil || !isNoted(r, imp, i) {
		return err
	}
	at := w.log.Now()
	_, err = Handle[receipt.State](ctx, w, receipt.Stream(ch.State.ReceiptScope(), i.Receipt), receipt.RestoreSuspense{How: releaseBy(taken, at).How, At: at}, by)
	if code := domain.CodeOf(err); code == domain.CodeConflict || code == domain.CodeNotFound { // it is a transaction's since, or never left so
		return nil
	}
	return err
}

// CarryOutReopening brings the money of an import's nth difference back into suspense, if that was cut off after its decision was taken back.
func (w *WriteSide) CarryOutReopening(ctx context.Context, id int64, n int, taken journal.Action, by By) error {
	imp, err := w.importOf(ctx, id)
	if err != nil {
		return err
	}
	i, ok := imp.State.Item(n)
	if !ok {
		return nil
	}
	return w.restore(ctx, imp.State, i, taken, by)
}
