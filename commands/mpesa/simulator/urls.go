package simulator

import (
	"net"
	"net/url"
	"strings"
)

// bannedWords may not appear in a callback URL, in any letter case (Daraja, C2B Register URL).
func bannedWords() []string {
	return []string{"m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query"}
}

const maxURLBytes = 1024

// urlAllowed applies Daraja's rules to a callback URL. The words are looked for in the path and query; with wholeURL
// also in the host (C2B).
func (s *Simulator) urlAllowed(raw string, wholeURL bool) bool {
	if raw == "" || len(raw) > maxURLBytes || strings.ContainsAny(raw, " \t\r\n") {
		return false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "https":
	case "http":
		if s.opts.RequireHTTPS && !loopback(u.Hostname()) {
			return false
		}
	default:
		return false
	}
	if s.opts.AllowBannedWords {
		return true
	}
	checked := u.Path + "?" + u.RawQuery
	if wholeURL {
		checked = u.Host + checked
	}
	checked = strings.ToLower(checked)
	for _, word := range bannedWords() {
		if strings.Contains(checked, word) {
			return false
		}
	}
	return true
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
