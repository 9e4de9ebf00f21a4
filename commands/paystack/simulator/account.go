package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Account is a Paystack integration.
type Account struct {
	SecretKey  string   // sk_test_…; a sk_live_… key works only from here, and its transactions say domain "live"
	PublicKey  string   // pk_test_…
	WebhookURL string   // "" for none
	Currencies []string // the first is the default; empty means all: KES, NGN, GHS, ZAR, USD
}

// account is one that has been used.
type account struct {
	Account
	byReference map[string]*transaction
	order       []*transaction   // oldest first
	balance     map[string]int64 // subunits by currency: earned, without fees and refunds, not paid out yet
	settlements []*settlement    // oldest first
	windowStart int64            // rate limit: unix second at which the window began
	used        int
}

func allCurrencies() []string { return []string{"KES", "NGN", "GHS", "ZAR", "USD"} }

func newAccount(a Account) *account {
	if len(a.Currencies) == 0 {
		a.Currencies = allCurrencies()
	}
	return &account{Account: a, byReference: map[string]*transaction{}, balance: map[string]int64{}}
}

// integration is the number of the account.
func (a *account) integration() uint64 {
	sum := sha256.Sum256([]byte(a.SecretKey))
	return 100_000 + uint64(binary.BigEndian.Uint32(sum[:4]))%900_000
}

func (a *account) domain() string {
	if strings.HasPrefix(a.SecretKey, "sk_live_") {
		return "live"
	}
	return "test"
}

func (a *account) takes(currency string) bool { return slices.Contains(a.Currencies, currency) }

var testKeyFormat = regexp.MustCompile(`^sk_test_[A-Za-z0-9]{10,200}$`)

// authenticate finds the account of a request; nil with the refusal when there is none.
func (s *Simulator) authenticate(r *http.Request) (*account, *refusal) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, &errNoHeader
	}
	scheme, key, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(key) == "" {
		return nil, &errHeaderFormat
	}
	if a := s.accountOf(strings.TrimSpace(key)); a != nil {
		return a, nil
	}
	return nil, &errKey
}

func (s *Simulator) accountOf(key string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[key]; a != nil {
		return a
	}
	if s.opts.StrictKeys || !testKeyFormat.MatchString(key) || strings.HasPrefix(key, "sk_test_invalid") ||
		len(s.accounts) >= maxAccounts {
		return nil
	}
	a := newAccount(Account{SecretKey: key})
	s.accounts[key] = a
	return a
}

// webhookURLs are the dashboard settings, by SHA-256 of the secret key in hex.
type webhookURLs map[string]string

func newWebhookURLs(accounts []Account) webhookURLs {
	urls := webhookURLs{}
	for _, a := range accounts {
		if a.WebhookURL != "" {
			urls[fingerprint(a.SecretKey)] = a.WebhookURL
		}
	}
	return urls
}

// fingerprint names a secret key without telling it.
func fingerprint(secretKey string) string {
	sum := sha256.Sum256([]byte(secretKey))
	return hex.EncodeToString(sum[:])
}

// SetWebhookURL is the dashboard's field for the account of secretKey; "" switches webhooks off.
func (s *Simulator) SetWebhookURL(secretKey, url string) error {
	return s.setWebhookURL(fingerprint(secretKey), url)
}

// webhookURL is where the webhooks of an account go, "" for nowhere.
func (s *Simulator) webhookURL(a *account) string {
	s.mu.Lock()
	url, set := s.webhooks[fingerprint(a.SecretKey)]
	s.mu.Unlock()
	if !set && s.opts.WebhookURLFor != nil {
		return s.opts.WebhookURLFor(a.SecretKey)
	}
	return url
}
