package projections

import (
	"time"

	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/eventstore"
)

// Channel is a payment channel as the read model holds it: without its secrets.
type Channel struct {
	MerchantID            int64
	ID                    int64
	Version               eventstore.Position
	Name                  string
	Provider, Environment string
	Currency              string
	Funds                 string
	ShortCode, TillNumber string
	Active, C2BRegistered bool
	// Default is filled by lists: it stands in the merchant's row.
	Default   bool
	CreatedAt time.Time
}

// channelOf is the row of a state whose last event stands at version.
func channelOf(s channel.State, version eventstore.Position) Channel {
	return Channel{
		MerchantID: s.Merchant, ID: s.ID, Version: version, Name: s.Name, Provider: string(s.Provider),
		Environment: string(s.Environment), Currency: string(s.Currency), Funds: string(s.Funds), ShortCode: s.ShortCode, TillNumber: s.TillNumber,
		Active: s.Active, C2BRegistered: s.C2BRegistered, CreatedAt: s.At,
	}
}

// channelColumns are rows of the table channels.
type channelColumns struct {
	*table
	merchant, id, created                                        values[int64]
	version                                                      values[uint64]
	name, provider, environment, currency, shortCode, tillNumber values[string]
	funds                                                        values[string]
	active, c2bRegistered                                        values[uint8]
}

func newChannelColumns() *channelColumns {
	c := &channelColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, id: values[int64]{name: "id", sentAs: sentInt64},
		version: values[uint64]{name: "version", sentAs: sentUInt64}, name: values[string]{name: "name", sentAs: sentString},
		provider: values[string]{name: "provider", sentAs: sentString}, environment: values[string]{name: "environment", sentAs: sentString},
		currency: values[string]{name: "currency", sentAs: sentString}, shortCode: values[string]{name: "shortcode", sentAs: sentString},
		tillNumber: values[string]{name: "till_number", sentAs: sentString}, active: values[uint8]{name: "active", sentAs: sentUInt8},
		c2bRegistered: values[uint8]{name: "c2b_registered", sentAs: sentUInt8}, created: values[int64]{name: "created_at", sentAs: sentMillis},
		funds: values[string]{name: "funds", sentAs: sentString},
	}
	c.table = newTable("channels", &c.merchant, &c.id, &c.version, &c.name, &c.provider, &c.environment, &c.currency, &c.shortCode,
		&c.tillNumber, &c.active, &c.c2bRegistered, &c.created, &c.funds)
	return c
}

func (c *channelColumns) add(r *Channel) {
	c.merchant.add(r.MerchantID)
	c.id.add(r.ID)
	c.version.add(uint64(r.Version))
	c.name.add(r.Name)
	c.provider.add(r.Provider)
	c.environment.add(r.Environment)
	c.currency.add(r.Currency)
	c.shortCode.add(r.ShortCode)
	c.tillNumber.add(r.TillNumber)
	c.active.add(flag(r.Active))
	c.c2bRegistered.add(flag(r.C2BRegistered))
	c.created.add(millis(r.CreatedAt))
	c.funds.add(r.Funds)
}
