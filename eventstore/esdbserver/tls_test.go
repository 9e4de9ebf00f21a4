package esdbserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
)

// authority issues certificates for a test.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue writes a certificate and its key into files.
func (a *authority) issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.t.TempDir(), name+".pem"), filepath.Join(a.t.TempDir(), name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	config, err := LoadTLS(ca.issue("server"))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, t.TempDir(), Options{TLS: config})
	trusted := "&tlsCAFile=" + ca.file
	for name, connection := range map[string]string{
		"own CA":              "esdb://" + s.address + "?tls=true" + trusted,
		"tls is the default":  "esdb://" + s.address + "?nodePreference=leader" + trusted,
		"user and password":   "esdb://admin:changeit@" + s.address + "?tls=true" + trusted,
		"gossip":              "esdb+discover://" + s.address + "?tls=true" + trusted,
		"certificate ignored": "esdb://" + s.address + "?tls=true&tlsVerifyCert=false",
	} {
		t.Run(name, func(t *testing.T) {
			mustWrite(t, connect(t, connection), "order-"+uuid.NewString(), esdb.NoStream{}, eventData(0, 0))
		})
	}
	for name, connection := range map[string]string{
		"another CA": "esdb://" + s.address + "?tls=true&maxDiscoverAttempts=1&tlsCAFile=" + newAuthority(t).file,
		"plaintext":  "esdb://" + s.address + "?tls=false&maxDiscoverAttempts=1",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connect(t, connection).AppendToStream(waiting(t), "order-1", esdb.AppendToStreamOptions{}, eventData(0, 0))
			if errorCode(err) != esdb.ErrorUnavailable {
				t.Fatal(err)
			}
		})
	}
	t.Run("Node", func(t *testing.T) {
		runNode(t, nodeClient(t), "esdb://admin:changeit@"+s.address+"?tls=true"+trusted, "batch")
	})
}

func TestCertificatesOfClients(t *testing.T) {
	ca := newAuthority(t)
	config, err := LoadTLS(ca.issue("server"))
	if err != nil {
		t.Fatal(err)
	}
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	config.ClientCAs.AddCert(ca.cert)
	s := serve(t, t.TempDir(), Options{TLS: config})
	cert, key := ca.issue("client")
	base := "esdb://" + s.address + "?tls=true&maxDiscoverAttempts=1&tlsCAFile=" + ca.file
	mustWrite(t, connect(t, base+"&userCertFile="+cert+"&userKeyFile="+key), "order-1", esdb.NoStream{}, eventData(0, 0))
	if _, err := connect(t, base).AppendToStream(waiting(t), "order-1", esdb.AppendToStreamOptions{}, eventData(0, 0)); errorCode(err) != esdb.ErrorUnavailable {
		t.Fatalf("without a certificate: %v", err)
	}
}

func TestLoadTLSTellsWhatIsWrong(t *testing.T) {
	cert, key := newAuthority(t).issue("server")
	if _, err := LoadTLS(cert, filepath.Join(t.TempDir(), "missing.key")); err == nil {
		t.Fatal("a missing key was accepted")
	}
	if _, err := LoadTLS(key, cert); err == nil {
		t.Fatal("a key was accepted for a certificate")
	}
}
