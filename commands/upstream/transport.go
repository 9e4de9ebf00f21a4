package upstream

import (
	"crypto/tls"
	"net/http"
	"time"
)

// HTTPClient is a copy of h that follows no redirects and keeps no cookies: a redirect that is followed could carry out an order twice.
// Without h it speaks HTTP/1.1 alone, because HTTP/2 may repeat a POST when a server says that it did not process the first.
func HTTPClient(h *http.Client) *http.Client {
	var own http.Client
	if h != nil {
		own = *h
	} else {
		own.Transport = newTransport()
	}
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

func newTransport() *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		Protocols:              &http1,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        60 * time.Second,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    64,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
