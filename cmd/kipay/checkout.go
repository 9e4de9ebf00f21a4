package main

import (
	"context"
	"errors"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
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
		v.Phase, v.FailureCode, v.FailureReason, v.CanRetry = pages.Failed, forPayer(code), reason, v.CanMpesa || v.CanCard
		if v.FailureCode == mpesa.FailureExpired && v.Method == string(transaction.MethodCard) {
			v.FailureCode = "timeout" // the other text speaks of a PIN on a phone
		}
	}
	return v, nil
}

// PayByMpesa asks for the payment on a phone; its failures are told in the payer's words.
func (c checkout) PayByMpesa(ctx context.Context, reference, phone string) error {
	return toPayer(c.WriteSide.PayByMpesa(ctx, reference, phone))
}

// PayByCard opens the card provider's page; its failures are told in the payer's words.
func (c checkout) PayByCard(ctx context.Context, reference string) (string, error) {
	url, err := c.WriteSide.PayByCard(ctx, reference)
	return url, toPayer(err)
}

func toPayer(err error) error {
	var known *domain.Error
	if !errors.As(err, &known) || known.Code != domain.CodeProviderRefused {
		return err
	}
	told := *known
	told.Reason = forPayer(known.Reason)
	return &told
}

// forPayer is a failure code as the pages' catalogue has it: a payer can do something about some failures, and about the
// rest of them only try again later.
func forPayer(code string) string {
	switch code {
	case mpesa.FailureAmountTooLow:
		return "below_minimum"
	case mpesa.FailureAmountTooHigh, mpesa.FailureInvalidAmount:
		return "above_maximum"
	case mpesa.FailureDailyLimit, mpesa.FailureBalanceLimit:
		return "limit_exceeded"
	case mpesa.FailurePayerInactive:
		return "account_inactive"
	case mpesa.FailurePayerLocked:
		return "pin_locked"
	case mpesa.FailurePayerBusy:
		return "subscriber_busy"
	case mpesa.FailureRuleLimited:
		return "duplicate_request"
	case mpesa.FailureProviderBusy, mpesa.FailureQuotaExceeded, mpesa.FailureProviderMaintenance:
		return "system_busy"
	case mpesa.FailureInsufficientFunds, mpesa.FailureCancelled, mpesa.FailureWrongPIN, mpesa.FailureUnreachable, mpesa.FailureExpired:
		return code
	case paystack.FailureDeclined, paystack.FailureFraud, paystack.FailurePaymentFailed:
		return "declined"
	}
	return "provider_error"
}

// maskPhone shows enough of a number to know it by.
func maskPhone(s string) string {
	if len(s) != 12 {
		return ""
	}
	return s[:4] + "••••" + s[8:]
}
