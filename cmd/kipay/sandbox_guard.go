package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// The simulators post to whatever URL a client names, as the providers do. What a client must not get out of that are the
// credentials that a cloud hands to the machine itself, at addresses which only the machine can reach.

// metadataAddrs are where clouds answer for that outside the link-local networks.
func metadataAddrs() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200")}
}

// deliveryClient carries the simulators' callbacks: no redirects, no proxy, and only to where they may go. Without a list
// that is anywhere but a machine's own network. The address is looked at when the connection is made, whatever the name
// resolved to before.
func deliveryClient(to []netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return mayDeliver(address, to)
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func mayDeliver(address string, to []netip.Prefix) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	addr := target.Addr().Unmap().WithZone("")
	refused := addr.IsLinkLocalUnicast() || addr.IsMulticast()
	for _, m := range metadataAddrs() {
		refused = refused || addr == m
	}
	if refused {
		return fmt.Errorf("the sandbox posts nothing to %s: it may be where a cloud keeps credentials", addr)
	}
	for _, network := range to {
		if network.Contains(addr) {
			return nil
		}
	}
	if len(to) > 0 {
		return fmt.Errorf("%s is in none of the networks of --callbacks-to", addr)
	}
	return nil
}

// guardScripts keeps the pages of others from the routes that script the simulators and show what they delivered, when
// these listen for this machine only: a name of theirs that suddenly resolves to here makes a page the same origin.
func guardScripts(listen net.Addr, next http.Handler) http.Handler {
	if tcp, ok := listen.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/__sim/") && !ownName(r.Host) {
			http.Error(w, "Open the sandbox by its address, or as localhost.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownName tells whether a Host header names this machine by address or as localhost.
func ownName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost" || strings.HasSuffix(name, ".localhost")
}
