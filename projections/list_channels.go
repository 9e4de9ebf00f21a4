package projections

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// Channels lists a merchant's payment channels, newest first, at most maxChannels.
func (r *Reader) Channels(ctx context.Context, merchantID int64, activeOnly bool) ([]Channel, error) {
	var out []Channel
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		args := []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("active", flag(activeOnly)), clickhouse.Named("limit", uint64(maxChannels)),
		}
		return r.each(ctx, g.in(listChannelsSQL), args, func(rows driver.Rows) error {
			var c Channel
			var version uint64
			var active, registered, isDefault uint8
			err := rows.Scan(&c.MerchantID, &c.ID, &version, &c.Name, &c.Provider, &c.Environment, &c.Currency, &c.ShortCode, &c.TillNumber,
				&active, &registered, &c.CreatedAt, &c.Funds, &isDefault)
			c.Version, c.CreatedAt = eventstore.Position(version), momentOf(c.CreatedAt)
			c.Active, c.C2BRegistered, c.Default = active == 1, registered == 1, isDefault == 1
			out = append(out, c)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list payment channels: %w", err)
	}
	return out, nil
}

// maxChannels bounds the list, which has no pages.
const maxChannels = 10_000

const listChannelsSQL = `SELECT merchant_id, id, version, name, provider, environment, currency, shortcode, till_number,
	active, c2b_registered, created_at, funds,
	toUInt8(id = (SELECT max(default_channel_id) FROM kipay.merchants_gN FINAL WHERE id = {merchant:Int64}))
FROM kipay.channels_gN FINAL
WHERE merchant_id = {merchant:Int64} AND active >= {active:UInt8}
ORDER BY created_at DESC, id DESC LIMIT {limit:UInt64}`
