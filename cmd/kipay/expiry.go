package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/merchant"
)

const (
	// warnBefore is how long before something ends doctor, and the alert, say so.
	warnBefore = 30 * 24 * time.Hour
	// expiryEvery is how often it is looked what ends.
	expiryEvery = time.Hour
)

// expiring is something that ends: of a channel, or of what the configuration names.
type expiring struct {
	channel.Expiry
	Channel channel.ID // 0 for the configuration's
	Name    string     // of the channel, or the file or address
}

// Kinds of what the configuration names.
const (
	clickHouseCA      = "clickhouse_ca"
	eventStoreCA      = "eventstore_ca"
	publicCertificate = "public_certificate"
)

// eachChannel calls fn with every active channel.
func (n *node) eachChannel(ctx context.Context, fn func(channel.State) error) error {
	return n.write.EachMerchant(ctx, func(m merchant.State) error {
		for _, id := range m.Channels {
			ch, err := commands.Fold[channel.State](ctx, n.write, channel.Stream(id))
			if err != nil {
				return err
			}
			if !ch.State.Active {
				continue
			}
			if err := fn(ch.State); err != nil {
				return err
			}
		}
		return nil
	})
}

// expiries are all that ends and this node knows of.
func (n *node) expiries(ctx context.Context) ([]expiring, error) {
	var out []expiring
	err := n.eachChannel(ctx, func(ch channel.State) error {
		out = append(out, expiriesOf(ch)...)
		return nil
	})
	ofConfig, configErr := certificatesOf(n.cfg)
	return append(out, ofConfig...), errors.Join(err, configErr)
}

func expiriesOf(ch channel.State) []expiring {
	var out []expiring
	for _, e := range ch.Expiries() {
		out = append(out, expiring{e, ch.ID, ch.Name})
	}
	return out
}

// certificatesOf are the certificates in the files that the configuration names: of each file the one that ends first.
func certificatesOf(cfg *config) ([]expiring, error) {
	files := map[string]string{clickHouseCA: cfg.ClickHouseCA, eventStoreCA: ""}
	if u, err := url.Parse(cfg.EventStore); err == nil {
		for name, values := range u.Query() {
			if strings.EqualFold(name, "tlsCAFile") && len(values) > 0 {
				files[eventStoreCA] = values[0]
			}
		}
	}
	var out []expiring
	var failed error
	for _, what := range []string{clickHouseCA, eventStoreCA} {
		if files[what] == "" {
			continue
		}
		ends, err := firstEnd(files[what])
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", what, err))
			continue
		}
		out = append(out, expiring{channel.Expiry{What: what, At: ends}, 0, files[what]})
	}
	return out, failed
}

// firstEnd is when the first of the certificates in a PEM file ends.
func firstEnd(path string) (time.Time, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	var ends time.Time
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, err
		}
		if ends.IsZero() || cert.NotAfter.Before(ends) {
			ends = cert.NotAfter
		}
	}
	if ends.IsZero() {
		return ends, fmt.Errorf("%s holds no certificate", path)
	}
	return ends, nil
}

// finding says what is to be said of something that ends.
func (e expiring) finding(now time.Time) finding {
	what := map[string]string{
		channel.InitiatorPassword: "initiator's password", channel.InitiatorCertificate: "Safaricom's certificate", channel.C2BRegistration: "C2B registration",
		clickHouseCA: "ClickHouse's CA", eventStoreCA: "the event store's CA", publicCertificate: "certificate",
	}[e.What]
	check := what
	if e.Channel != 0 {
		check = fmt.Sprintf("channel %d", e.Channel)
		what = e.Name + ": " + what
	} else {
		what = e.Name
	}
	by := ""
	if e.Assumed {
		by = ", by its age"
	}
	advice := map[string]string{
		channel.InitiatorPassword:    "change the password on the organisation portal and run kipay channel initiator",
		channel.InitiatorCertificate: "fetch Safaricom's new certificate and run kipay channel initiator",
		channel.C2BRegistration:      "make sure that customers' payments arrive, and register the URLs again",
	}[e.What]
	if advice == "" {
		advice = "renew it before"
	}
	switch day := e.At.Format(time.DateOnly); {
	case !e.At.After(now) && !e.Assumed:
		return problem(check, what+" has ended on "+day, advice)
	case !e.At.After(now):
		return warning(check, what+" is due since "+day+by, advice)
	case e.At.Sub(now) < warnBefore:
		return warning(check, what+" ends on "+day+by, advice)
	default:
		return ok(check, what+" is good until "+day+by)
	}
}

// checkRegistered compares where the provider sends customers' payments with where this install takes them.
func (n *node) checkRegistered(ch channel.State) (finding, bool) {
	if !ch.C2BRegistered || ch.Environment != channel.Production || n.cfg.PublicURL == "" || strings.HasPrefix(ch.ConfirmationURL, strings.TrimRight(n.cfg.PublicURL, "/")+"/") {
		return finding{}, false
	}
	return warning(fmt.Sprintf("channel %d", ch.ID), ch.Name+": customers' payments are reported to "+hostOf(ch.ConfirmationURL)+", not to KIPAY_PUBLIC_URL",
		"if that doesn't lead here, register the URLs again"), true
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "another address"
	}
	return u.Host
}

// checkCertificates looks at what the configuration names, and at the certificate that the public address shows.
func checkCertificates(ctx context.Context, cfg *config) []finding {
	var out []finding
	now := time.Now()
	certs, err := certificatesOf(cfg)
	if err != nil {
		out = append(out, problem("certificates", err.Error(), "correct the file"))
	}
	for _, e := range certs {
		out = append(out, e.finding(now))
	}
	if u, err := url.Parse(cfg.PublicURL); err == nil && u.Scheme == "https" {
		if ends, err := shownUntil(ctx, u); err == nil { // that it leads here is looked at elsewhere
			out = append(out, expiring{channel.Expiry{What: publicCertificate, At: ends}, 0, u.Host}.finding(now))
		}
	}
	return out
}

// shownUntil is until when the certificate is good that an address shows.
func shownUntil(ctx context.Context, u *url.URL) (time.Time, error) {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = conn.Close() }()
	secured, isTLS := conn.(*tls.Conn)
	if !isTLS || len(secured.ConnectionState().PeerCertificates) == 0 {
		return time.Time{}, errors.New("no certificate was shown")
	}
	return secured.ConnectionState().PeerCertificates[0].NotAfter, nil
}

// watchExpiries keeps the metric of what ends until ctx does.
func (n *node) watchExpiries(ctx context.Context) error {
	ends := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "kipay_expires_timestamp_seconds",
		Help: "When something ends that has to be renewed: initiators' passwords and certificates, C2B registrations (reckoned by age), CA files. channel is 0 for the configuration's.",
	}, []string{"what", "channel"})
	n.meter.registry.MustRegister(ends)
	tick := time.NewTicker(expiryEvery)
	defer tick.Stop()
	complain := complaints(n.log, zerolog.WarnLevel, "what ends soon can't be told; trying again in an hour")
	for {
		all, err := n.expiries(ctx)
		if err != nil && ctx.Err() == nil {
			complain(err)
		}
		ends.Reset()
		for _, e := range all {
			ends.WithLabelValues(e.What, strconv.FormatInt(e.Channel, 10)).Set(float64(e.At.Unix()))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
