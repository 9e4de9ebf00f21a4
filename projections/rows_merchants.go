package projections

import (
	"time"

	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

// merchantRow is a merchant as the read model holds it: the business, no person.
type merchantRow struct {
	id             int64
	version        eventstore.Position
	name           string
	timeZone       string
	defaultChannel int64
	createdAt      time.Time
}

// merchantOf is the row of a state whose last event stands at version.
func merchantOf(s merchant.State, version eventstore.Position) merchantRow {
	return merchantRow{
		id: s.ID, version: version, name: s.Name, timeZone: s.TimeZone, defaultChannel: s.DefaultChannel, createdAt: s.CreatedAt,
	}
}

// merchantColumns are rows of the table merchants.
type merchantColumns struct {
	*table
	id, defaultChannel, created values[int64]
	version                     values[uint64]
	name, timeZone              values[string]
}

func newMerchantColumns() *merchantColumns {
	c := &merchantColumns{
		id: values[int64]{name: "id", sentAs: sentInt64}, version: values[uint64]{name: "version", sentAs: sentUInt64},
		name: values[string]{name: "name", sentAs: sentString}, timeZone: values[string]{name: "time_zone", sentAs: sentString},
		defaultChannel: values[int64]{name: "default_channel_id", sentAs: sentInt64}, created: values[int64]{name: "created_at", sentAs: sentMillis},
	}
	c.table = newTable("merchants", &c.id, &c.version, &c.name, &c.timeZone, &c.defaultChannel, &c.created)
	return c
}

func (c *merchantColumns) add(r merchantRow) {
	c.id.add(r.id)
	c.version.add(uint64(r.version))
	c.name.add(r.name)
	c.timeZone.add(r.timeZone)
	c.defaultChannel.add(r.defaultChannel)
	c.created.add(millis(r.createdAt))
}
