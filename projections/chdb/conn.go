package chdb

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// errConnClosed answers every use of a connection after its end.
var errConnClosed = errors.New("chdb: the connection is closed")

// Conn is a session of the engine: its own current database and settings, one statement at a time. A second statement
// waits for the first. Safe for several goroutines.
type Conn struct {
	engine *Engine
	lib    *library

	// busy is held from a statement's start to its end, streams included.
	busy    sync.Mutex
	pointer unsafe.Pointer // as connect gave it: what close takes
	handle  handle         // what every other call takes
}

// Param is a value bound to {Name:Type} in a statement. Value is in the engine's text form: as TabSeparated writes it,
// so with backslash, tab, newline and NUL escaped.
type Param struct{ Name, Value string }

// Error is what the engine answered to a statement.
type Error struct {
	Code    int    // ClickHouse's number of the error, such as 60 for an unknown table; 0 when the text has none
	Message string // the engine's whole text
}

func (e *Error) Error() string { return "chdb: " + e.Message }

var errorCode = regexp.MustCompile(`Code:\s*(\d+)\.`)

// newError reads the code out of the engine's text. The first number counts: what a user wrote may be quoted later.
func newError(text string) *Error {
	e := &Error{Message: strings.TrimSpace(text)}
	if m := errorCode.FindStringSubmatch(text); m != nil {
		e.Code, _ = strconv.Atoi(m[1]) // digits by the pattern; too many of them leave a number that no error has
	}
	return e
}

// Query runs one statement to its end and gives the whole result in the format named (Native, JSONEachRow …). The
// result has to be closed.
func (c *Conn) Query(sql, format string, params ...Param) (*Result, error) {
	c.busy.Lock()
	defer c.busy.Unlock()
	if c.pointer == nil {
		return nil, errConnClosed
	}
	result := c.call(c.lib.query, c.lib.queryParams, sql, format, params)
	return c.newResult(result)
}

// Exec runs one statement and drops what it answers.
func (c *Conn) Exec(sql string) error {
	result, err := c.Query(sql, "Null")
	if err != nil {
		return err
	}
	result.Close()
	return nil
}

type (
	plainCall func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) handle
	paramCall func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle
)

// call passes texts to C without copying them. The engine reads them during the call only, so pinning them for its
// length is enough.
func (c *Conn) call(plain plainCall, bound paramCall, sql, format string, params []Param) handle {
	var pin runtime.Pinner
	defer pin.Unpin()
	text, textLen := pinned(&pin, sql)
	name, nameLen := pinned(&pin, format)
	if len(params) == 0 {
		return plain(c.handle, text, textLen, name, nameLen)
	}
	n := len(params)
	names, values := make([]unsafe.Pointer, n), make([]unsafe.Pointer, n)
	nameLens, valueLens := make([]uintptr, n), make([]uintptr, n)
	for i, p := range params {
		names[i], nameLens[i] = pinned(&pin, p.Name)
		values[i], valueLens[i] = pinned(&pin, p.Value)
	}
	return bound(c.handle, text, textLen, name, nameLen,
		unsafe.Pointer(&names[0]), unsafe.Pointer(&nameLens[0]),
		unsafe.Pointer(&values[0]), unsafe.Pointer(&valueLens[0]), uintptr(n))
}

// pinned is the address and length of a text that C may read until pin is undone. An empty text gets a real address:
// C code likes to refuse NULL even for nothing.
func pinned(pin *runtime.Pinner, text string) (unsafe.Pointer, uintptr) {
	if text == "" {
		empty := new(byte)
		pin.Pin(empty)
		return unsafe.Pointer(empty), 0
	}
	data := unsafe.StringData(text)
	pin.Pin(data)
	return unsafe.Pointer(data), uintptr(len(text))
}

// Class is what kind of statement a text holds.
type Class uint32

// The engine's own classes.
const (
	ReadOnly       Class = 0
	Mutating       Class = 1
	MutatingGlobal Class = 2 // touches more than a database: users, settings of the server
	Control        Class = 3 // SET, USE, KILL, SYSTEM, INTO OUTFILE …
	Unknown        Class = 4
)

// Classification is what the engine's parser says about a text without running it.
type Classification struct {
	Statements       uint32
	Class            Class
	HasSecrets       bool
	WritesTargetOnly bool // writes nothing outside the target database
	ChangesDatabases bool
}

// Classify parses sql as seen from database.
func (c *Conn) Classify(sql, database string) (Classification, error) {
	c.busy.Lock()
	defer c.busy.Unlock()
	if c.pointer == nil {
		return Classification{}, errConnClosed
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	text, textLen := pinned(&pin, sql)
	target, targetLen := pinned(&pin, database)
	out := &struct{ size, count, flags, class uint32 }{size: 16}
	pin.Pin(out)
	if code := c.lib.classify(c.handle, text, textLen, target, targetLen, unsafe.Pointer(out)); code != 0 {
		return Classification{Class: Unknown}, fmt.Errorf("chdb: classify: the engine gave %d", code)
	}
	return Classification{
		Statements:       out.count,
		Class:            Class(out.class),
		HasSecrets:       out.flags&1 != 0,
		WritesTargetOnly: out.flags&2 != 0,
		ChangesDatabases: out.flags&4 != 0,
	}, nil
}

// Close ends the session after the statement that runs. Further calls do nothing.
func (c *Conn) Close() {
	c.busy.Lock()
	defer c.busy.Unlock()
	if c.pointer == nil {
		return
	}
	c.lib.closeConn(c.pointer)
	c.pointer, c.handle = nil, 0
	c.engine.closed()
}
