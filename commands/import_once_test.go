package commands_test

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/idempotency"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// oneRow is a payment that nothing here knows of.
const oneRow = "QGR7I8K2ZZ,AT,AT,Pay Bill from 2547****111 - MARY DOE Acc. NOBODY,Completed,70.00,,,true,Pay Utility,2547****111 - MARY DOE,,NOBODY"

// slowStore is a store in which the first append to an import waits.
type slowStore struct {
	eventstore.Store
	once             sync.Once
	waiting, goAhead chan struct{}
}

func newSlowStore(s eventstore.Store) *slowStore {
	return &slowStore{Store: s, waiting: make(chan struct{}), goAhead: make(chan struct{})}
}

func (s *slowStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if strings.HasPrefix(stream, "statement-") {
		s.once.Do(func() {
			close(s.waiting)
			<-s.goAhead
		})
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

// imports are all that were begun, by number.
func (w *world) imports() map[int64]journal.State {
	w.t.Helper()
	records, err := w.store.ReadAll(w.t.Context(), 0, eventstore.Forward, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[int64]journal.State{}
	for _, r := range records {
		if r.Type == (journal.Begun{}).EventType() {
			s, err := commands.Fold[journal.State](w.t.Context(), w.write, r.Stream)
			if err != nil {
				w.t.Fatal(err)
			}
			out[s.State.ID] = s.State
		}
	}
	return out
}

func TestAFileThatComesTwiceAtOnceIsOneImport(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	slow := newSlowStore(w.store)
	late := w.nodeOn(eventstore.NewLog(slow, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0)
	for _, node := range []*commands.WriteSide{w.write, late} {
		node.Books, node.StagingDir = booksOf{world: w}, t.TempDir()
	}
	file := w.statementFile(oneRow)
	second := make(chan commands.ImportView, 1)
	go func() {
		v, err := w.importFile(late, file, nil)
		if err != nil {
			t.Error(err)
		}
		second <- v
	}()
	<-slow.waiting
	first, err := w.importFile(w.write, file, nil)
	if err != nil || first.Status != string(journal.Done) {
		t.Fatalf("the first is %+v: %v", first, err)
	}
	close(slow.goAhead)
	if v := <-second; v.ID != first.ID || v.Status != string(journal.Done) {
		t.Errorf("the second is import %d, %s; the first is %d", v.ID, v.Status, first.ID)
	}
	for id, s := range w.imports() {
		if id != first.ID && (s.Status() != journal.Failed || !strings.Contains(s.Refusal.Reason, "The same file is import")) {
			t.Errorf("import %d is %s", id, s.Status())
		}
	}
}

// forgetfulStore is a store that fails to keep an answer, once.
type forgetfulStore struct {
	eventstore.Store
	once sync.Once
}

func (s *forgetfulStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	var err error
	if len(events) > 0 && events[0].Type == (idempotency.Answered{}).EventType() {
		s.once.Do(func() { err = eventstore.ErrClosed })
	}
	if err != nil {
		return eventstore.Appended{}, err
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

// The answer to a request was lost, and its import failed meanwhile.
func TestANumberThatWasUsedUpIsNotTakenAgain(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	forgetful := w.nodeOn(eventstore.NewLog(&forgetfulStore{Store: w.store}, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0)
	for _, node := range []*commands.WriteSide{w.write, forgetful} {
		node.Books, node.StagingDir = booksOf{world: w}, t.TempDir()
	}
	w.serve(forgetful)
	file := w.statementFile(strings.Replace(oneRow, "Completed", "Compleeted", 1))
	request := []string{"source", string(reconciliation.SourceMpesa), "payment_channel_id", "1", "Idempotency-Key", "k1"}
	if status, body := w.upload(file, request...); status < 400 {
		t.Fatalf("the answer is kept: %d %s", status, body)
	}
	failed, err := w.importFile(w.write, file, nil)
	if err != nil || failed.Status != string(journal.Failed) {
		t.Fatalf("the import is %+v: %v", failed, err)
	}
	status, body := w.upload(file, request...)
	if status != http.StatusAccepted || !strings.Contains(body, `"status":"processing"`) || len(w.imports()) != 2 {
		t.Errorf("again: %d %s", status, body)
	}
}

// waitingBooks are books whose reading takes until it is let go, and which tell of each.
type waitingBooks struct {
	booksOf
	read, goAhead chan struct{}
}

func (b waitingBooks) References(ctx context.Context, q commands.BooksQuery) ([]commands.BooksReference, error) {
	b.read <- struct{}{}
	<-b.goAhead
	return b.booksOf.References(ctx, q)
}

// upload sends a statement over the API.
func (w *world) upload(path string, fields ...string) (int, string) {
	w.t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "statement.csv")
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write(file)
	var headers []string
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "Idempotency-Key" {
			headers = append(headers, fields[i], fields[i+1])
			continue
		}
		_ = form.WriteField(fields[i], fields[i+1])
	}
	if err := form.Close(); err != nil {
		w.t.Fatal(err)
	}
	return w.post("/api/reconciliation/imports", body.String(), append(headers, "Content-Type", form.FormDataContentType())...)
}

func TestOneStatementIsComparedAtATimeThroughEitherDoor(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	books := waitingBooks{booksOf{world: w}, make(chan struct{}, 2), make(chan struct{})}
	w.write.Books, w.write.StagingDir = books, t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w.wait.Go(func() { _ = w.write.RunReconciler(ctx) })
	if status, body := w.upload(w.statementFile(oneRow), "source", string(reconciliation.SourceMpesa), "payment_channel_id", "1"); status != http.StatusAccepted {
		t.Fatalf("uploaded: %d %s", status, body)
	}
	<-books.read
	waits, done := make(chan struct{}), make(chan struct{})
	w.wait.Go(func() {
		defer close(done)
		v, err := w.importFile(w.write, w.statementFile(strings.ReplaceAll(oneRow, "ZZ", "ZY")), func(p commands.ImportProgress) {
			if strings.HasPrefix(p.Step, "waiting") {
				close(waits)
			}
		})
		if err != nil || v.Status != string(journal.Done) {
			t.Errorf("the operator's is %+v: %v", v, err)
		}
	})
	select {
	case <-waits:
	case <-books.read:
		t.Error("two statements are compared at once")
	}
	close(books.goAhead)
	<-done
	stop()
}
