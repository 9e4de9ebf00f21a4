package commands

import (
	"context"
	"errors"
	"time"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

// byPayer is the actor of what a payer does on the checkout page.
const byPayer = "payer"

// promptLasts is how long a prompt stays on a phone before M-Pesa takes it back (Daraja: result 1037 after a minute or so).
const promptLasts = 75 * time.Second

// Checkout is a payment as the checkout page needs it: the state, and what the merchant and the channels add.
type Checkout struct {
	State        transaction.State
	MerchantName string
	// Mpesa and Card are the channels that a payer may choose, zero where there is none.
	Mpesa, Card channel.ID
	PromptUntil time.Time // until when a waiting push may be on the phone
	Now         time.Time
}

// Checkout answers a payment that was made for the checkout page. Errors: NotFound for anything else.
func (w *WriteSide) Checkout(ctx context.Context, reference string) (Checkout, error) {
	s, err := w.checkoutState(ctx, reference)
	if err != nil {
		return Checkout{}, err
	}
	m, err := w.merchants.get(ctx, w.log, merchant.Stream(s.Merchant))
	if err != nil {
		return Checkout{}, err
	}
	out := Checkout{State: s, MerchantName: m.State.Name, Now: w.log.Now()}
	for provider, id := range map[channel.Provider]*channel.ID{channel.Mpesa: &out.Mpesa, channel.Paystack: &out.Card} {
		ch, err := w.payableBy(ctx, s, provider)
		if err != nil && domain.CodeOf(err) != domain.CodeConflict {
			return Checkout{}, err
		}
		*id = ch.ID
	}
	if a, waiting := s.Waiting(); waiting && a.Method == transaction.MethodMpesaSTK {
		out.PromptUntil = a.RequestedAt.Add(promptLasts)
	}
	return out, nil
}

func (w *WriteSide) checkoutState(ctx context.Context, reference string) (transaction.State, error) {
	ref, ok := transaction.ParseReference(reference)
	if !ok {
		return transaction.State{}, domain.NotFoundf("payment not found")
	}
	out, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return transaction.State{}, err
	}
	if !out.State.Exists() || out.State.Origin != transaction.FromCheckout {
		return transaction.State{}, domain.NotFoundf("payment not found")
	}
	return out.State, nil
}

// payableBy is the channel through which the payment can be made at the provider: the one that the request named, or, if
// it named none, any of the merchant's in the same mode. Errors: Conflict when there is none.
func (w *WriteSide) payableBy(ctx context.Context, s transaction.State, provider channel.Provider) (channel.State, error) {
	candidates := []channel.ID{s.Channel}
	if s.AnyChannel {
		m, err := w.merchants.get(ctx, w.log, merchant.Stream(s.Merchant))
		if err != nil {
			return channel.State{}, err
		}
		candidates = append(candidates, m.State.Channels...)
	}
	for _, id := range candidates {
		ch, err := w.channels.get(ctx, w.log, channel.Stream(id))
		if err != nil {
			return channel.State{}, err
		}
		if ch.State.Provider == provider && ch.State.Active && ch.State.Mode() == s.Mode && takes(ch.State, s.Amount) {
			return ch.State, nil
		}
	}
	return channel.State{}, domain.Conflictf("This payment method is not available")
}

// takes tells whether the channel's provider can move the amount.
func takes(ch channel.State, amount money.Money) bool {
	if ch.Provider != channel.Mpesa {
		return true
	}
	return amount.Currency == money.KES && amount.IsWhole() && amount.Major() <= maxMpesaMajor
}

// payable is the checkout and the channel to pay it through.
func (w *WriteSide) payable(ctx context.Context, reference string, provider channel.Provider) (transaction.State, channel.State, By, error) {
	s, err := w.checkoutState(ctx, reference)
	if err != nil {
		return s, channel.State{}, By{}, err
	}
	ch, err := w.payableBy(ctx, s, provider)
	if err != nil {
		return s, ch, By{}, err
	}
	req := domain.RequestFrom(ctx)
	return s, ch, By{Actor: byPayer, Merchant: s.Merchant, Correlation: req.ID, Causation: req.ID, From: req.IP}, nil
}

// PayByMpesa sends a push to the phone, which is in M-Pesa's form already. It answers when the push is asked for: whether
// M-Pesa took it shows in the state. Errors: Conflict, ProviderRefused, NotFound.
func (w *WriteSide) PayByMpesa(ctx context.Context, reference, phoneNumber string) error {
	s, ch, by, err := w.payable(ctx, reference, channel.Mpesa)
	if err != nil {
		return err
	}
	now := w.log.Now()
	out, err := Handle(ctx, w, s.Reference.Stream(), transaction.RequestPush{
		Channel: ch.ID, Phone: phoneNumber, AccountReference: string(s.MerchantReference), Window: now.Add(min(w.PushWindow, 2*time.Minute)), At: now,
	}, by)
	if err != nil {
		return err
	}
	if out, err = w.sendPush(ctx, out.State, ch, by); err != nil {
		return err
	}
	if a := out.State.Attempts[len(out.State.Attempts)-1]; a.Failure != nil && !a.Accepted {
		return &domain.Error{Code: domain.CodeProviderRefused, Message: a.Failure.Reason, Reason: a.Failure.FailureCode}
	}
	return nil
}

