package transparency

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/benfex/kipay/eventstore"
)

// witnessed is an install with a head, and what a witness has to know of it.
func witnessed(t *testing.T, names ...string) (*install, []*testWitness) {
	t.Helper()
	in := newInstall(t)
	in.append(t, "transaction-a", "{}", "{}", "{}")
	in.head(t)
	var all []*testWitness
	for _, name := range names {
		w := newTestWitness(t, name, map[string]string{testOrigin: in.keys(t)[0]})
		all = append(all, w)
		in.maker.Witnesses = append(in.maker.Witnesses, w.client(t))
	}
	return in, all
}

func (in *install) cosigned(t *testing.T, witnesses ...*testWitness) Checkpoint {
	t.Helper()
	text, err := in.heads.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := in.keys(t)
	for _, w := range witnesses {
		keys = append(keys, w.key())
	}
	c, err := OpenCheckpoint(text, mustKeys(t, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWitnessesCosignEveryHeadOnce(t *testing.T) {
	in, ws := witnessed(t, "witness.example/w1", "witness.example/w2")
	for round := range 4 {
		for range 2 { // the second time there is nothing to ask for
			if err := in.maker.Cosign(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if c := in.cosigned(t, ws...); len(c.Cosigned) != 2 || c.Size != in.tree.View().Size() || len(c.Unknown) != 0 {
			t.Errorf("%+v", c)
		}
		for _, w := range ws {
			if w.requests != round+1 {
				t.Errorf("%s was asked %d times in %d rounds", w.name, w.requests, round+1)
			}
		}
		in.busy(t, 1+100*round)
		in.head(t)
	}
	// The restarted node does not know what they know, and asks.
	again := installOn(t, in.store, vfs.NewMem())
	for _, w := range ws {
		again.maker.Witnesses = append(again.maker.Witnesses, w.client(t))
		w.requests = 0
	}
	again.caughtUp(t)
	if err := again.maker.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := again.cosigned(t, ws...); len(c.Cosigned) != 2 || ws[0].requests != 2 {
		t.Errorf("%+v after %d requests", c, ws[0].requests)
	}
}

func TestAWitnessThatIsAwayIsAskedAgain(t *testing.T) {
	in, ws := witnessed(t, "witness.example/w1", "witness.example/w2")
	url := ws[0].URL
	in.maker.Witnesses[0].submit = "http://127.0.0.1:1/add-checkpoint" // nobody is there
	var failed *WitnessError
	if err := in.maker.Cosign(t.Context()); !errors.As(err, &failed) || failed.Witness != ws[0].name || failed.Status != 0 {
		t.Errorf("%v", err)
	}
	if c := in.cosigned(t, ws...); len(c.Cosigned) != 1 {
		t.Errorf("%+v", c)
	}
	in.maker.Witnesses[0].submit = url + "/submit/add-checkpoint"
	if err := in.maker.Cosign(t.Context()); err != nil {
		t.Error(err)
	}
	if c := in.cosigned(t, ws...); len(c.Cosigned) != 2 || ws[1].requests != 1 {
		t.Errorf("%+v", c)
	}
}

func TestAWitnessRefusesAForkedLog(t *testing.T) {
	in, ws := witnessed(t, "witness.example/w1")
	if err := in.maker.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Another log of the same name and key: a backup was put back, and time went on.
	fork := newInstall(t)
	if err := in.store.EachKey(t.Context(), "", func(name string, wrapped []byte) error {
		_, err := fork.store.PutKeyIfAbsent(t.Context(), name, wrapped)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	fork.maker.Witnesses = []*Witness{ws[0].client(t)}
	var failed *WitnessError
	for _, step := range []struct{ status, events int }{{409, 2}, {422, 1}, {422, 5}} { // it is ahead; as large; behind
		for range step.events {
			fork.append(t, "transaction-b", "{}")
		}
		fork.head(t)
		if err := fork.maker.Cosign(t.Context()); !errors.As(err, &failed) || failed.Status != step.status {
			t.Errorf("at %d leaves: %v", fork.tree.View().Size(), err)
		}
		if c := fork.cosigned(t, ws...); len(c.Cosigned) != 0 {
			t.Errorf("%+v", c)
		}
	}
}

func TestAWitnessThatDoesNotKnowTheLogSaysSo(t *testing.T) {
	in, _ := witnessed(t)
	_, stranger := testKey(t, testOrigin, "stranger")
	for status, logs := range map[int]map[string]string{404: {}, 403: {testOrigin: stranger}} {
		w := newTestWitness(t, "witness.example/w", logs)
		in.maker.Witnesses = []*Witness{w.client(t)}
		var failed *WitnessError
		if err := in.maker.Cosign(t.Context()); !errors.As(err, &failed) || failed.Status != status {
			t.Errorf("%v", err)
		}
	}
}

func TestSignaturesOfOtherKeysAreNotTakenFromAWitness(t *testing.T) {
	in, ws := witnessed(t, "witness.example/w1")
	text, err := signHead(Head{Origin: testOrigin, Size: 3, Root: in.tree.View().Root()}, newCosigner("witness.example/other"))
	if err != nil {
		t.Fatal(err)
	}
	ws[0].extra = strings.SplitAfter(text, "\n\n")[1]
	if err := in.maker.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := in.cosigned(t, ws...); len(c.Cosigned) != 1 || len(c.Unknown) != 0 {
		t.Errorf("%+v", c)
	}
}

// answering is a witness that answers whatever is asked with this.
func answering(t *testing.T, status int, kind, body string) *Witness {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	w, err := NewWitness(server.URL, newCosigner("witness.example/w").key(), server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAWitnesssAnswerIsReadStrictly(t *testing.T) {
	in, _ := witnessed(t)
	wrongText, err := signHead(Head{Origin: testOrigin, Size: 2, Root: in.tree.View().Root()}, newCosigner("witness.example/w"))
	if err != nil {
		t.Fatal(err)
	}
	newest, err := in.heads.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []struct {
		status     int
		kind, body string
	}{
		{200, "", ""},
		{200, "", "rubbish\n"},
		{200, "", strings.TrimSuffix(strings.SplitAfter(wrongText, "\n\n")[1], "\n")},
		{200, "", strings.SplitAfter(wrongText, "\n\n")[1]},
		{200, "", strings.SplitAfter(newest.Checkpoint, "\n\n")[1]},
		{200, "", strings.Repeat("x", maxWitnessAnswer+1)},
		{409, "text/plain", "2\n"},
		{409, sizeType, "2"},
		{409, sizeType, "02\n"},
		{409, sizeType, "-2\n"},
		{409, sizeType, "99999999999999999999\n"},
		{409, sizeType, "4\n"}, // ahead
		{409, sizeType, "2\n"}, // each time
		{302, "", ""},
		{500, "", "<html>"},
	} {
		w := answering(t, answer.status, answer.kind, answer.body)
		lines, err := w.Cosign(t.Context(), in.tree.View(), newest.Checkpoint)
		var failed *WitnessError
		if !errors.As(err, &failed) || len(lines) != 0 {
			t.Errorf("%d %q %.40q: %q, %v", answer.status, answer.kind, answer.body, lines, err)
		}
		if len(fmt.Sprint(err)) > 300 {
			t.Errorf("the error repeats the answer: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := answering(t, 200, "", "").Cosign(ctx, in.tree.View(), newest.Checkpoint); err == nil {
		t.Error("asked after the end")
	}
}

func TestWitnessesHaveAnAddressAndAKeyForCosignatures(t *testing.T) {
	_, logKey := testKey(t, testOrigin, "a")
	good := newCosigner("witness.example/w").key()
	for _, bad := range [][2]string{{"ftp://w.example", good}, {"w.example", good}, {"", good}, {"https://w.example?x=1", good}, {"https://w.example", logKey}, {"https://w.example", "x"}} {
		if _, err := NewWitness(bad[0], bad[1], http.DefaultClient); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := NewWitness("https://w.example/submit", good, http.DefaultClient); err != nil {
		t.Error(err)
	}
}

func TestASlowWitnessHoldsNobodyUp(t *testing.T) {
	in, ws := witnessed(t, "witness.example/w1")
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-answer
	}))
	t.Cleanup(slow.Close)
	w, err := NewWitness(slow.URL, newCosigner("witness.example/slow").key(), slow.Client())
	if err != nil {
		t.Fatal(err)
	}
	in.maker.Witnesses = append(in.maker.Witnesses, w)
	head, err := in.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sub, err := in.store.Subscribe(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	done := make(chan error, 1)
	go func() { done <- in.maker.Cosign(t.Context()) }()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), witnessTimeout/2)
	defer cancel()
	for got := 0; got == 0 && err == nil; {
		var batch eventstore.Batch
		batch, err = sub.Next(ctx)
		got = len(batch.Records)
	}
	in.heads.Observe(nil)
	if c := in.cosigned(t, ws...); err != nil || len(c.Cosigned) != 1 {
		t.Errorf("what one witness said waits for another: %+v, %v", c, err)
	}
	close(answer)
	var failed *WitnessError
	if err := <-done; !errors.As(err, &failed) || failed.Witness != "witness.example/slow" {
		t.Errorf("%v", err)
	}
}

// deadlines is a client's way to a witness that names another size each time.
type deadlines []time.Time

func (d *deadlines) RoundTrip(r *http.Request) (*http.Response, error) {
	at, _ := r.Context().Deadline()
	*d = append(*d, at)
	return &http.Response{
		StatusCode: http.StatusConflict, Header: http.Header{"Content-Type": {sizeType}}, Body: io.NopCloser(strings.NewReader(fmt.Sprintf("%d\n", len(*d)%2+1))),
	}, nil
}

func TestAWitnessHasOneTimeOutHoweverOftenItIsAsked(t *testing.T) {
	in, _ := witnessed(t)
	newest, err := in.heads.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seen deadlines
	w, err := NewWitness("https://w.example", newCosigner("witness.example/w").key(), &http.Client{Transport: &seen})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Cosign(t.Context(), in.tree.View(), newest.Checkpoint); err == nil || len(seen) != witnessTries {
		t.Errorf("%d requests, %v", len(seen), err)
	}
	for _, at := range seen {
		if at.IsZero() || at != seen[0] {
			t.Errorf("the time-outs end at %v", seen)
		}
	}
}
