package pages

import (
	"context"
	"sync"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// The references of the payments that the tests know.
const (
	refOpen  = "KIPAY7G2M9QX4T8W1ZB5C"
	refOther = "KIPAY0000000000OTHER1"
)

// checkouts is a Checkout in memory: payments that tests put there, and errors that they ask for.
type checkouts struct {
	mu       sync.Mutex
	now      func() time.Time
	payments map[string]View
	// viewErr and payErr are answered instead, when set.
	viewErr, payErr, returnErr error
	cardPage                   string
	pushes                     []string // "reference phone" of each push asked for
	returned                   []string // references of CardReturned
	onReturn                   func(*View)
}

func newCheckouts(now func() time.Time) *checkouts {
	return &checkouts{now: now, payments: map[string]View{}, cardPage: "https://checkout.paystack.com/nkdks46nymizns7"}
}

// put makes v a payment.
func (f *checkouts) put(v View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.payments[v.Reference] = v
}

// change edits the payment.
func (f *checkouts) change(reference string, edit func(*View)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.payments[reference]
	edit(&v)
	f.payments[reference] = v
}

// fail makes every payment end in err, or go through again when nil.
func (f *checkouts) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.payErr = err
}

// failView makes every view end in err, or show again when nil.
func (f *checkouts) failView(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.viewErr = err
}

func (f *checkouts) View(_ context.Context, reference string) (View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.viewErr != nil {
		return View{}, f.viewErr
	}
	v, ok := f.payments[reference]
	if !ok {
		return View{}, domain.NotFoundf("no payment %s", reference)
	}
	v.Now = f.now()
	return v, nil
}

func (f *checkouts) PayByMpesa(_ context.Context, reference, phone string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, err := f.payable(reference)
	if err != nil {
		return err
	}
	f.pushes = append(f.pushes, reference+" "+phone)
	v.Phase, v.Method, v.MaskedPhone = Waiting, "mpesa_stk", phone[:4]+"••••"+phone[9:]
	v.FailureCode, v.FailureReason = "", ""
	v.AskedAt, v.WaitUntil = f.now(), f.now().Add(75*time.Second)
	f.payments[reference] = v
	return nil
}

func (f *checkouts) PayByCard(_ context.Context, reference string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.payable(reference); err != nil {
		return "", err
	}
	return f.cardPage, nil
}

func (f *checkouts) payable(reference string) (View, error) {
	v, ok := f.payments[reference]
	switch {
	case !ok:
		return v, domain.NotFoundf("no payment %s", reference)
	case f.payErr != nil:
		return v, f.payErr
	case v.Phase != Open && v.Phase != Failed:
		return v, domain.Conflictf("payment %s is %s", reference, v.Phase)
	}
	return v, nil
}

func (f *checkouts) CardReturned(_ context.Context, reference string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.returned = append(f.returned, reference)
	v, ok := f.payments[reference]
	if !ok {
		return domain.NotFoundf("no payment %s", reference)
	}
	if f.returnErr != nil {
		return f.returnErr
	}
	if f.onReturn != nil {
		f.onReturn(&v)
		f.payments[reference] = v
	}
	return nil
}

// asked is how many pushes were asked for.
func (f *checkouts) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.pushes...)
}

// askedAfter is which payments' card provider was asked.
func (f *checkouts) askedAfter() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.returned...)
}

// open is a payment that waits for its customer.
func open() View {
	return View{
		Reference: refOpen, MerchantName: "Savanna Books", Description: "Order 1042: three novels and a map of Lamu",
		Amount: money.Of(10_000_00, money.KES), Phase: Open, CanMpesa: true, CanCard: true, CanRetry: true,
		ExpiresAt: time.Date(2026, 6, 14, 15, 4, 0, 0, time.UTC),
	}
}

// as is v after edit.
func (v View) as(edit func(*View)) View {
	edit(&v)
	return v
}

// paid and failed move a payment on, as the write side would.
func paid(v *View) {
	v.Phase, v.Receipt, v.Method = Paid, "QGR7I8K2LM", "mpesa_stk"
	v.PaidAt = time.Date(2026, 6, 14, 9, 41, 0, 0, time.UTC)
	v.MaskedPhone = ""
}

func failed(code string) func(*View) {
	return func(v *View) {
		v.Phase, v.FailureCode, v.FailureReason, v.Method, v.MaskedPhone = Failed, code, "", "mpesa_stk", ""
	}
}
