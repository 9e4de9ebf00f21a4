package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// certificateUntil is a file with a certificate that is good until then.
func certificateUntil(t *testing.T, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-365 * 24 * time.Hour), NotAfter: until, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatEndsSoonIsSaidBefore(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	m := newShop(t, in)
	cert := send(t.Context(), http.MethodGet, in.sim+"/daraja/__sim/certificate", "")
	file := filepath.Join(t.TempDir(), "cert.cer")
	if err := os.WriteFile(file, []byte(cert.raw), 0o600); err != nil {
		t.Fatal(err)
	}
	initiator := func(more ...string) {
		t.Helper()
		args := append([]string{"channel", "initiator", m.mpesa, "--name", "testapi", "--certificate", file}, more...)
		if out, code := in.verbWith(t, "Safaricom999!*!\n", args...); code != 0 {
			t.Fatalf("channel initiator: exit %d: %s", code, out)
		}
	}
	doctor := func() string { out, _ := in.verb(t, "doctor"); return out }
	initiator()
	if out := doctor(); !regexp.MustCompile(`ok +channel ` + m.mpesa + ` +M-Pesa: initiator's password is good until `).MatchString(out) {
		t.Errorf("doctor: %s", out)
	}
	initiator("--password-days", "10")
	ends := time.Now().UTC().AddDate(0, 0, 10)
	if out := doctor(); !regexp.MustCompile(`WARNING +channel `+m.mpesa+` +M-Pesa: initiator's password ends on `+ends.Format(time.DateOnly)).MatchString(out) || !strings.Contains(out, "kipay channel initiator") {
		t.Errorf("doctor: %s", out)
	}
	if code := in.terminate(t, 30*time.Second); code != 0 {
		t.Fatalf("stopped with %d", code)
	}

	// A file that the configuration names.
	in.env = append(in.env, "KIPAY_CLICKHOUSE=https://127.0.0.1:1/", "KIPAY_CLICKHOUSE_CA_FILE="+certificateUntil(t, time.Now().Add(-time.Hour)))
	if out := doctor(); !regexp.MustCompile(`PROBLEM +ClickHouse's CA +.* has ended on `).MatchString(out) {
		t.Errorf("doctor: %s", out)
	}
	in.env = in.env[:len(in.env)-2]

	// The alert goes by the metric.
	in.start(t)
	in.awaitReady(t)
	metric := regexp.MustCompile(`kipay_expires_timestamp_seconds\{channel="` + m.mpesa + `",what="initiator_password"\} (\S+)`)
	eventually(t, 20*time.Second, "the metric tells", func() error {
		found := metric.FindStringSubmatch(send(t.Context(), http.MethodGet, in.base+"/metrics", "").raw)
		if found == nil {
			return errors.New("it is not there")
		}
		at, err := strconv.ParseFloat(found[1], 64)
		if off := time.Unix(int64(at), 0).Sub(ends).Abs(); err != nil || off > time.Hour {
			return errors.New("it says " + found[1])
		}
		return nil
	})
}
