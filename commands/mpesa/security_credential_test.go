package mpesa

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// certificateOf is a certificate of a key, in DER.
func certificateOf(t testing.TB, public, private any, ends time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Example Certificate"}, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestASecurityCredentialIsThePasswordForTheOwnerOfTheKey(t *testing.T) {
	key := rsaKey(t, 2048)
	ends := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	der := certificateOf(t, &key.PublicKey, key, ends)
	for name, raw := range map[string][]byte{
		"DER": der, "PEM": pemOf("CERTIFICATE", der), "PEM from Windows": append([]byte("\xef\xbb\xbf"), pemOf("CERTIFICATE", der)...),
		"PEM after another block": append(pemOf("PUBLIC KEY", []byte("x")), pemOf("CERTIFICATE", der)...),
	} {
		t.Run(name, func(t *testing.T) {
			cert, err := ParseCertificate(raw)
			if err != nil || !cert.NotAfter.Equal(ends) || cert.Subject != "Example Certificate" || !cert.NotBefore.Equal(ends.AddDate(-1, 0, 0)) {
				t.Fatalf("%+v, %v", cert, err)
			}
			for _, password := range []string{"x", "Safaricom999!*!", strings.Repeat("p", 245), "pässword"} {
				got, err := SecurityCredential(rand.Reader, password, raw)
				if err != nil {
					t.Fatal(err)
				}
				sealed, err := base64.StdEncoding.DecodeString(got)
				if err != nil {
					t.Fatal(err)
				}
				opened, err := rsa.DecryptPKCS1v15(nil, key, sealed) //nolint:staticcheck // the padding that Daraja takes
				if err != nil || string(opened) != password {
					t.Errorf("%q: %q, %v", password, opened, err)
				}
				if again, _ := SecurityCredential(rand.Reader, password, raw); again == got {
					t.Error("two credentials of one password are equal")
				}
			}
		})
	}
}

func TestWhatCannotBeASecurityCredentialIsATypedError(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, good := rsaKey(t, 1024), rsaKey(t, 2048)
	ends := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	der := certificateOf(t, &good.PublicKey, good, ends)
	for name, test := range map[string]struct {
		raw      []byte
		password string
		want     CredentialProblem
	}{
		"nothing":             {nil, "p", CertificateUnreadable},
		"a text":              {[]byte("not a certificate"), "p", CertificateUnreadable},
		"half a certificate":  {der[:len(der)/2], "p", CertificateUnreadable},
		"a key":               {pemOf("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(good)), "p", CertificateUnreadable},
		"junk in PEM":         {pemOf("CERTIFICATE", []byte("junk")), "p", CertificateUnreadable},
		"an elliptic curve":   {certificateOf(t, &small.PublicKey, small, ends), "p", CertificateNotRSA},
		"1024 bits":           {certificateOf(t, &weak.PublicKey, weak, ends), "p", CertificateWeak},
		"more than 64 KiB":    {make([]byte, maxCertificateBytes+1), "p", CertificateTooLarge},
		"no password":         {der, "", PasswordEmpty},
		"a too long password": {der, strings.Repeat("p", 246), PasswordTooLong},
	} {
		got, err := SecurityCredential(rand.Reader, test.password, test.raw)
		var e *CredentialError
		if !errors.As(err, &e) || e.Problem != test.want || got != "" || test.password != "" && len(test.password) > 1 && strings.Contains(err.Error(), test.password) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := (Certificate{}).SecurityCredential(rand.Reader, "p"); err == nil {
		t.Error("the zero certificate encrypts")
	}
}

func TestACertificateIsReportedThirtyDaysBeforeItEnds(t *testing.T) {
	ends := time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)
	c := Certificate{NotAfter: ends}
	for at, want := range map[time.Time]bool{
		ends.Add(-CertificateWarning - time.Second): false, ends.Add(-CertificateWarning): true, ends: true, ends.AddDate(1, 0, 0): true,
	} {
		if c.Ends(at) != want {
			t.Errorf("at %v: %v", at, !want)
		}
	}
}

func TestAnExpiredCertificateStillEncrypts(t *testing.T) {
	key := rsaKey(t, 2048)
	if _, err := SecurityCredential(rand.Reader, "p", certificateOf(t, &key.PublicKey, key, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))); err != nil {
		t.Error(err)
	}
}

func FuzzParseCertificate(f *testing.F) {
	key := rsaKey(f, 2048)
	der := certificateOf(f, &key.PublicKey, key, time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC))
	f.Add(der)
	f.Add(pemOf("CERTIFICATE", der))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCertificate(raw)
		var e *CredentialError
		if err != nil {
			if !errors.As(err, &e) || e.Problem.String() == CredentialProblem(0).String() {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if _, err := c.SecurityCredential(rand.Reader, "p"); err != nil && !errors.As(err, &e) { // a key may be an odd one
			t.Fatalf("%T %v", err, err)
		}
	})
}
