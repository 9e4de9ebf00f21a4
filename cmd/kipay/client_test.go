package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// web is the HTTP client of the tests: it follows no redirect, and waits longer than the server promises to take.
var web = &http.Client{
	Timeout:       40 * time.Second,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 20 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// reply is what a server answered.
type reply struct {
	status int
	header http.Header
	raw    string
	took   time.Duration
	err    error // no answer came
}

// send makes a request. header is name, value, name, value …
func send(ctx context.Context, method, url, body string, header ...string) reply {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	began := time.Now()
	resp, err := web.Do(req)
	if err != nil {
		return reply{err: err, took: time.Since(began)}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(raw), time.Since(began), err}
}

// at is the value under a dotted path ("transaction.id", "data.0.id"); the last of keys that stand twice, as every common
// parser has it. missing stands for nothing there.
func (r reply) at(path string) any {
	dec := json.NewDecoder(strings.NewReader(r.raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return missing{}
	}
	if path == "" {
		return v
	}
	for _, name := range strings.Split(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			next, ok := now[name]
			if !ok {
				return missing{}
			}
			v = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(now) {
				return missing{}
			}
			v = now[i]
		default:
			return missing{}
		}
	}
	return v
}

type missing struct{}

// text is the value under the path as a text: a string's content, JSON of anything else, "" when it is missing or null.
func (r reply) text(path string) string {
	switch v := r.at(path).(type) {
	case missing, nil:
		return ""
	case string:
		return v
	default:
		return asJSON(v)
	}
}

func (r reply) len(path string) int {
	list, _ := r.at(path).([]any)
	return len(list)
}

func (r reply) String() string {
	if r.err != nil {
		return "no answer: " + r.err.Error()
	}
	return fmt.Sprintf("%d %.600s", r.status, r.raw)
}

func asJSON(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// shape is what must stand in an answer: by dotted path, a pattern. "int", "number", "text", "bool", "time", "null",
// "object", "list"; several with |; "=…" is exactly that JSON, "~…" a text that fits the expression.
type shape map[string]string

var timeFormat = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

func fits(v any, pattern string) bool {
	if literal, ok := strings.CutPrefix(pattern, "="); ok {
		return asJSON(v) == literal
	}
	text, isText := v.(string)
	if expression, ok := strings.CutPrefix(pattern, "~"); ok {
		return isText && regexp.MustCompile(expression).MatchString(text)
	}
	for _, kind := range strings.Split(pattern, "|") {
		number, isNumber := v.(json.Number)
		_, notInt := strconv.ParseInt(string(number), 10, 64)
		switch kind {
		case "text":
			if isText {
				return true
			}
		case "time":
			if isText && timeFormat.MatchString(text) {
				return true
			}
		case "int":
			if isNumber && notInt == nil {
				return true
			}
		case "number":
			if isNumber && !strings.ContainsAny(string(number), "eE") {
				return true
			}
		case "bool":
			if _, ok := v.(bool); ok {
				return true
			}
		case "null":
			if v == nil {
				return true
			}
		case "list":
			if _, ok := v.([]any); ok {
				return true
			}
		case "object":
			if _, ok := v.(map[string]any); ok {
				return true
			}
		}
	}
	return false
}

// want checks status and shape.
func (r reply) want(t *testing.T, status int, s shape) reply {
	t.Helper()
	if r.err != nil || r.status != status {
		t.Fatalf("got %v, want %d", r, status)
	}
	for path, pattern := range s {
		if v := r.at(path); !fits(v, pattern) {
			t.Errorf("%s is %s, want %s, in %.800s", path, asJSON(v), pattern, r.raw)
		}
	}
	return r
}

// wantError checks the one form of errors: exactly these fields are named, each with a reason.
func (r reply) wantError(t *testing.T, status int, message string, fields ...string) reply {
	t.Helper()
	s := shape{"status": `="error"`, "message": "~" + message, "request_id": "~.+"}
	for _, f := range fields {
		if errors, _ := r.at("errors").(map[string]any); errors[f] == nil || errors[f] == "" {
			t.Errorf("%s is not named in %v", f, r)
		}
	}
	if errors, _ := r.at("errors").(map[string]any); len(errors) != len(fields) {
		t.Errorf("want %d fields %q in %v", len(fields), fields, r)
	}
	if r.header != nil && r.header.Get("X-Request-Id") != r.text("request_id") {
		t.Errorf("request id %q in the header, %q in the body", r.header.Get("X-Request-Id"), r.text("request_id"))
	}
	return r.want(t, status, s)
}

// merchant is somebody with an API key at a server.
type merchant struct {
	*instance
	id       string
	key      string
	live     string
	password string
	from     string // its address, so that nobody's failed authentications count for another
	mpesa    string // its channels, once they are made
	card     string
}

var clients atomic.Int64

// newMerchant opens a merchant by the command line.
func newMerchant(t *testing.T, in *instance) *merchant {
	t.Helper()
	n := clients.Add(1)
	out := reply{raw: in.cli(t, "merchant", "create", "--name", fmt.Sprintf("Duka %d", n), "--email", fmt.Sprintf("owner%d@duka.example", n), "--live", "--json")}
	m := &merchant{
		instance: in, id: out.text("merchant_id"), key: out.text("api_key"), live: out.text("live_api_key"), password: out.text("password"),
		from: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
	}
	if m.id == "" || m.key == "" {
		t.Fatalf("merchant create printed %s", out.raw)
	}
	return m
}

// newShop is a merchant with a channel at each simulator.
func newShop(t *testing.T, in *instance) *merchant {
	t.Helper()
	m := newMerchant(t, in)
	m.mpesa = m.post("/api/payment-channels/create", mpesaChannel("174379")).want(t, 201, nil).text("channel.id")
	m.card = m.post("/api/payment-channels/create", cardChannel(m.id)).want(t, 201, nil).text("channel.id")
	return m
}

const sandboxPasskey = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"

func mpesaChannel(shortcode string) string {
	return `{"name":"M-Pesa","provider":"mpesa","config":{"environment":"sandbox","consumer_key":"sandbox-consumer-key",` +
		`"consumer_secret":"sandbox-consumer-secret","shortcode":"` + shortcode + `","passkey":"` + sandboxPasskey + `"}}`
}

// cardSecret is the Paystack key of a merchant's test account.
func cardSecret(merchantID string) string { return "sk_test_account0000000000" + merchantID }

func cardChannel(merchantID string) string {
	return `{"name":"Cards","provider":"paystack","config":{"public_key":"pk_test_account0000000000` + merchantID + `","secret_key":"` + cardSecret(merchantID) + `"}}`
}

// call makes a request with the merchant's test key.
func (m *merchant) call(method, path, body string, header ...string) reply {
	given := []string{"X-API-Key", m.key, "X-Forwarded-For", m.from}
	if body != "" {
		given = append(given, "Content-Type", "application/json")
	}
	return send(context.Background(), method, m.base+path, body, append(given, header...)...)
}

func (m *merchant) post(path, body string, header ...string) reply {
	return m.call(http.MethodPost, path, body, header...)
}

// get asks as a well-behaved client does: again when it is told to, which a list may on a machine that is busy elsewhere.
func (m *merchant) get(path string, header ...string) reply {
	r := m.call(http.MethodGet, path, "", header...)
	if r.err != nil && m.hasEnded() {
		panic("the server has stopped: " + m.tail(5))
	}
	for range 30 {
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			break
		}
		r = m.call(http.MethodGet, path, "", header...) // it has waited a second already
	}
	return r
}

// as is the merchant with another key.
func (m *merchant) as(key string) *merchant {
	other := *m
	other.key = key
	return &other
}

// phone is a number that pays, that no other test uses.
func phone() string { return fmt.Sprintf("25471%07d", 1000000+clients.Add(1)) }

// unique is a text that stands nowhere else.
func unique(prefix string) string {
	return fmt.Sprintf("%s%d%06d", prefix, clients.Add(1), rand.IntN(1_000_000))
}
