package transparency

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/benfex/kipay/eventstore"
)

// The headers of what is published (C2SP tlog-tiles, APIs).
const (
	textType   = "text/plain; charset=utf-8"
	binaryType = "application/octet-stream"
	jsonType   = "application/json"
	// cacheBriefly is for what changes, cacheForever for what never does.
	cacheBriefly = "public, max-age=2"
	cacheForever = "public, max-age=31536000, immutable"
	// keysPath is where the keys are published, those too that sign no more.
	keysPath = "keys"
	// entriesPage is how many events are read at once for a bundle of entries.
	entriesPage = 512
)

// Resource is what is answered under a path.
type Resource struct {
	Body         []byte
	ContentType  string
	CacheControl string
}

// PublisherOptions are what a publisher needs.
type PublisherOptions struct {
	Store eventstore.Store
	Tree  *Tree
	Heads *Heads
	// Entries has bundles of entries published too. They are the events themselves, amounts and references in the clear, and so
	// only for those who may read the whole log. Tiles tell nothing but that there are events: a leaf's hash is over its event's
	// id, which is random.
	Entries bool
}

// Publisher answers what others fetch of the log.
type Publisher struct{ PublisherOptions }

// NewPublisher answers by the options.
func NewPublisher(o PublisherOptions) *Publisher { return &Publisher{o} }

// Get answers a path below the prefix of the log: checkpoint, keys, tile/<L>/<N>[.p/<W>] and, if they are published,
// tile/entries/<N>[.p/<W>]. There are tiles of what is under the newest signed head, no others. Errors: ErrNotFound, ErrDamaged
// while the tree is built again, the store's.
func (p *Publisher) Get(ctx context.Context, path string) (Resource, error) {
	switch {
	case path == checkpointPath:
		text, err := p.Heads.Checkpoint(ctx)
		return Resource{Body: []byte(text), ContentType: textType, CacheControl: cacheBriefly}, err
	case path == keysPath:
		body, err := p.keys(ctx)
		return Resource{Body: body, ContentType: jsonType, CacheControl: cacheBriefly}, err
	case strings.HasPrefix(path, "tile/"):
		body, err := p.tile(ctx, path)
		return Resource{Body: body, ContentType: binaryType, CacheControl: cacheForever}, err
	default:
		return Resource{}, fmt.Errorf("%w: %q", ErrNotFound, path)
	}
}

// Fetch is Get for who wants the body alone.
func (p *Publisher) Fetch(ctx context.Context, path string) ([]byte, error) {
	r, err := p.Get(ctx, path)
	return r.Body, err
}

// publishedKey is a key as it is published.
type publishedKey struct {
	Number       int    `json:"number"`
	VerifierKey  string `json:"verifier_key"`
	Signs        bool   `json:"signs"`
	Introduction string `json:"introduction,omitempty"`
}

func (p *Publisher) keys(ctx context.Context) ([]byte, error) {
	keys, err := p.Heads.Keys(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]publishedKey, len(keys))
	for i, k := range keys {
		list[i] = publishedKey{Number: k.Number, VerifierKey: k.VerifierKey, Signs: !k.Retired, Introduction: k.Introduction}
	}
	return json.Marshal(struct {
		Origin string         `json:"origin"`
		Keys   []publishedKey `json:"keys"`
	}{keys.Origin(), list})
}

// tile is a tile or a bundle.
func (p *Publisher) tile(ctx context.Context, path string) ([]byte, error) {
	t, err := ParseTilePath(path)
	if err != nil {
		return nil, err
	}
	newest, err := p.Heads.Newest(ctx)
	if err != nil {
		return nil, err
	}
	if t.IsEntries() && !p.Entries || !t.in(newest.Size) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
	}
	view := p.Tree.View()
	if !t.in(view.Size()) {
		return nil, fmt.Errorf("%w: it has %d leaves", ErrBehind, view.Size())
	}
	if t.IsEntries() {
		return p.entries(ctx, view, t)
	}
	return view.Tile(t)
}

// entries makes a bundle of the log's events: each leaf behind its length in two bytes (C2SP tlog-tiles, Log entries).
func (p *Publisher) entries(ctx context.Context, view *View, t Tile) ([]byte, error) {
	first := t.Number * tileWidth
	want, err := view.LeafHashes(ctx, first, t.Width)
	if err != nil {
		return nil, err
	}
	var at eventstore.Position
	if first > 0 {
		if at, err = view.Position(first - 1); err != nil {
			return nil, err
		}
	}
	var bundle, leaf []byte
	for done := 0; done < t.Width; {
		records, err := p.Store.ReadAll(ctx, at, eventstore.Forward, entriesPage)
		if err != nil {
			return nil, fmt.Errorf("read the log after position %d: %w", at, err)
		}
		if len(records) == 0 {
			return nil, fmt.Errorf("%w: the log ends before leaf %d", ErrHistory, first+int64(done))
		}
		for i := 0; i < len(records) && done < t.Width; i++ {
			r := &records[i]
			at = r.Position
			if LeftOut(r.Stream) {
				continue
			}
			leaf = AppendLeaf(leaf[:0], r)
			if LeafHash(r) != want[done] {
				return nil, fmt.Errorf("%w: event %s at position %d is not leaf %d", ErrHistory, r.ID, r.Position, first+int64(done))
			}
			bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(leaf)))
			bundle = append(bundle, leaf...)
			done++
		}
	}
	return bundle, nil
}
