package esdbserver

import (
	"crypto/tls"
	"fmt"
)

// LoadTLS is the setting of a server with the certificate (and what it is signed by) and key in the files, in PEM.
func LoadTLS(certFile, keyFile string) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate of the event store, %s and %s: %w", certFile, keyFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}
