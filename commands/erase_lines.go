package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// statementLine is a line of an imported statement that speaks of a customer and has a key of its own.
type statementLine struct {
	key  string
	mode domain.Mode
	at   time.Time // when its money moved
}

// linesOf are the lines of the merchant's statements that speak of the customer under keys of their own: by their receipt or
// reference, by what a person decided about them, or by their words. What is sealed under the key of a payment goes with that.
func (w *WriteSide) linesOf(ctx context.Context, merchantID int64, t customer.Trail) ([]statementLine, error) {
	items, err := w.itemsFor(ctx, merchantID, t)
	if err != nil {
		return nil, err
	}
	byImport := map[int64][]int{}
	for _, item := range items {
		if id, n, ok := journal.ParseItem(item); ok {
			byImport[id] = append(byImport[id], n)
		}
	}
	var out []statementLine
	for id, places := range byImport {
		imp, err := w.importOf(ctx, id)
		if err != nil {
			return nil, err
		}
		if imp.State.Merchant != merchantID {
			continue
		}
		for _, n := range places {
			i, ok := imp.State.Item(n)
			if !ok || i.Subject != "" && i.Subject != journal.LineKey(id, n) || !speaksOf(i, t) {
				continue
			}
			if i.Subject != "" {
				out = append(out, statementLine{i.Subject, imp.State.Mode, i.At})
			}
		}
	}
	asked, err := w.askedLines(ctx, merchantID, t)
	if err != nil {
		return nil, err
	}
	out = append(out, asked...)
	slices.SortFunc(out, func(a, b statementLine) int { return strings.Compare(a.key, b.key) })
	return slices.CompactFunc(out, func(a, b statementLine) bool { return a.key == b.key }), nil
}

// askedLines are those of which the provider, when it was asked, said more than the line: the whole number, a name.
func (w *WriteSide) askedLines(ctx context.Context, merchantID int64, t customer.Trail) ([]statementLine, error) {
	streams, err := w.answeredReceipts(ctx, merchantID)
	if err != nil {
		return nil, err
	}
	var out []statementLine
	for _, stream := range streams {
		err := w.log.EachInStream(ctx, stream, 0, func(env eventstore.Envelope) error {
			e, ok := env.Event.(receipt.StatusAnswered)
			id, n, known := journal.ParseItem(e.Item)
			if ok && known && e.Merchant == merchantID && e.Subject == journal.LineKey(id, n) && t.In(e.Words()) {
				out = append(out, statementLine{e.Subject, e.Mode, e.PaidAt})
			}
			return nil
		})
		if err != nil {
			return nil, asUnavailable(err)
		}
	}
	return out, nil
}

// answeredReceipts are the streams of receipts after which a provider was asked: by the index, or where this node has none in the log.
func (w *WriteSide) answeredReceipts(ctx context.Context, merchantID int64) ([]string, error) {
	answered := receipt.StatusAnswered{}.EventType()
	if w.Payments != nil {
		streams, err := w.Payments.StreamsWith(ctx, merchantID, answered)
		if err != nil {
			return nil, domain.Unavailable("The customer's lines in statements can't be looked up right now; try again", err)
		}
		return streams, nil
	}
	var out []string
	err := w.eachRecord(ctx, ofType(answered), func(e eventstore.Envelope) {
		if !slices.Contains(out, e.Stream) {
			out = append(out, e.Stream)
		}
	})
	return out, err
}

// ofType wants events of one type.
func ofType(name string) func(*eventstore.Record) bool {
	return func(r *eventstore.Record) bool { return r.Type == name }
}

// speaksOf tells whether the difference is about the customer.
func speaksOf(i journal.Item, t customer.Trail) bool {
	if slices.Contains(t.References, i.Reference) || slices.Contains(t.References, i.ResolvedTo) || slices.Contains(t.Receipts, i.Receipt) {
		return true
	}
	words := lineOf(i)
	return t.In(words.Party) || t.In(words.Details) || t.In(words.Account) || t.In(words.Reference)
}

// itemsFor finds items that may be about the customer: by the index, or where this node has none in the log.
func (w *WriteSide) itemsFor(ctx context.Context, merchantID int64, t customer.Trail) ([]int64, error) {
	if w.Payments == nil {
		return w.itemsInLog(ctx)
	}
	items, err := w.Payments.LinesOf(ctx, merchantID, t, nil) // it knows all of now: the payments were looked up in it
	if err != nil {
		return nil, domain.Unavailable("The customer's lines in statements can't be looked up right now; try again", err)
	}
	return items, nil
}

// itemsInLog are all items whose words are kept under keys of their own.
func (w *WriteSide) itemsInLog(ctx context.Context) ([]int64, error) {
	var out []int64
	err := w.eachRecord(ctx, ofType(journal.DifferencesFound{}.EventType()), func(env eventstore.Envelope) {
		if e, ok := env.Event.(journal.DifferencesFound); ok && e.Words != "" {
			out = append(out, journal.ItemID(e.ID, e.Differences[0].N))
		}
	})
	return out, err
}
