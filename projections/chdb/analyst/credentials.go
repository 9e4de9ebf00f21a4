package analyst

import (
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxToken bounds what is taken for a token.
const maxToken = 512

// credentials takes the token out of a request: the password of HTTP Basic (whatever the user), the header
// X-ClickHouse-Key, or a bearer token.
func credentials(r *http.Request) (token string, err *exception) {
	query := r.URL.Query()
	if query.Has("password") {
		return "", &exception{http.StatusUnauthorized, codeAuthenticationFailed, "a password in a URL ends up in logs and histories: send the token as the password of HTTP Basic " +
			"or in the header X-ClickHouse-Key, and replace the one that was sent if it was real"}
	}
	_, password, basic := r.BasicAuth()
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch key := r.Header.Get("X-ClickHouse-Key"); {
	case key != "":
		token = key
	case basic:
		token = password
	case isBearer:
		token = bearer
	}
	if token == "" {
		return "", &exception{http.StatusUnauthorized, codeRequiredPassword, "send an analyst's token as the password of HTTP Basic, with any user, or in the header X-ClickHouse-Key"}
	}
	if len(token) > maxToken {
		return "", wrongToken()
	}
	return token, nil
}

func wrongToken() *exception {
	return &exception{http.StatusForbidden, codeAuthenticationFailed, "Authentication failed: the token is not known"}
}

// keyOf names a token where the token itself has no business.
func keyOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return string(sum[:])
}

// network is where a client is, as far as one failure says something about the next: IPv4 by /24, IPv6 by /48.
func network(remote string) string {
	host := addressOf(remote)
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	address = address.Unmap().WithZone("")
	bits := 48
	if address.Is4() {
		bits = 24
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return host
	}
	return prefix.String()
}

// addressOf is a remote address without its port.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}
