package embedded

import "context"

// DropKey removes the key, durably, and leaves its bytes to the next compaction: for keys whose bytes are no secret any
// longer because a newer wrapping of the same key has taken their place. Missing is no error.
func (s *Store) DropKey(ctx context.Context, name string) error {
	if err := checkKeyName(name); err != nil {
		return err
	}
	if err := s.usable(ctx); err != nil {
		return err
	}
	req := newRequest(deleteKey)
	req.name = name
	return s.submitKey(ctx, req)
}
