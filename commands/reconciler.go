package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// maxWaiting is how many statements may wait to be compared; one is compared at a time, because it takes what memory there is.
const maxWaiting = 16

// reconciler compares statements one after the other.
type reconciler struct {
	mu      sync.Mutex
	running map[int64]*importProgress // by import: waiting or under way here
	jobs    chan importJob
	turn    chan struct{} // holds one token while a statement is compared, whoever brought it
}

// importJob is a statement whose file is here.
type importJob struct {
	id   int64
	file *StatementFile
	by   By
}

// importProgress is how far an import is.
type importProgress struct{ Lines int64 }

func newReconciler() *reconciler {
	return &reconciler{running: map[int64]*importProgress{}, jobs: make(chan importJob, maxWaiting), turn: make(chan struct{}, 1)}
}

// take waits until this process compares no other statement; give lets the next one come. waits is told if it takes a while. Errors: ctx's.
func (r *reconciler) take(ctx context.Context, waits func()) (give func(), err error) {
	select {
	case r.turn <- struct{}{}:
	default:
		waits()
		select {
		case r.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return func() { <-r.turn }, nil
}

// claim takes an import for this process; false when it is under way.
func (r *reconciler) claim(id int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[id] != nil {
		return false
	}
	r.running[id] = &importProgress{}
	return true
}

func (r *reconciler) release(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, id)
}

// submit puts the file's import in the queue if it isn't done and nobody is at it. given is true when the file is the queue's from
// then on. Errors: Unavailable when too many wait.
func (r *reconciler) submit(ctx context.Context, w *WriteSide, f *StatementFile, by By) (given bool, err error) {
	known, err := fold[journal.FileState](ctx, w.log, w.fileStream(f))
	if err != nil {
		return false, err
	}
	s, err := fold[journal.State](ctx, w.log, journal.Stream(known.State.Import))
	if err != nil || !s.State.Unfinished() || !r.claim(s.State.ID) {
		return false, err
	}
	by.Causation, by.From = "", ""
	select {
	case r.jobs <- importJob{id: s.State.ID, file: f, by: by}:
		return true, nil
	default:
		r.release(s.State.ID)
		return false, domain.Unavailable("Too many statements at once; send this one again in a while", nil)
	}
}

// RunReconciler compares the statements that are uploaded, one after the other, until ctx ends. What is not compared then is taken up
// when its file is sent again, what is compared and has not counted by TakeUpStatement.
func (w *WriteSide) RunReconciler(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case job := <-w.reconciler.jobs:
			err := w.reconcileInTurn(ctx, job, nil)
			w.reconciler.release(job.id)
			_ = job.file.Close()
			if err != nil && ctx.Err() == nil {
				w.Logger.Error().Int64("import", job.id).Err(err).Msg("a statement was cut off: if it was compared, the rest counts by itself; if not, send it again")
			}
		}
	}
}

// reconcileInTurn is reconcile, once no other statement is compared by this process.
func (w *WriteSide) reconcileInTurn(ctx context.Context, job importJob, news func(ImportProgress)) error {
	give, err := w.reconciler.take(ctx, func() {
		if news != nil {
			news(ImportProgress{Step: "waiting for another statement"})
		}
	})
	if err != nil {
		return err
	}
	defer give()
	return unbroken(func() error { return w.reconcile(ctx, job, news) })
}

// unbroken is fn's error, or what it panicked with: a file comes from outside, and what its reading breaks over must not end the process.
func unbroken(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("comparing a statement panicked: %v\n%s", v, debug.Stack())
		}
	}()
	return fn()
}

// importStaged compares a file that is staged and understood, under the number drawn for it, and answers what came of it.
func (w *WriteSide) importStaged(ctx context.Context, f *StatementFile, id int64, by By, news func(ImportProgress)) (ImportView, error) {
	s, fresh, err := w.beginImport(ctx, f, id, by)
	switch {
	case err != nil:
		return ImportView{}, err
	case !fresh && !s.Unfinished():
		return w.viewWithZone(ctx, s, false)
	}
	if !w.reconciler.claim(s.ID) {
		return ImportView{}, domain.Conflictf("This file is being compared already, as import %d", s.ID)
	}
	defer w.reconciler.release(s.ID)
	if err := w.reconcileInTurn(ctx, importJob{id: s.ID, file: f, by: by}, news); err != nil {
		return ImportView{}, err
	}
	done, err := w.importOf(ctx, s.ID)
	if err != nil {
		return ImportView{}, err
	}
	return w.viewWithZone(ctx, done.State, false)
}

