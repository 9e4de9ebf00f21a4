package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/benfex/kipay/eventstore"
)

// pendingKeys are keys that were put and are not in Pebble yet. A put waits for nobody: the committer takes what is
// here into its next batch, before the appends that may need it. Every new payment puts a key, so this is a hot path.
type pendingKeys struct {
	mu sync.Mutex
	// waiting are to be written, writing are in the batch that is being built.
	waiting, writing map[string][]byte
	// generation counts the batches applied: who read Pebble in one generation knows what it holds in that one.
	generation uint64
}

// maxWaitingKeys is how many keys wait for an append to take them along before the committer is woken for them.
const maxWaitingKeys = 256

func newPendingKeys() *pendingKeys {
	return &pendingKeys{waiting: make(map[string][]byte), writing: make(map[string][]byte)}
}

// find is the key under that name, and the generation in which it isn't pending.
func (p *pendingKeys) find(name string) (wrapped []byte, generation uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locked(name), p.generation
}

func (p *pendingKeys) locked(name string) []byte {
	if wrapped := p.waiting[name]; wrapped != nil {
		return wrapped
	}
	return p.writing[name]
}

// put adds the key, unless one is pending or a batch was applied since the generation given, in which Pebble had none.
// It answers the pending key, and how many wait.
func (p *pendingKeys) put(name string, wrapped []byte, generation uint64) (pending []byte, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if there := p.locked(name); there != nil {
		return there, len(p.waiting)
	}
	if p.generation != generation {
		return nil, len(p.waiting)
	}
	p.waiting[name] = wrapped
	return wrapped, len(p.waiting)
}

// applied tells that the batch is in Pebble and what was in it can be read there.
func (p *pendingKeys) applied() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.writing)
	p.generation++
}

// writeKeys takes the pending keys into the batch, each once: a key that was written again later would undo what
// became of it in between.
func (c *committer) writeKeys() {
	p := c.store.keys
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return
	}
	for name, wrapped := range p.waiting {
		c.must(c.writer().Set(keyKey(name), wrapped, nil))
	}
	if len(p.writing) == 0 {
		p.waiting, p.writing = p.writing, p.waiting
	} else { // the batch holds keys already
		maps.Copy(p.writing, p.waiting)
		clear(p.waiting)
	}
	c.dirty, c.unsyncedKeys = true, true
}

// GetKey answers the wrapped key, or ErrKeyNotFound.
func (s *Store) GetKey(ctx context.Context, name string) ([]byte, error) {
	if err := checkKeyName(name); err != nil {
		return nil, err
	}
	wrapped, _, err := s.findKey(ctx, name)
	if err != nil {
		return nil, err
	}
	if wrapped == nil {
		return nil, fmt.Errorf("%w: %s", eventstore.ErrKeyNotFound, name)
	}
	return wrapped, nil
}

// findKey is the key, nil when there is none in the generation it answers.
func (s *Store) findKey(ctx context.Context, name string) (wrapped []byte, generation uint64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if err := s.enter(); err != nil {
		return nil, 0, err
	}
	defer s.leave()
	if wrapped, generation = s.keys.find(name); wrapped != nil {
		return bytes.Clone(wrapped), generation, nil
	}
	wrapped, _, err = s.get(keyKey(name), nil)
	return wrapped, generation, err
}

// PutKeyIfAbsent stores the wrapped key unless one is there, and answers the one that is there now.
func (s *Store) PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	if err := checkKey(name, wrapped); err != nil {
		return nil, err
	}
	mine := bytes.Clone(wrapped)
	for {
		if err := s.usable(ctx); err != nil {
			return nil, err
		}
		if err := s.failure.Err(); err != nil {
			return nil, err
		}
		there, generation, err := s.findKey(ctx, name)
		if err != nil || there != nil {
			return there, err
		}
		there, waiting := s.keys.put(name, mine, generation)
		if waiting >= maxWaitingKeys {
			s.queue.poke()
		}
		if there != nil {
			return bytes.Clone(there), nil
		}
	}
}

// ReplaceKey swaps the wrapped key when it is still equal to old, durably. ErrWrongRevision when it is not,
// ErrKeyNotFound when there is none.
func (s *Store) ReplaceKey(ctx context.Context, name string, old, wrapped []byte) error {
	if err := checkKey(name, wrapped); err != nil {
		return err
	}
	if err := s.usable(ctx); err != nil {
		return err
	}
	req := newRequest(replaceKey)
	req.name, req.old, req.wrapped = name, bytes.Clone(old), bytes.Clone(wrapped)
	return s.submitKey(ctx, req)
}

