// Package backup keeps restore points of an embedded event store in a folder, while the store is served.
//
// In the folder:
//
//	points/NUMBER-TIME.json    a restore point, written last: what belongs to it, by checksum (point.go)
//	log/FIRST-LAST-SUM.seg     events, as they are stored; each names the one before it by checksum (segment.go)
//	keys/SUM.keys              wrapped keys: all of them, or what changed since the point before (keys.go)
//	erasures.ndjson            the keys that were destroyed (erasures.go)
//
// Files are written aside, synced and renamed, and never changed after that, so that any tool can copy the folder; a point
// whose files did not all arrive is found by what it names. A backup that is cut off leaves files that no point names,
// which the next one removes. There are two exceptions: the list of erasures grows, and when a key was destroyed, the files
// and points that held it are written anew without it (scrub.go).
//
// What a backup costs is what is new: the log since the point before, and the keys that changed. The keys that are there are
// read in full to find those. Nothing in the folder opens without the master key, which is not in it.
//
// Where to start reading: take.go, restore.go, verify.go.
package backup
