package esdb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
)

func TestConnectionStrings(t *testing.T) {
	_, ca := certificates(t)
	for text, want := range map[string][]string{
		"esdb://localhost":                                    {"localhost:2113"},
		"esdb://localhost:1113/":                              {"localhost:1113"},
		"kurrentdb://localhost:2113?tls=false":                {"localhost:2113"},
		"KurrentDB://user:p%40ss@db.example?tls=true":         {"db.example:2113"},
		"esdb+discover://cluster.example":                     {"cluster.example:2113"},
		"kurrentdb+discover://cluster.example:2114":           {"cluster.example:2114"},
		"esdb://a:1,b:2,c":                                    {"a:1", "b:2", "c:2113"},
		"kurrentdb://user:pass@a:1,b:2?nodePreference=leader": {"a:1", "b:2"},
		"esdb://a?tlsCAFile=" + ca + "&tlsVerifyCert=true&keepAliveInterval=-1&defaultDeadline=5000&connectionName=kipay": {"a:2113"},
	} {
		config, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, addresses(*config)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if config.DnsDiscover != strings.Contains(text, "+discover") || config.DisableTLS != strings.Contains(text, "tls=false") {
			t.Errorf("%s: %+v", text, config)
		}
		if !IsConnection(text) || CheckConnection(text) != nil {
			t.Errorf("%s is refused", text)
		}
	}
	config, err := parse("kurrentdb://user:p%40ss@db.example?nodePreference=follower&gossipTimeout=7&tlsCAFile=" + ca)
	if err != nil || config.Username != "user" || config.Password != "p@ss" || config.NodePreference != client.NodePreferenceFollower ||
		config.GossipTimeout != 7 || config.RootCAs == nil || config.MaxDiscoverAttempts != 1 {
		t.Fatalf("%+v, %v", config, err)
	}
}

// TestErrorsNeverQuoteCredentials has every kind of mistake in strings whose password is one that is seen at once.
func TestErrorsNeverQuoteCredentials(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, says := range map[string]string{
		"redis://user:hunter2@host":                                     "esdb://",
		"user:hunter2@host":                                             "esdb://",
		"esdb://user:hunter2/x@host":                                    "percent-encoded",
		"esdb://user:hunter2@host:port":                                 "percent-encoded",
		"esdb://user:hunter2":                                           "percent-encoded",
		"esdb://user:hunter2@":                                          "percent-encoded",
		"esdb://user:hunter2@host/path":                                 "percent-encoded",
		"esdb://:hunter2@host":                                          "percent-encoded",
		"esdb://user:hunt%zzer2@host":                                   "percent-encoded",
		"esdb://user:hunter2@host?tls=maybe":                            "tls must be true or false",
		"esdb://user:hunter2@host?tls=true&tls=false":                   "twice",
		"esdb://user:hunter2@host?keepAliveTimeout=soon":                "keepAliveTimeout",
		"esdb://user:hunter2@host?keepAliveTimeout=-1":                  "keepAliveTimeout",
		"esdb://user:hunter2@host?defaultDeadline=10s":                  "defaultDeadline",
		"esdb://user:hunter2@host?nodePreference=king":                  "nodePreference",
		"esdb://user:hunter2@host?tlsCAFile=/no/such/file":              "/no/such/file",
		"esdb://user:hunter2@host?tlsCAFile=" + empty:                   "no certificate",
		"esdb://user:hunter2@host?userCertFile=" + empty:                "go together",
		"esdb://user:hunter2@host?verifyCert=true":                      `unknown setting "verifyCert"`,
		"esdb://user:hunter2@host?a=%zz":                                "NAME=VALUE",
		"kurrentdb+discover://user:hunter2@host:99999999999999999999/a": "percent-encoded",
	} {
		_, err := Open(text, Options{})
		if err == nil {
			t.Errorf("%s is accepted", text)
			continue
		}
		if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunt") {
			t.Errorf("%s: %v", text, err)
		}
		if CheckConnection(text) == nil {
			t.Errorf("%s passes the check", text)
		}
	}
	said := make(chan string, 8)
	s := open(t, "esdb://user:hunter2@127.0.0.1:1?tls=false", Options{Deadline: 1, Logf: func(format string, _ ...any) { said <- format }})
	if _, err := s.Head(t.Context()); err == nil || strings.Contains(err.Error(), "hunt") {
		t.Fatal(err)
	}
	if first := <-said; !strings.Contains(first, "not sent") {
		t.Fatalf("nobody is told that credentials are dropped: %q", first)
	}
}
