package commands

import (
	"context"
	"fmt"

	"github.com/benfex/kipay/domain/reconciliation"
)

// elsewhere tells the matcher which receipts the statements of the merchant's other channels at the same provider have shown: a
// payment that the books have here and that stands there came to the wrong account.
func (l *loader) elsewhere(ctx context.Context, q BooksQuery) error {
	var sources []reconciliation.Source
	for _, s := range reconciliation.Sources() {
		if s != reconciliation.SourceBank && s.OfMpesa() == l.scope.Source.OfMpesa() {
			sources = append(sources, s)
		}
	}
	shown, err := l.w.Books.Elsewhere(ctx, q, sources)
	if err != nil {
		return fmt.Errorf("look at the statements of other channels: %w", err)
	}
	for _, e := range shown {
		if err := l.matcher.AddElsewhere(e); err != nil {
			return err
		}
	}
	return nil
}
