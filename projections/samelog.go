package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// ErrOtherLog: the read models were built from another log than the one that is followed.
var ErrOtherLog = errors.New("the read models were built from another log")

// sameLog compares the event that the generation's checkpoint stands at with the log's. A position says nothing of which log
// it is one of: after KIPAY_EVENTSTORE was changed, or a data folder put back from elsewhere, the projection would go on in the
// middle of a log that it has never read. Errors: ErrOtherLog.
func (p *Projector) sameLog(ctx context.Context, g Generation, at eventstore.Position) error {
	if at == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var built uuid.UUID
	err := p.conn.QueryRow(ctx, g.in("SELECT id FROM kipay.events_gN WHERE position = {position:UInt64} LIMIT 1"),
		clickhouse.Named("position", uint64(at))).Scan(&built)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // a server may have lost it, which verify finds
	}
	if err != nil {
		return fmt.Errorf("read the event at the checkpoint: %w", err)
	}
	there, err := p.log.Store().ReadAll(ctx, at, eventstore.Backward, 1)
	if err != nil {
		return fmt.Errorf("read the event at the checkpoint: %w", err)
	}
	if len(there) == 0 || there[0].Position != at || there[0].ID != built {
		return fmt.Errorf("%w: at position %d they have event %s, which the log doesn't have there. Is KIPAY_EVENTSTORE, or the data folder, the right one? If so, run kipay rebuild",
			ErrOtherLog, at, built)
	}
	return nil
}
