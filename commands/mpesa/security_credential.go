package mpesa

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"time"

	"github.com/benfex/kipay/commands/upstream"
)

// maxCertificateBytes bounds what is parsed as a certificate; Safaricom's are below 3 KiB.
const maxCertificateBytes = 64 << 10

// minKeyBits is the smallest key that a password is encrypted with; Safaricom's have 2048.
const minKeyBits = 2048

// CertificateWarning is how long before a certificate's end an operator should be told: Safaricom publishes the next one
// some weeks ahead, and from then on a credential made with the old one ends every request with result 2001.
const CertificateWarning = 30 * 24 * time.Hour

// CredentialProblem says why no SecurityCredential could be made.
type CredentialProblem int

// The problems.
const (
	CertificateTooLarge   CredentialProblem = iota + 1 // over 64 KiB
	CertificateUnreadable                              // neither PEM nor DER of an X.509 certificate
	CertificateNotRSA                                  // its key is not an RSA key
	CertificateWeak                                    // its RSA key has fewer than 2048 bits
	PasswordEmpty
	PasswordTooLong // for the key: 245 bytes at 2048 bits
	EncryptionFailed
)

// String is the problem in words.
func (p CredentialProblem) String() string {
	switch p {
	case CertificateTooLarge:
		return "the certificate is larger than 64 KiB"
	case CertificateUnreadable:
		return "the certificate is not an X.509 certificate in PEM or DER"
	case CertificateNotRSA:
		return "the certificate has no RSA key"
	case CertificateWeak:
		return "the certificate's RSA key has fewer than 2048 bits"
	case PasswordEmpty:
		return "the initiator password is empty"
	case PasswordTooLong:
		return "the initiator password is too long for the certificate's key"
	case EncryptionFailed:
		return "the initiator password could not be encrypted"
	}
	return "no security credential could be made"
}

// CredentialError is why no SecurityCredential could be made. Its text never holds the password.
type CredentialError struct {
	Problem CredentialProblem
	Err     error // the cause, when there is one
}

// Error is fit for logs and for an operator.
func (e *CredentialError) Error() string {
	if e.Err == nil {
		return "mpesa: " + e.Problem.String()
	}
	return "mpesa: " + e.Problem.String() + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *CredentialError) Unwrap() error { return e.Err }

// Certificate is Safaricom's certificate for one environment; sandbox and production have different ones.
type Certificate struct {
	Subject   string // its common name
	NotBefore time.Time
	NotAfter  time.Time

	key *rsa.PublicKey
}

// ParseCertificate reads a certificate as PEM, the first CERTIFICATE block of possibly several, or as DER. A certificate
// that has expired is one all the same: Daraja looks at the key only. The error is always a *CredentialError.
func ParseCertificate(raw []byte) (Certificate, error) {
	if len(raw) > maxCertificateBytes {
		return Certificate{}, &CredentialError{Problem: CertificateTooLarge}
	}
	der := raw
	for rest := upstream.WithoutBOM(raw); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			der = block.Bytes
			break
		}
	}
	found, err := x509.ParseCertificate(der)
	if err != nil {
		return Certificate{}, &CredentialError{CertificateUnreadable, err}
	}
	key, ok := found.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return Certificate{}, &CredentialError{Problem: CertificateNotRSA}
	case key.N.BitLen() < minKeyBits:
		return Certificate{}, &CredentialError{Problem: CertificateWeak}
	}
	return Certificate{Subject: shorten(found.Subject.CommonName), NotBefore: found.NotBefore.UTC(), NotAfter: found.NotAfter.UTC(), key: key}, nil
}

// Ends tells whether the certificate has ended at a moment, or will within CertificateWarning of it.
func (c Certificate) Ends(now time.Time) bool { return !now.Add(CertificateWarning).Before(c.NotAfter) }

// SecurityCredential is what Daraja wants of an initiator's password: base64 of the password encrypted with the
// certificate's key by RSA PKCS #1 v1.5, not OAEP (Daraja, B2C, SecurityCredential). It differs each time, and any of them
// can be used again and again. Since Go 1.26 the standard library draws the padding from the system whatever random is.
// The error is always a *CredentialError. The zero Certificate encrypts nothing.
func (c Certificate) SecurityCredential(random io.Reader, password string) (string, error) {
	switch {
	case c.key == nil:
		return "", &CredentialError{Problem: CertificateUnreadable}
	case password == "":
		return "", &CredentialError{Problem: PasswordEmpty}
	case len(password) > c.key.Size()-11: // what the padding leaves (RFC 8017, 7.2.1)
		return "", &CredentialError{Problem: PasswordTooLong}
	}
	sealed, err := rsa.EncryptPKCS1v15(random, c.key, []byte(password)) //nolint:staticcheck // Daraja takes no other padding
	if err != nil {
		return "", &CredentialError{EncryptionFailed, err}
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// SecurityCredential is ParseCertificate and Certificate.SecurityCredential in one.
func SecurityCredential(random io.Reader, password string, certificate []byte) (string, error) {
	c, err := ParseCertificate(certificate)
	if err != nil {
		return "", err
	}
	return c.SecurityCredential(random, password)
}
