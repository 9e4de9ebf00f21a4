package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Insert is an INSERT whose data follows in pieces. It holds its connection until Close.
type Insert struct {
	conn   *Conn
	handle handle
	ended  bool
}

// Insert begins an INSERT: sql is the statement without FORMAT and without data, format says how the data is written.
// The insert has to be closed.
func (c *Conn) Insert(sql, format string) (*Insert, error) {
	c.busy.Lock()
	if c.pointer == nil {
		c.busy.Unlock()
		return nil, errConnClosed
	}
	h := c.call(c.lib.insert, nil, sql, format, nil)
	if h == 0 {
		c.busy.Unlock()
		return nil, errors.New("chdb: the engine gave no insert stream")
	}
	i := &Insert{conn: c, handle: h}
	if err := i.failure(); err != nil {
		i.ended = true
		i.Close()
		return nil, err
	}
	return i, nil
}

// failure is the error that the engine has put down for this insert, or nil.
func (i *Insert) failure() error {
	if text := i.conn.lib.insertError(i.handle); text != "" {
		return newError(text)
	}
	return nil
}

// Write hands data to the engine, which copies it, and may wait while the engine is behind.
func (i *Insert) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&data[0])
	if code := i.conn.lib.insertAppend(i.handle, unsafe.Pointer(&data[0]), uintptr(len(data))); code != 0 {
		if err := i.failure(); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("chdb: insert: the engine took no more data (%d)", code)
	}
	return len(data), nil
}

// Done says that the data is complete and waits until the engine has written it. It gives the number of rows.
func (i *Insert) Done() (rows uint64, err error) {
	i.ended = true
	result, err := i.conn.newResult(i.conn.lib.insertDone(i.handle))
	if err != nil {
		return 0, err
	}
	defer result.Close()
	return result.RowsWritten(), nil
}

// Close drops the insert unless Done has finished it, and sets the connection free. Further calls do nothing.
func (i *Insert) Close() {
	if i.handle == 0 {
		return
	}
	if !i.ended {
		i.conn.lib.insertCancel(i.handle)
	}
	i.conn.lib.insertDestroy(i.handle)
	i.handle = 0
	i.conn.busy.Unlock()
}
