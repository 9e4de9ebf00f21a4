package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

// maxModes is how many modes of channels and keys are kept.
const maxModes = 1 << 14

// eventModes tells which mode events belong to whose streams the read models don't fold. The mode of a channel, and of a key,
// stands in the first event of its stream and never changes. Used by one goroutine.
type eventModes struct {
	log   *eventstore.Log
	known *simplelru.LRU[string, domain.Mode] // by stream
}

func newEventModes(log *eventstore.Log) *eventModes {
	known, err := simplelru.NewLRU[string, domain.Mode](maxModes, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &eventModes{log: log, known: known}
}

// of is the mode of an event by the channel that its stream is of, or by the key of the request that it is of; empty for what
// belongs to a merchant whatever the mode, and for the streams that are folded: there the state says it.
func (m *eventModes) of(ctx context.Context, stream, actor string) (domain.Mode, error) {
	name, rest, _ := strings.Cut(stream, "-")
	first, last, _ := strings.Cut(rest, "-")
	switch name {
	case "account", "payoutfunds", "payoutcount":
		return m.ofChannel(ctx, first)
	case "receipt":
		if first == channel.SandboxReceipts {
			return domain.ModeTest, nil
		}
		_, id, _ := strings.Cut(first, ".")
		return m.ofChannel(ctx, id)
	case "period":
		return domain.Mode(last), nil
	case "idempotency", "statementfile":
		if id, ok := strings.CutPrefix(actor, "key:"); ok {
			return m.first(ctx, merchant.KeyStream(id), "")
		}
	}
	return "", nil
}

// ofChannel is a channel's mode. What is of a channel that is not there is kept from test keys: it may be real money.
func (m *eventModes) ofChannel(ctx context.Context, digits string) (domain.Mode, error) {
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return domain.ModeLive, nil //nolint:nilerr // as it says
	}
	return m.first(ctx, channel.Stream(id), domain.ModeLive)
}

// first is the mode in a stream's first event, or what it is taken for where there is none.
func (m *eventModes) first(ctx context.Context, stream string, without domain.Mode) (domain.Mode, error) {
	if mode, ok := m.known.Get(stream); ok {
		return mode, nil
	}
	mode := without
	err := m.log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		switch e := e.Event.(type) {
		case channel.Created:
			mode = channel.State{Created: e}.Mode()
		case merchant.KeyIssued:
			mode = e.Mode
		}
		return errFolded
	})
	if err != nil && !errors.Is(err, errFolded) {
		return "", fmt.Errorf("mode of %s: %w", stream, err)
	}
	m.known.Add(stream, mode)
	return mode, nil
}
