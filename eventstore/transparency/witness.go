package transparency

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const (
	// witnessTimeout bounds all requests for one cosignature: no head is made meanwhile.
	witnessTimeout = 10 * time.Second
	// maxWitnessAnswer bounds what is read of an answer.
	maxWitnessAnswer = 64 << 10
	// witnessTries are the requests for one cosignature: one more tells the size that the witness knows.
	witnessTries = 3
	// sizeType is the content type of that (C2SP tlog-witness, add-checkpoint).
	sizeType = "text/x.tlog.size"
)

// WitnessError is a witness that gave no cosignature.
type WitnessError struct {
	// Witness is its name, Status the HTTP status of its answer, 0 when there was none or it made no sense.
	Witness string
	Status  int
	Reason  string
}

// Error tells why.
func (e *WitnessError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("witness %s: %s", e.Witness, e.Reason)
	}
	return fmt.Sprintf("witness %s answered %d: %s", e.Witness, e.Status, e.Reason)
}

// Witness is somebody who cosigns heads, by C2SP tlog-witness.
type Witness struct {
	submit   string
	verifier note.Verifier
	client   *http.Client

	// mu is held during a request: a witness takes one size after the other.
	mu sync.Mutex
	// known is the size that it cosigned last, as far as we know.
	known int64
}

// NewWitness is the witness at that URL (its submission prefix), whose cosignatures are of that key. Of the client only what it
// does with one request is used: redirects are not followed.
func NewWitness(prefix, verifierKey string, client *http.Client) (*Witness, error) {
	verifier, kind, err := parseKey(verifierKey)
	if err != nil {
		return nil, err
	}
	if kind != keyCosignature {
		return nil, fmt.Errorf("%w: %q is no witness's", ErrKey, verifierKey)
	}
	at, err := url.Parse(prefix)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.RawQuery != "" || at.Fragment != "" {
		return nil, fmt.Errorf("witness %s: its address must be an http or https URL", verifier.Name())
	}
	careful := *client
	careful.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Witness{submit: strings.TrimSuffix(prefix, "/") + "/add-checkpoint", verifier: verifier, client: &careful}, nil
}

// hasSigned tells that a cosignature of the witness is among the lines.
func (w *Witness) hasSigned(lines []string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		name, raw, err := parseSignature(line)
		return err == nil && signatureKey(name, raw) == keyID(w.verifier.Name(), w.verifier.KeyHash())
	})
}

// Cosign has the witness cosign the checkpoint of the view, and answers the lines of its signatures. Errors: *WitnessError.
func (w *Witness) Cosign(ctx context.Context, view *View, checkpoint string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, witnessTimeout)
	defer cancel()
	if w.known > view.Size() {
		w.known = 0 // it says so itself, if it is ahead
	}
	for range witnessTries {
		proof, err := view.Consistency(w.known)
		if err != nil {
			return nil, err
		}
		var body strings.Builder
		fmt.Fprintf(&body, "old %d\n", w.known)
		for _, hash := range proof {
			body.WriteString(base64.StdEncoding.EncodeToString(hash[:]) + "\n")
		}
		body.WriteString("\n" + checkpoint)
		status, kind, answer, err := w.post(ctx, body.String())
		if err != nil {
			return nil, &WitnessError{Witness: w.verifier.Name(), Reason: err.Error()}
		}
		switch status {
		case http.StatusOK:
			lines, err := w.accept(answer, checkpoint)
			if err == nil {
				w.known = view.Size()
			}
			return lines, err
		case http.StatusConflict:
			size, err := w.conflict(kind, answer, view.Size())
			if err != nil {
				return nil, err
			}
			w.known = size
		default:
			return nil, &WitnessError{Witness: w.verifier.Name(), Status: status, Reason: meaning(status)}
		}
	}
	return nil, &WitnessError{Witness: w.verifier.Name(), Status: http.StatusConflict, Reason: "it names another size each time"}
}

// post makes one request.
func (w *Witness) post(ctx context.Context, body string) (status int, kind, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.submit, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := w.client.Do(request)
	if err != nil {
		return 0, "", "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxWitnessAnswer+1))
	if err == nil && len(text) > maxWitnessAnswer {
		err = errors.New("its answer is too long")
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(text), err
}

// accept takes the cosignatures of the witness's key from its answer, and passes over others.
func (w *Witness) accept(answer, checkpoint string) ([]string, error) {
	wrong := func(why string) error {
		return &WitnessError{Witness: w.verifier.Name(), Status: http.StatusOK, Reason: why}
	}
	text, _, err := splitNote(checkpoint)
	if err != nil {
		return nil, err
	}
	rest, ended := strings.CutSuffix(answer, "\n")
	if !ended {
		return nil, wrong("its answer is no line of a signature")
	}
	var lines []string
	for line := range strings.SplitSeq(rest, "\n") {
		name, raw, err := parseSignature(line)
		if err != nil {
			return nil, wrong("its answer is no line of a signature")
		}
		if signatureKey(name, raw) != keyID(w.verifier.Name(), w.verifier.KeyHash()) {
			continue
		}
		if !w.verifier.Verify([]byte(text), raw[keyIDBytes:]) {
			return nil, wrong("its cosignature is not one of this head")
		}
		if len(lines) == 0 {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, wrong("it has not signed with the key that it is known by")
	}
	return lines, nil
}

// conflict is the size that the witness says it has cosigned.
func (w *Witness) conflict(kind, answer string, ours int64) (int64, error) {
	size, err := strconv.ParseInt(strings.TrimSuffix(answer, "\n"), 10, 64)
	reason := ""
	switch {
	case kind != sizeType || err != nil || size < 0 || strconv.FormatInt(size, 10)+"\n" != answer:
		reason = "it does not say which size it knows"
	case size > ours:
		reason = fmt.Sprintf("it has cosigned %d events of this log, there are %d", size, ours)
	case size == w.known:
		reason = "it refuses the size that it names itself"
	default:
		return size, nil
	}
	return 0, &WitnessError{Witness: w.verifier.Name(), Status: http.StatusConflict, Reason: reason}
}

// meaning says what a witness means by a status (C2SP tlog-witness, add-checkpoint).
func meaning(status int) string {
	switch status {
	case http.StatusNotFound:
		return "it does not know this log: give it the log's name and key"
	case http.StatusForbidden:
		return "it knows another key of this log"
	case http.StatusUnprocessableEntity:
		return "the head contradicts what it has cosigned before"
	case http.StatusBadRequest:
		return "it does not understand the request"
	default:
		return "no cosignature"
	}
}
