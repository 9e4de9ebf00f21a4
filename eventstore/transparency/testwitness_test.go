package transparency

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// testWitness is a witness by C2SP tlog-witness, written from it and sharing no code with the client: only the library's proofs
// and notes.
type testWitness struct {
	cosigner
	logs map[string]note.Verifiers
	*httptest.Server

	mu       sync.Mutex
	size     map[string]int64
	root     map[string]tlog.Hash
	requests int
	// extra is answered behind the cosignature.
	extra string
}

func newTestWitness(t testing.TB, name string, logs map[string]string) *testWitness {
	t.Helper()
	w := &testWitness{cosigner: newCosigner(name), logs: map[string]note.Verifiers{}, size: map[string]int64{}, root: map[string]tlog.Hash{}}
	for origin, key := range logs {
		v, err := note.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		w.logs[origin] = note.VerifierList(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /submit/add-checkpoint", w.addCheckpoint)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Server.Close)
	return w
}

// client is the witness as the log knows it.
func (w *testWitness) client(t testing.TB) *Witness {
	t.Helper()
	c, err := NewWitness(w.URL+"/submit/", w.key(), w.Server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *testWitness) addCheckpoint(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	header, checkpoint, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(header, "\n")
	oldText, isOld := strings.CutPrefix(lines[0], "old ")
	old, numErr := strconv.ParseInt(oldText, 10, 64)
	if err != nil || !ok || !isOld || numErr != nil || strconv.FormatInt(old, 10) != oldText || len(lines) > 64 {
		http.Error(out, "malformed", http.StatusBadRequest)
		return
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			http.Error(out, "malformed", http.StatusBadRequest)
			return
		}
		proof = append(proof, hash)
	}
	origin, _, _ := strings.Cut(checkpoint, "\n")
	known := w.logs[origin]
	if known == nil {
		http.Error(out, "unknown log", http.StatusNotFound)
		return
	}
	opened, err := note.Open([]byte(checkpoint), known)
	if err != nil {
		http.Error(out, "no signature", http.StatusForbidden)
		return
	}
	parts := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(parts[1], 10, 64)
	root, rootErr := tlog.ParseHash(parts[2])
	if err != nil || rootErr != nil || old > size {
		http.Error(out, "malformed", http.StatusBadRequest)
		return
	}
	if have := w.size[origin]; have != old {
		out.Header().Set("Content-Type", "text/x.tlog.size")
		out.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprintf(out, "%d\n", have)
		return
	}
	consistent := false
	switch old {
	case 0:
		consistent = len(proof) == 0
	case size:
		consistent = len(proof) == 0 && root == w.root[origin]
	default:
		consistent = tlog.CheckTree(proof, size, root, old, w.root[origin]) == nil
	}
	if !consistent {
		http.Error(out, "inconsistent", http.StatusUnprocessableEntity)
		return
	}
	w.size[origin], w.root[origin] = size, root
	sig, err := w.Sign([]byte(opened.Text))
	if err != nil {
		http.Error(out, "broken", http.StatusInternalServerError)
		return
	}
	hash := w.KeyHash()
	raw := append([]byte{byte(hash >> 24), byte(hash >> 16), byte(hash >> 8), byte(hash)}, sig...)
	_, _ = fmt.Fprintf(out, "— %s %s\n%s", w.name, base64.StdEncoding.EncodeToString(raw), w.extra)
}
