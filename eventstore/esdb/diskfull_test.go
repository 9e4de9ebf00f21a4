package esdb

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// TestAServerWhoseDiskIsFull refuses writes within the deadline and serves reads, and takes writes again when it was
// started anew with room on its disk.
func TestAServerWhoseDiskIsFull(t *testing.T) {
	for name, options := range map[string]esdbserver.Options{"over one call": {}, "one by one": {WithoutBatchAppend: true}} {
		t.Run(name, func(t *testing.T) {
			var full atomic.Bool
			disk := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if full.Load() && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
					return syscall.ENOSPC
				}
				return nil
			}))
			dir := t.TempDir()
			n := startNodeOn(t, dir, "", options, disk)
			s := open(t, "esdb://"+n.address+"?tls=false", hasty(t))
			first, second := happened("first"), happened("second")
			if _, err := s.Append(waiting(t), "order-1", eventstore.NoStream, first); err != nil {
				t.Fatal(err)
			}
			full.Store(true)
			if _, err := s.Append(t.Context(), "order-1", 0, second); !errors.Is(err, eventstore.ErrUnavailable) {
				t.Fatalf("append: %v", err)
			}
			if _, err := s.PutKeyIfAbsent(t.Context(), "customer-1", []byte("key")); !errors.Is(err, eventstore.ErrUnavailable) {
				t.Fatalf("put key: %v", err)
			}
			if records, err := s.ReadStream(waiting(t), "order-1", 0, eventstore.Forward, 10); err != nil || len(records) != 1 || records[0].ID != first.ID {
				t.Fatalf("read: %+v, %v", records, err)
			}
			if _, err := s.GetKey(waiting(t), "customer-1"); !errors.Is(err, eventstore.ErrKeyNotFound) {
				t.Fatalf("get key: %v", err)
			}
			full.Store(false)
			n.stop(t)
			startNode(t, dir, n.address, options)
			if got, err := s.Append(waiting(t), "order-1", 0, second); err != nil || got.Revision != 1 {
				t.Fatalf("with room again: %+v, %v", got, err)
			}
		})
	}
}
