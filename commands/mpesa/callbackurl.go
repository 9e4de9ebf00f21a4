package mpesa

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// What Daraja refuses in a URL, in any case of letters: words anywhere in it, and tunnels (Daraja, C2B Register URL).
// Never written after start.
var (
	bannedWords   = []string{"m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query"}
	bannedTunnels = []string{"ngrok", "mockbin", "requestbin"}
)

// CheckCallbackURL tells whether Daraja will take a URL, or any URL below a base. For production it must be https and
// free of the words that Daraja bans; the sandbox takes http and any word. The error completes a sentence that begins
// with the URL's name: "must use https".
func CheckCallbackURL(environment, u string) error {
	if err := checkURL(environment, u); err != nil {
		return err
	}
	if environment != Production {
		return nil
	}
	lower := strings.ToLower(u)
	for _, w := range bannedWords {
		if strings.Contains(lower, w) {
			return fmt.Errorf("must not contain %q, which Safaricom refuses in URLs", w)
		}
	}
	for _, w := range bannedTunnels {
		if strings.Contains(lower, w) {
			return fmt.Errorf("must not be a tunnel such as %s, which Safaricom refuses in production", w)
		}
	}
	return nil
}

// checkURL is what holds for every URL given to Daraja: absolute, no spaces, https in production.
func checkURL(environment, s string) error {
	if strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) >= 0 || strings.Contains(strings.ToLower(s), "%20") {
		return errors.New("must not contain spaces")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return errors.New("must be an absolute URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must use https")
	case environment == Production && u.Scheme != "https":
		return errors.New("must use https")
	case u.User != nil || u.Fragment != "":
		return errors.New("must not contain a user or a fragment")
	}
	return nil
}
