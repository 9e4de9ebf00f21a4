// Package transfer moves an install from one event store to another through files: export.go writes them, import.go reads
// them. It works on the contract of package eventstore, so the road from the embedded engine to EventStoreDB is the road back.
//
// # The file of events
//
// Lines of JSON, UTF-8, each ended by \n, compressed with zstd: `zstd -dc FILE` shows them. First the header:
//
//	{"format":"kipay-events","version":1,"export":"UUID","created":"TIME","left_out":["lease","reactor"]}
//
// then one line for each event, in the global order of the store they come from:
//
//	{"position":7,"recorded_at":"TIME","stream":"transaction-X","revision":0,"id":"UUID","type":"…","metadata":{…},"data":{…}}
//
// and at the end the trailer:
//
//		{"end":{"events":N,"position":P,"sha256":"HEX","seal":"BASE64"}}
//
//	  - Stream, revision, id, type, data, metadata and the order survive. Position and recorded_at are the source's own and
//	    only inform: the target gives its own.
//	  - Data and metadata stand in the line as the bytes they are in the store, whenever a reader of JSON gives these very bytes
//	    back. Bytes that are no such JSON stand in data_base64 and metadata_base64 instead.
//	  - sha256 is over all lines before the trailer. The seal is that digest, sealed under the master key: a file that was cut
//	    off has no trailer, one that was damaged another digest, one that somebody changed no seal.
//	  - The compressed file is a row of zstd frames, each of whole lines, the trailer in one of its own. So an export that was
//	    interrupted goes on after its last whole frame, and a finished one is carried on with what has come since (Scan). Any
//	    single frame made of the same lines can be imported too, but not resumed.
//	  - version rises when a reader of this one could not read a file correctly any more; a reader refuses what is newer.
//
// # What is left out
//
// The streams of leftOut: what they hold is about the store itself. A reactor's checkpoint is a position, and positions don't
// survive: on a log with other positions it would skip pushes that nobody asked after yet, or point past the end. Without
// it the reactor starts at the beginning, folds each payment, and finds that there is nothing to do for those that are done.
//
// # The file of keys
//
// All keys of the key store, wrapped by the master key as they are there, encrypted once more with age to whoever shall
// import them (WriteKeys). Inside stand lines of JSON: a header that names the export and the digest of its events, one line
// for each key, a trailer with digest and seal. It is read from the store after the last event, so that it holds the key of
// whatever an event has sealed, unless that was destroyed. What is destroyed is absent and stays so.
//
// What must not live here: which events there are (eventstore), flags and files' names (cmd).
package transfer