func (s *Store) submitKey(ctx context.Context, req *request) error {
	if err := s.submit(ctx, req); err != nil {
		return err
	}
	err := req.err
	req.release()
	return err
}

func (c *committer) replaceKey(req *request) error {
	c.commit() // so that Pebble holds what was put and replaced before
	there, found, err := c.store.get(keyKey(req.name), nil)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%w: %s", eventstore.ErrKeyNotFound, req.name)
	case !bytes.Equal(there, req.old):
		return fmt.Errorf("replace key %s: %w: it is another one by now", req.name, eventstore.ErrWrongRevision)
	}
	c.must(c.writer().Set(keyKey(req.name), req.wrapped, nil))
	c.dirty, c.synced = true, true
	return nil
}

// deleteKey removes the key. When it is destroyed, and not only superseded, the list of erasures says so in the same
// batch; a key that isn't there was destroyed before.
func (c *committer) deleteKey(req *request) error {
	if req.kind == destroyKey {
		c.commit() // so that Pebble holds what was put before
		if _, found, err := c.store.get(keyKey(req.name), nil); err != nil || !found {
			return err
		}
		if err := c.noteErasure(req.name); err != nil {
			return err
		}
	}
	c.must(c.writer().Delete(keyKey(req.name), nil))
	c.dirty, c.synced = true, true
	return nil
}

// DeleteKey destroys the key. When it returns without an error the deletion is durable, stands in the list of erasures
// that backups carry (erasure.go), and the tables that held the key were written anew without it. Beyond the engine's
// reach are blocks that the file system has freed but not overwritten, and a log file that waits to be reused until new
// appends overwrite it.
func (s *Store) DeleteKey(ctx context.Context, name string) error {
	if err := checkKeyName(name); err != nil {
		return err
	}
	if err := s.usable(ctx); err != nil {
		return err
	}
	req := newRequest(destroyKey)
	req.name = name
	if err := s.submitKey(ctx, req); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer s.leave()
		first := keyKey(name)
		done <- errors.Join(s.db.Flush(), s.db.Compact(ctx, first, append(bytes.Clone(first), 0), false))
	}()
	select {
	case err := <-done:
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return readError("write the tables anew without key "+name, err)
	case <-s.failure.tripped:
		return s.failure.Err()
	}
}

// EachKey calls fn for every key in the order of names, starting after the name given, until fn fails. It reads in
// chunks: keys put or destroyed meanwhile may or may not be seen.
func (s *Store) EachKey(ctx context.Context, after string, fn func(name string, wrapped []byte) error) error {
	for {
		chunk, err := s.keyChunk(ctx, after)
		if err != nil {
			return err
		}
		for _, key := range chunk {
			if err := fn(key.name, key.wrapped); err != nil {
				return err
			}
			after = key.name
		}
		if len(chunk) == 0 {
			return nil
		}
	}
}

// settleKeys has pending keys written, so that Pebble holds them in their order. A store that failed writes no more,
// and what is pending there was never acknowledged.
func (s *Store) settleKeys(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.keys.mu.Lock()
	pending := len(s.keys.waiting) + len(s.keys.writing)
	s.keys.mu.Unlock()
	if pending == 0 || s.failure.Err() != nil {
		return nil
	}
	return s.submitKey(ctx, newRequest(settleKeys))
}

type namedKey struct {
	name    string
	wrapped []byte
}

// keyChunk reads the next keys after the name given, none at the end.
func (s *Store) keyChunk(ctx context.Context, after string) ([]namedKey, error) {
	const limit = 512
	if err := s.settleKeys(ctx); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	first := []byte{keySpace}
	if after != "" {
		first = append(keyKey(after), 0)
	}
	iter, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: first, UpperBound: []byte{keySpace + 1}})
	if err != nil {
		return nil, readError("read the keys", err)
	}
	var chunk []namedKey
	for ok := iter.First(); ok && len(chunk) < limit; ok = iter.Next() {
		chunk = append(chunk, namedKey{string(iter.Key()[1:]), bytes.Clone(iter.Value())})
	}
	return chunk, readError("read the keys", iter.Close())
}
