package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/transaction"
)

// CardToken and C2BToken are the tokens in the URLs of a channel, for the tests outside.
func (w *WriteSide) CardToken(channel string) string { return w.derive.token("card", channel) }

// C2BToken is the token of the channel's C2B URLs.
func (w *WriteSide) C2BToken(channel string) string { return w.derive.token("c2b", channel) }

// AwaitPush is how a twin waits.
func (w *WriteSide) AwaitPush(ctx context.Context, ref transaction.Reference) (Outcome[transaction.State], error) {
	return w.awaitPush(ctx, ref)
}

// ReadBooks are the payments of the channel about the time, as a statement is compared with them.
func (w *WriteSide) ReadBooks(ctx context.Context, merchantID int64, mode domain.Mode, channelID int64, at time.Time) ([]string, error) {
	scope := reconciliation.Scope{
		Source: reconciliation.SourceMpesa, Channel: channelID, Currency: money.KES, Zone: time.UTC,
		Period: reconciliation.Period{From: at.AddDate(0, 0, -7), Until: at.AddDate(0, 0, 7)},
	}
	m, err := reconciliation.New(scope)
	if err != nil {
		return nil, err
	}
	ch, err := w.channelOf(ctx, merchantID, channelID)
	if err != nil {
		return nil, err
	}
	q := BooksQuery{Merchant: merchantID, Mode: mode, Channel: channelID, Currency: money.KES, From: scope.Period.From, Until: scope.Period.Until}
	if _, err := w.newLoader(merchantID, m, scope, ch).books(ctx, q, func(ImportProgress) {}); err != nil {
		return nil, err
	}
	var out []string
	_, err = m.Match(func(r reconciliation.Result) error {
		out = append(out, fmt.Sprintf("%+v", r))
		return nil
	})
	slices.Sort(out)
	return out, err
}
