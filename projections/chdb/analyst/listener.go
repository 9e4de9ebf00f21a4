package analyst

import (
	"net"
	"sync"
)

// limitedListener takes so many connections at once; others wait in the system's queue.
type limitedListener struct {
	net.Listener
	taken  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(listener net.Listener, connections int) *limitedListener {
	return &limitedListener{Listener: listener, taken: make(chan struct{}, connections), closed: make(chan struct{})}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.taken <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.taken
		return nil, err
	}
	return &limitedConn{Conn: conn, free: sync.OnceFunc(func() { <-l.taken })}, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	free func()
}

func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