// PayByCard opens a payment page at Paystack and answers its address. Errors: Conflict, ProviderRefused, NotFound.
func (w *WriteSide) PayByCard(ctx context.Context, reference string) (string, error) {
	s, ch, by, err := w.payable(ctx, reference, channel.Paystack)
	if err != nil {
		return "", err
	}
	a, waiting := s.Waiting()
	if waiting && a.Method == transaction.MethodCard && a.Channel == ch.ID && a.URL != "" && s.Open(w.log.Now()) == nil {
		return a.URL, nil // the same page again: it stays open at Paystack until it is paid or fails
	}
	asked, err := Handle(ctx, w, s.Reference.Stream(), requestCard{ch.ID, s.Reference, w.log.Now()}, by)
	if err != nil {
		return "", err
	}
	a = asked.State.Attempts[len(asked.State.Attempts)-1]
	opened, err := w.Paystack.Initialize(ctx, paystackKey(ch), paystackCredentials(ch), paystack.InitializeRequest{
		Email: string(s.Email), Amount: s.Amount, Reference: a.ProviderReference,
		CallbackURL: w.PublicURL + "/payment/checkout/" + string(s.Reference) + "/return",
		Metadata:    map[string]any{"reference": string(s.Reference)},
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err != nil {
		return "", w.cardRefused(ctx, asked.State, a, err, by)
	}
	_, err = Handle(ctx, w, s.Reference.Stream(), transaction.OpenCard{
		Attempt: a.N, URL: opened.AuthorizationURL, Raw: string(opened.Raw), At: w.log.Now(),
	}, by)
	return opened.AuthorizationURL, err
}

// cardRefused records that no payment page was opened. No money can move through a page that nobody was shown, so the
// attempt has failed, also when Paystack's answer was lost; should it be paid all the same, that still counts.
func (w *WriteSide) cardRefused(ctx context.Context, s transaction.State, a transaction.Attempt, cause error, by By) error {
	code, reason := "provider_error", "The card provider could not be reached."
	var failed *paystack.Error
	if errors.As(cause, &failed) {
		code, reason = failed.Reason()
	}
	if _, err := Handle(ctx, w, s.Reference.Stream(), transaction.Weigh{
		Evidence: transaction.Evidence{
			Door: transaction.DoorCardAnswer, Kind: transaction.FailedByNotice, Attempt: a.N, Code: code, FailureCode: code, Reason: reason,
		}, At: w.log.Now(),
	}, by); err != nil {
		return err
	}
	return &domain.Error{Code: domain.CodeProviderRefused, Message: reason, Reason: code, Err: cause}
}

// requestCard is transaction.RequestCard with the provider's reference made for the attempt that it becomes.
type requestCard struct {
	channel channel.ID
	ref     transaction.Reference
	at      time.Time
}

// Decide asks for the next attempt.
func (c requestCard) Decide(s transaction.State) ([]domain.Event, error) {
	return transaction.RequestCard{Channel: c.channel, ProviderReference: cardReference(c.ref, len(s.Attempts)+1), At: c.at}.Decide(s)
}

// CardReturned asks Paystack what became of the card attempts that are still open. What the payer's browser brings back
// proves nothing.
func (w *WriteSide) CardReturned(ctx context.Context, reference string) error {
	s, err := w.checkoutState(ctx, reference)
	if err != nil {
		return err
	}
	req := domain.RequestFrom(ctx)
	by := By{Actor: byPayer, Merchant: s.Merchant, Correlation: req.ID, Causation: req.ID, From: req.IP}
	for i := len(s.Attempts) - 1; i >= 0; i-- {
		a := s.Attempts[i]
		if !s.MayBePaidByCard(a.N) {
			continue
		}
		ch, err := w.channels.get(ctx, w.log, channel.Stream(a.Channel))
		if err != nil {
			return err
		}
		if err := w.AskCard(ctx, ch.State, s.Reference, a, by); err != nil {
			return err
		}
	}
	return nil
}

// AskCard asks Paystack after one attempt and lets the answer count.
func (w *WriteSide) AskCard(ctx context.Context, ch channel.State, ref transaction.Reference, a transaction.Attempt, by By) error {
	t, err := w.Paystack.Verify(ctx, paystackKey(ch), paystackCredentials(ch), a.ProviderReference)
	var failed *paystack.Error
	if errors.As(err, &failed) {
		if failed.Kind == paystack.NotFound {
			return nil
		}
		return &domain.Error{Code: domain.CodeProviderRefused, Message: "The card provider could not be asked; try again", Err: failed}
	}
	if err != nil {
		return err
	}
	if t.Reference != a.ProviderReference || (t.Domain != "" && !paystackCredentials(ch).Belongs(t.Domain)) {
		return nil // an answer about something else is no news
	}
	return w.ReceiveCardNotice(ctx, ch, ref, a.N, t, string(t.Raw), transaction.DoorCardVerify, by)
}

func paystackKey(ch channel.State) paystack.ChannelKey {
	return paystack.ChannelKey(channel.Stream(ch.ID))
}

// AskCardAttempt asks Paystack after an attempt that is still open. until is when to stop asking, zero when there is
// nothing to ask any more.
func (w *WriteSide) AskCardAttempt(ctx context.Context, ref transaction.Reference, attempt int, by By) (until time.Time, err error) {
	out, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return time.Time{}, err
	}
	s := out.State
	a, ok := s.Attempt(attempt)
	if !ok || !s.MayBePaidByCard(attempt) {
		return time.Time{}, nil
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(a.Channel))
	if err != nil {
		return time.Time{}, err
	}
	by.Merchant = s.Merchant
	if err := w.AskCard(ctx, ch.State, ref, a, by); err != nil {
		return time.Time{}, err
	}
	// A page paid in the last minute is still asked after for a while.
	return s.ExpiresAt.Add(time.Hour), nil
}
