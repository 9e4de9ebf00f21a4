// Package chdb is the embedded ClickHouse engine: chDB, the ClickHouse engine as a shared library, run in a process of
// its own so that a crash or a runaway query of the read side never touches payments.
//
// # What lives here
//
//   - library.go finds and loads libchdb.so and declares its C calls; engine.go, conn.go, result.go and insert.go give
//     them a Go shape: [Engine], [Conn], [Result], [Stream], [Insert].
//   - server.go ([Serve]) is the child's side: the part of ClickHouse's HTTP interface that clickhouse-go and analysts'
//     tools use, over a Unix socket. request.go reads a request, execute.go answers it, hello.go answers the driver's
//     first question, exception.go words errors. pool.go shares the engine's connections between readers and writers
//     and stops what nobody waits for, statement.go reads as much of SQL as that needs, classes.go remembers what the
//     engine said of a statement, lock.go keeps the folder to one. stream.go answers piece by piece, join.go makes one
//     result of the pieces, formats.go knows which formats allow that. starved.go ends a process whose engine has no memory
//     left.
//   - analyst.go is the child's side of the analysts' port (package analyst is the parent's): analyst_admit.go has every
//     statement read by package confine before it runs, analyst_scope.go turns a grant (grant.go) into what may be read,
//     analyst_settings.go has the limits.
//   - supervisor.go ([Start]) is the parent's side: it starts the child, watches it, starts it again when it dies or
//     stops answering, and gives clickhouse-go its options. child.go is one run of the child, socket.go its address.
//
// # What must not
//
// No table, no SQL of Kipay's own, no event: the projector and the read API speak to this package through
// clickhouse-go only, exactly as they speak to a ClickHouse server. And no keys: the child gets an environment of four
// names (see child.go) and sees nothing but its own folder and socket.
//
// # Where to start
//
// A parent calls [Start] with a command that ends in [Serve]; [Supervisor.Options] is what clickhouse.Open takes:
//
//	parent (kipay serve)                         child (kipay readmodel)
//	clickhouse-go ── HTTP over a Unix socket ──> Serve ── Conn ── libchdb.so ── folder
//	Supervisor ───── pipe, held open ──────────> end of file: the parent is gone, end
//
// # Facts about the engine that shape the code
//
//   - A process has one storage folder and, after [Engine.Close], no engine any more.
//   - A connection is a session (its database, its settings) and runs one statement at a time.
//   - A call into the engine blocks its thread. A statement is stopped with KILL QUERY from another connection.
//   - There are no users or grants: the socket's mode says who may call. Reads run in sessions with readonly=1, so their
//     settings come with the request (clickhouse.WithSettings), not in a SETTINGS clause of the text.
//   - readonly = 1 is no wall: a SETTINGS clause in a subquery lifts it and every other limit, so reads have none.
//   - A streamed result comes in pieces, each formatted by itself: a piece of JSON is a whole document, and one of CSVWithNames
//     begins with the names. join.go makes one of them. A piece counts against its statement's memory, a whole result does
//     not: one too large for the engine leaves it without memory until its process ends.
//   - A read-only session still may call the scalar function file(), which gives any file that the process can read, and
//     INTO OUTFILE, which writes one: both are refused before the engine sees them. So is the setting that allows eval(),
//     which runs SQL out of a string.
//   - Of each time zone that is asked for, some 4 MiB stay taken until the process ends; its answers to pings stay, too.
//   - Inserts may be synced to disk (fsync_after_insert), but chDB merges parts without a sync and has an
//     old_parts_lifetime of 0 where a server has 480 s: tables that must outlive a power cut say
//     min_rows_to_fsync_after_merge = 1 as well.
//   - The default database is an overlay over the files of the working folder, so every statement runs in a named one.
package chdb
