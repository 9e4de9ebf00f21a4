package esdb

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// gossipSeconds is how long the client waits for a node to tell about itself, unless the connection string says. Its own
// default of 5 s is longer than an attempt.
const gossipSeconds = 3

// settingKind is what a setting's value may be.
type settingKind int

const (
	// ofOthers are settings of clients in other languages: accepted, and left out.
	ofOthers settingKind = iota
	boolean
	integer
	file
	preference
)

// settings are those of a connection string, in lower case. The client takes a wrong number for zero, and an unknown
// name with a shrug; here both stop.
func settings() map[string]settingKind {
	return map[string]settingKind{
		"tls": boolean, "tlsverifycert": boolean, "tlscafile": file, "usercertfile": file, "userkeyfile": file,
		"nodepreference": preference, "maxdiscoverattempts": integer, "discoveryinterval": integer, "gossiptimeout": integer,
		"keepaliveinterval": integer, "keepalivetimeout": integer, "defaultdeadline": integer,
		"connectionname": ofOthers, "throwonappendfailure": ofOthers,
	}
}

// IsConnection tells whether the text has the form of a connection string: a scheme that Open knows.
func IsConnection(text string) bool {
	_, ok := translate(text)
	return ok
}

// CheckConnection is why Open would refuse the connection string, nil if it would not. It reads the files that the string names.
func CheckConnection(text string) error {
	_, err := parse(text)
	return err
}

// translate turns KurrentDB's schemes into those that the client knows.
func translate(text string) (string, bool) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return "", false
	}
	switch strings.ToLower(scheme) {
	case "esdb", "kurrentdb":
		return "esdb://" + rest, true
	case "esdb+discover", "kurrentdb+discover":
		return "esdb+discover://" + rest, true
	default:
		return "", false
	}
}

// parse reads a connection string. No error quotes what may hold the password.
func parse(text string) (*client.Configuration, error) {
	translated, ok := translate(strings.TrimSpace(text))
	if !ok {
		return nil, errors.New("event store: a connection string begins with esdb://, esdb+discover://, kurrentdb:// or kurrentdb+discover://")
	}
	before, query, _ := strings.Cut(translated, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("event store: the settings after ? in the connection string are not NAME=VALUE&NAME=VALUE")
	}
	given := make(map[string]string)
	for name, value := range values {
		if err := checkSetting(name, value); err != nil {
			return nil, err
		}
		given[strings.ToLower(name)] = value[0]
		if settings()[strings.ToLower(name)] == ofOthers {
			delete(values, name)
		}
	}
	if (given["usercertfile"] == "") != (given["userkeyfile"] == "") {
		return nil, errors.New("event store: userCertFile and userKeyFile in the connection string go together")
	}
	config, err := client.ParseConnectionString(strings.TrimSuffix(before, "/") + "?" + values.Encode())
	if err != nil {
		return nil, errors.New("event store: the connection string is not esdb://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][?SETTINGS]; " +
			"in user and password, special characters are percent-encoded")
	}
	if _, ok := given["gossiptimeout"]; !ok {
		config.GossipTimeout = gossipSeconds
	}
	// The client would try so often inside, deaf to contexts, and then be dead for good; here links.go does that.
	config.MaxDiscoverAttempts, config.DiscoveryInterval = 1, 0
	return config, nil
}

func checkSetting(name string, values []string) error {
	kind, known := settings()[strings.ToLower(name)]
	if !known {
		return fmt.Errorf("event store: the connection string has an unknown setting %q", name)
	}
	if len(values) != 1 {
		return fmt.Errorf("event store: the setting %s stands twice in the connection string", name)
	}
	value := values[0]
	switch kind {
	case boolean:
		if _, err := strconv.ParseBool(strings.ToLower(value)); err != nil {
			return fmt.Errorf("event store: the setting %s must be true or false", name)
		}
	case integer:
		const longest = 1 << 30 // milliseconds: twelve days
		n, err := strconv.Atoi(value)
		off := n == -1 && strings.EqualFold(name, "keepAliveInterval")
		if err != nil || n > longest || n < 1 && !off {
			return fmt.Errorf("event store: the setting %s must be a whole number, at least 1", name)
		}
	case preference:
		if !slices.Contains([]string{"leader", "follower", "random", "readonlyreplica"}, strings.ToLower(value)) {
			return fmt.Errorf("event store: the setting %s must be leader, follower, random or readOnlyReplica", name)
		}
	case file:
		text, err := os.ReadFile(value) //nolint:gosec // the operator names the file
		if err != nil {
			return fmt.Errorf("event store: the setting %s: %w", name, err)
		}
		if strings.EqualFold(name, "tlsCAFile") && !x509.NewCertPool().AppendCertsFromPEM(text) {
			return fmt.Errorf("event store: the setting %s: %s holds no certificate in PEM", name, value)
		}
	case ofOthers:
	}
	return nil
}

// Addresses are the hosts that the store connects to, without credentials.
func (s *Store) Addresses() []string { return addresses(s.config) }

func addresses(config client.Configuration) []string {
	if len(config.GossipSeeds) == 0 {
		return []string{config.Address}
	}
	var all []string
	for _, seed := range config.GossipSeeds {
		all = append(all, seed.String())
	}
	return all
}

// hosts are the addresses for reading.
func hosts(config client.Configuration) string { return strings.Join(addresses(config), ", ") }
