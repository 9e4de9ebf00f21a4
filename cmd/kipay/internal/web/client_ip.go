package web

import (
	"net"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
)

// clientIP is the peer of the connection, or, when that is a trusted proxy, the rightmost address of X-Forwarded-For
// that isn't one: each trusted proxy vouches for the address to the left of its own, and for nothing further.
func (s *Server) clientIP(ctx *fasthttp.RequestCtx) netip.Addr {
	ip := peerIP(ctx)
	if len(s.proxies) == 0 || !contains(s.proxies, ip) {
		return ip
	}
	lines := ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor)
	for i := len(lines) - 1; i >= 0; i-- {
		rest := string(lines[i])
		for rest != "" {
			var hop string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, hop = rest[:comma], rest[comma+1:]
			} else {
				rest, hop = "", rest
			}
			addr, ok := parseHop(strings.TrimSpace(hop))
			if !ok {
				return ip
			}
			if ip = addr; !contains(s.proxies, ip) {
				return ip
			}
		}
	}
	return ip
}

// peerIP is the other end of the connection, not valid for a Unix socket.
func peerIP(ctx *fasthttp.RequestCtx) netip.Addr {
	if tcp, ok := ctx.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// parseHop reads one entry of X-Forwarded-For; some proxies add the port.
func parseHop(hop string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(hop)
	if err != nil {
		port, err := netip.ParseAddrPort(hop)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = port.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

func contains(networks []netip.Prefix, ip netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// ipText is ip as text, empty when it isn't valid.
func ipText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// networkOf is the part of an address that may be logged: it tells the provider and the town, not the person.
func networkOf(ip netip.Addr) netip.Prefix {
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	network, _ := ip.Prefix(bits) // not valid if ip isn't
	return network
}
