package paystack_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/paystack/simulator"
	"github.com/benfex/kipay/domain/money"
)

// The client and the simulator share no code: what they agree on, two readers of the protocol agree on.

type hook struct {
	signature string
	body      []byte
}

func TestAPaymentFromCheckoutToWebhookToVerify(t *testing.T) {
	ctx := context.Background()
	hooks := make(chan hook, 10)
	merchant := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		hooks <- hook{r.Header.Get(paystack.SignatureHeader), raw}
	}))
	defer merchant.Close()
	sim := simulator.New(simulator.Options{Speed: 5000, WebhookURLFor: func(string) string { return merchant.URL }})
	api := httptest.NewServer(sim.Handler())
	defer api.Close()
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(running) }()
	defer func() {
		cancel()
		<-ended
		_ = sim.Close()
	}()

	client := paystack.New(paystack.Options{BaseURL: api.URL})
	cred := paystack.Credentials{SecretKey: "sk_test_0123456789abcdef"}
	if err := client.Probe(ctx, "ch", cred); err != nil {
		t.Fatal(err)
	}
	var e *paystack.Error
	if err := client.Probe(ctx, "ch", paystack.Credentials{SecretKey: "sk_test_invalid0123456789"}); !errors.As(err, &e) {
		t.Fatal(err)
	}
	if code, _ := e.Reason(); code != paystack.FailureInvalidCredentials {
		t.Errorf("%v", e)
	}

	order := paystack.InitializeRequest{
		Email: "customer@email.com", Amount: money.Of(1999, money.KES), Reference: "KIPAY0001",
		CallbackURL: "https://shop.example.com/return", Channels: []string{"card"}, Metadata: map[string]any{"order": 42},
	}
	opened, err := client.Initialize(ctx, "ch", cred, order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Initialize(ctx, "ch", cred, order); !errors.As(err, &e) || e.Kind != paystack.DuplicateReference {
		t.Errorf("the same reference again: %v", err)
	}
	if _, err := client.Verify(ctx, "ch", cred, "never-was"); !errors.As(err, &e) || e.Kind != paystack.NotFound {
		t.Errorf("a reference that never was: %v", err)
	}
	fresh, err := client.Verify(ctx, "ch", cred, "KIPAY0001")
	if err != nil || fresh.Status != "abandoned" || fresh.State() != paystack.Pending || fresh.PaidAt != nil {
		t.Errorf("%+v, %v", fresh, err)
	}

	card := url.Values{"step": {"card"}, "card_number": {"4084084084084081"}, "expiry": {"12/49"}, "cvv": {"408"}}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := browser.PostForm(opened.AuthorizationURL, card)
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()

	select {
	case h := <-hooks:
		if !paystack.VerifySignature(cred.SecretKey, h.body, h.signature) {
			t.Error("the signature is refused")
		}
		event, err := paystack.DecodeEvent(h.body)
		if err != nil || event.Type != "charge.success" || event.Transaction == nil || !cred.Belongs(event.Domain) ||
			event.Transaction.Reference != "KIPAY0001" || event.Transaction.Amount != order.Amount || event.Transaction.State() != paystack.Succeeded {
			t.Errorf("%+v, %v", event, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no webhook came")
	}
	paid, err := client.Verify(ctx, "ch", cred, "KIPAY0001")
	if err != nil || paid.State() != paystack.Succeeded || paid.Amount != order.Amount || paid.CardLast4 != "4081" || paid.Channel != "card" || paid.PaidAt == nil || paid.Fees == nil {
		t.Errorf("%+v, %v", paid, err)
	}
}
