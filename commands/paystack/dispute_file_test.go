package paystack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The place for a file is a store's, which is not to learn the merchant's key; and its URL is a permission.
func TestAFileOfADisputeGoesToItsPlaceWithoutAKeyAndItsURLIsNeverTold(t *testing.T) {
	var method, body, authorization string
	status := http.StatusOK
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		method, body, authorization = r.Method, string(raw), r.Header.Get("Authorization")
		w.WriteHeader(status)
	}))
	up := Upload{SignedURL: store.URL + "/file?signature=s3cret", FileName: "qesp8a4df1"}
	c := New(Options{})
	if err := c.UploadDisputeFile(context.Background(), up, []byte("%PDF-1.7")); err != nil || method != http.MethodPut || body != "%PDF-1.7" || authorization != "" {
		t.Errorf("%v: %s %q, authorized by %q", err, method, body, authorization)
	}
	for name, content := range map[string][]byte{"empty": nil, "too large": make([]byte, MaxDisputeFile+1)} {
		method = ""
		if err := c.UploadDisputeFile(context.Background(), up, content); wantError(t, err).Kind != Rejected || method != "" {
			t.Errorf("%s: %v, sent by %q", name, err, method)
		}
	}
	for _, code := range []int{http.StatusForbidden, http.StatusFound, http.StatusInternalServerError} {
		status = code
		if err := c.UploadDisputeFile(context.Background(), up, []byte("x")); wantError(t, err).Kind != Rejected || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d: %v", code, err)
		}
	}
	store.Close()
	if err := c.UploadDisputeFile(context.Background(), up, []byte("x")); wantError(t, err).Kind != Unknown || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("nobody there: %v", err)
	}
	if err := c.UploadDisputeFile(context.Background(), Upload{SignedURL: "http://%zz?signature=s3cret"}, []byte("x")); wantError(t, err).Kind != Rejected || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("no URL: %v", err)
	}
}
