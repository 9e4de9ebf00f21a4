package projectionstest

import (
	"context"
	"crypto/subtle"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// Door is the engine behind a network address, as a ClickHouse server over HTTP: over TLS, and only for one user.
type Door struct {
	// Addr is host:port.
	Addr string
	// CAFile holds the certificate of who signed the door's own.
	CAFile string

	server *httptest.Server
}

// The user that a Door lets in.
const (
	User     = "kipay"
	Password = "open sesame & friends"
)

// OpenDoor opens a door to the engine, over TLS or not. It closes with the test.
func (e *Engine) OpenDoor(t testing.TB, secure bool) *Door {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return e.Supervisor.DialContext(ctx, addr)
	}, DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "engine"})
			r.Out.Header.Del("Authorization")
		},
		Transport: transport,
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, basic := r.BasicAuth()
		if !basic {
			user, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
		}
		if user != User || subtle.ConstantTimeCompare([]byte(password), []byte(Password)) == 0 {
			w.Header().Set("X-ClickHouse-Exception-Code", "516")
			http.Error(w, "Code: 516. DB::Exception: "+user+": Authentication failed. (AUTHENTICATION_FAILED)", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	d := &Door{server: server}
	if secure {
		server.StartTLS()
		d.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		if err := os.WriteFile(d.CAFile, text, 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		server.Start()
	}
	d.Addr = server.Listener.Addr().String()
	t.Cleanup(func() {
		d.Close()
		server.Close()
		transport.CloseIdleConnections()
	})
	return d
}

// Close lets nobody in any more, and those that are in go out.
func (d *Door) Close() {
	d.server.CloseClientConnections()
	_ = d.server.Listener.Close()
}
