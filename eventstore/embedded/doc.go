// Package embedded is the event store for one process and one folder, on Pebble.
//
// What it promises is the contract of package eventstore, and beside it:
//
//   - An append is acknowledged after the write-ahead log that holds it was synced. Appends that arrive together share
//     one batch and one sync.
//   - Positions are 1, 2, 3 … without gaps. Readers and subscribers see an event only once it is durable, in order.
//   - The first write that fails (a full disk, a folder that became read-only, an I/O error) freezes the folder as it
//     is: appends answer eventstore.ErrUnavailable with the reason until the folder is opened again, reads go on.
//   - One process owns a folder. A second one is refused with a message that names the first.
//   - A start that finds less than was acknowledged refuses the folder (watermark.go).
//
// Where to start reading: append.go, committer.go and publisher.go are the life of an append (encode, queue, group,
// commit, sync, publish, acknowledge) and pacing.go when a group goes to the disk, subscription.go and ring.go the life
// of a delivery, guard.go what happens when the disk fails, fsck.go how the folder is checked end to end, view.go and
// build.go what a backup reads and a restore writes (package backup).
//
// In the folder, beside Pebble's own files: OWNER is locked by the process that has it and names it, ACKNOWLEDGED is
// the watermark.
//
// What lives in Pebble, by the first byte of the key:
//
//	l position           a record (record.go)
//	s stream 0 revision  the position of that event
//	k name               a wrapped key (keystore.go)
//	e number             an erasure: which key was destroyed, and when (erasure.go)
//	m name               the folder's format version, id and time of creation
package embedded