// maxStandstill is how long nothing may be decided about an import that another node lets count before it is taken for cut off.
const maxStandstill = 5 * time.Minute

// TakeUpStatement lets the rest of a statement count that was cut off while it did: by a crash, or because a part was away. It needs no
// file. done is false while somebody else is at it.
func (w *WriteSide) TakeUpStatement(ctx context.Context, id int64, by By) (done bool, err error) {
	if !w.reconciler.claim(id) {
		return false, nil
	}
	defer w.reconciler.release(id)
	s, err := w.importOf(ctx, id)
	switch {
	case err != nil || s.State.Reconciled == nil || s.State.HasCounted():
		return err == nil, err
	case w.Probe > 0 && w.log.Now().Sub(s.State.Moved()) < maxStandstill:
		return false, nil
	}
	select {
	case w.reconciler.turn <- struct{}{}:
		defer func() { <-w.reconciler.turn }()
	default:
		return false, nil // whoever asks has other things to do meanwhile
	}
	err = w.reconcile(ctx, importJob{id: id, by: by}, nil)
	return err == nil, err
}

// maxImportAge is how long an import may be under way on another node before it is taken for cut off.
const maxImportAge = time.Hour

// ImportOf is an import of the merchant's as it is now. Errors: NotFound, also when it is another's.
func (w *WriteSide) ImportOf(ctx context.Context, merchantID int64, mode domain.Mode, id int64) (ImportView, error) {
	s, err := w.importOf(ctx, id)
	switch {
	case err != nil:
		return ImportView{}, err
	case !s.State.Exists() || s.State.Merchant != merchantID || s.State.Mode != mode:
		return ImportView{}, domain.NotFoundf("import not found")
	}
	return w.viewWithZone(ctx, s.State, w.underWay(s.State))
}

// viewWithZone is viewImport, with where its days are counted.
func (w *WriteSide) viewWithZone(ctx context.Context, s journal.State, underWay bool) (v ImportView, err error) {
	v = viewImport(s, underWay)
	v.TimeZone, err = w.zoneOf(ctx, s.Merchant)
	return v, err
}

// importBegun is how an import of the merchant's began, read without its differences. Errors: NotFound, also when it is another's.
func (w *WriteSide) importBegun(ctx context.Context, merchantID int64, mode domain.Mode, id int64) (journal.Begun, error) {
	first, err := w.firstOf(ctx, journal.Stream(id))
	begun, ok := first.Event.(journal.Begun)
	if err == nil && (!ok || begun.Merchant != merchantID || begun.Mode != mode) {
		err = domain.NotFoundf("import not found")
	}
	return begun, err
}

// CheckImport tells whether the merchant has the import, by the error. Errors: NotFound.
func (w *WriteSide) CheckImport(ctx context.Context, merchantID int64, mode domain.Mode, id int64) error {
	_, err := w.importBegun(ctx, merchantID, mode, id)
	return err
}

// ImportJSON is ImportOf as it is answered.
func (w *WriteSide) ImportJSON(ctx context.Context, merchantID int64, mode domain.Mode, id int64) ([]byte, error) {
	v, err := w.ImportOf(ctx, merchantID, mode, id)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// UnderWay are the imports that this process is at, and since when others may be at those that began: all that were begun and are
// neither were cut off.
func (w *WriteSide) UnderWay() (ids []int64, since time.Time) {
	since = w.log.Now()
	if w.Probe > 0 {
		since = since.Add(-maxImportAge)
	}
	w.reconciler.mu.Lock()
	defer w.reconciler.mu.Unlock()
	return slices.Collect(maps.Keys(w.reconciler.running)), since
}

// underWay tells whether somebody is comparing the import.
func (w *WriteSide) underWay(s journal.State) bool {
	ids, since := w.UnderWay()
	return slices.Contains(ids, s.ID) || s.Begun.At.After(since)
}
