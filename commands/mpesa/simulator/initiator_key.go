package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"time"
)

// initiatorKey is the key pair that initiators encrypt their passwords for. Safaricom has one for the sandbox and one for
// production; this one is Options.InitiatorKey, under a certificate that each simulator makes anew.
type initiatorKey struct {
	private     *rsa.PrivateKey
	certificate []byte // PEM
}

// NewInitiatorKey draws a key for Options.InitiatorKey. Since Go 1.26 keys are drawn from the system whatever source of
// randomness is given, so that Options.Rand has no part in it.
func NewInitiatorKey() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("simulator: no RSA key can be made: " + err.Error())
	}
	return private
}

// makeKey makes the certificate, and the key where none was given.
func (s *Simulator) makeKey() *initiatorKey {
	private := s.opts.InitiatorKey
	if private == nil {
		private = NewInitiatorKey()
	}
	now := s.opts.Now().UTC().Truncate(time.Second)
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Simulated M-Pesa sandbox", Organization: []string{"Kipay simulator"}, Country: []string{"KE"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(s.opts.CertificateLife), KeyUsage: x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		panic("simulator: no certificate can be made: " + err.Error())
	}
	return &initiatorKey{private, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// Certificate is the X.509 certificate in PEM that an initiator's password has to be encrypted with, by RSA PKCS #1 v1.5.
func (s *Simulator) Certificate() []byte { return append([]byte(nil), s.key().certificate...) }

// opens tells whether a security credential is the encrypted password.
func (s *Simulator) opens(sealed []byte, password string) bool {
	got, err := rsa.DecryptPKCS1v15(nil, s.key().private, sealed) //nolint:staticcheck // Daraja takes no other padding
	return err == nil && password != "" && subtle.ConstantTimeCompare(got, []byte(password)) == 1
}
