package main

import (
	"context"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/readapi/pages"
)

// checkout lets the pages speak to the write side without knowing it.
type checkout struct{ *commands.WriteSide }

// View is the payment as its page shows it.
func (c checkout) View(ctx context.Context, reference string) (pages.View, error) {
	co, err := c.Checkout(ctx, reference)
	if err != nil {
		return pages.View{}, err
	}
	s := co.State
	v := pages.View{
		Reference: string(s.Reference), MerchantName: co.MerchantName, Description: string(s.Description), Amount: s.Amount,
		CanMpesa: co.Mpesa != 0, CanCard: co.Card != 0, Receipt: s.Receipt(), PaidAt: s.PaidAt(), Method: string(s.Method()),
		ExpiresAt: s.ExpiresAt, TestMode: s.Mode == domain.ModeTest, Now: co.Now, Phase: pages.Open,
	}
	expired := s.HasClosed || (!s.ExpiresAt.IsZero() && !co.Now.Before(s.ExpiresAt))
	a, waiting := s.Waiting()
	waiting = waiting && a.Method == transaction.MethodMpesaSTK && co.Now.Before(a.Window)
	if n := len(s.Attempts); n > 0 && v.Method == "" {
		v.Method = string(s.Attempts[n-1].Method)
	}
	code, reason, failed := s.Failure()
	switch {
	case s.Status() == transaction.StatusCompleted:
		v.Phase = pages.Paid
	case len(s.Payments) > 0:
		v.Phase, v.Received = pages.Review, s.Received()
	case waiting:
		v.Phase, v.MaskedPhone, v.AskedAt, v.WaitUntil = pages.Waiting, maskPhone(a.Phone), a.RequestedAt, co.PromptUntil
	case expired:
		v.Phase = pages.Expired
	case failed:
		v.Phase, v.FailureCode, v.FailureReason, v.CanRetry = pages.Failed, code, reason, v.CanMpesa || v.CanCard
	}
	return v, nil
}

// maskPhone shows enough of a number to know it by.
func maskPhone(s string) string {
	if len(s) != 12 {
		return ""
	}
	return s[:4] + "••••" + s[8:]
}
