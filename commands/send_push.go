package commands

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
)

// Bounds of a push: the call itself, so that the API answers within 30 s whatever Daraja does, and the writing down of
// what came of it, which must not be cut off by a client that went away.
const (
	pushTimeout   = 24 * time.Second
	recordTimeout = 10 * time.Second
)

// sendPush sends the push of the state's last attempt and records what came of it. Only the caller whose append of
// StkPushRequested won may call it, once. The error is only ever that it could not be recorded.
func (w *WriteSide) sendPush(ctx context.Context, s transaction.State, ch channel.State, by By) (Outcome[transaction.State], error) {
	ctx = context.WithoutCancel(ctx) // the prompt must be accounted for also when the client hangs up
	a := s.Attempts[len(s.Attempts)-1]
	account := accountReference(s, a)
	by.Causation = string(s.Reference) + "/" + strconv.Itoa(a.N)
	if err := w.expectPush(ctx, s, a, account, by); err != nil {
		return Outcome[transaction.State]{}, err
	}

	callCtx, cancel := context.WithTimeout(ctx, pushTimeout)
	accepted, err := w.Mpesa.Push(callCtx, channelKey(ch), mpesaCredentials(ch), mpesa.PushRequest{
		Amount: s.Amount, Phone: a.Phone, CallbackURL: w.pushURL(s.Reference, a.N), AccountReference: account,
		Description: string(s.Description),
	})
	cancel()

	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	var cmd domain.Command[transaction.State]
	var failed *mpesa.Error
	switch {
	case err == nil:
		cmd = transaction.AcceptPush{
			Attempt: a.N, MerchantRequestID: accepted.MerchantRequestID, CheckoutRequestID: accepted.CheckoutRequestID,
			Raw: string(accepted.Raw), At: w.log.Now(),
		}
	case errors.As(err, &failed) && failed.Kind != mpesa.Unknown:
		code, sentence := failed.Reason()
		cmd = transaction.RejectPush{
			Attempt: a.N, Code: failed.Code, FailureCode: code, Reason: sentence, Raw: string(failed.Raw), At: w.log.Now(),
		}
		w.Logger.Warn().Str("reference", string(s.Reference)).Int64("channel", ch.ID).Err(failed).Msg("push refused")
	default:
		cmd = transaction.LosePush{Attempt: a.N, Detail: "no clear answer from M-Pesa", At: w.log.Now()}
		w.Logger.Warn().Str("reference", string(s.Reference)).Int64("channel", ch.ID).Err(err).Msg("push outcome unknown")
	}
	return Handle(ctx, w, s.Reference.Stream(), cmd, by)
}

// expectPush notes the push under its account reference, so that a C2B confirmation finds it.
func (w *WriteSide) expectPush(ctx context.Context, s transaction.State, a transaction.Attempt, account string, by By) error {
	_, err := Handle[receipt.AccountState](ctx, w, w.accountStream(a.Channel, account), receipt.ExpectPush{PushExpected: receipt.PushExpected{
		Channel: a.Channel, Merchant: s.Merchant, Transaction: string(s.Reference), Attempt: a.N, Amount: s.Amount, At: w.log.Now(),
	}}, by)
	return err
}

func (w *WriteSide) accountStream(ch channel.ID, account string) string {
	return receipt.AccountStream(ch, w.derive.hash("account", itoa(ch), receipt.NormaliseAccount(account)))
}

// accountReference is what the payer reads as account: the merchant's own reference, or the end of ours.
func accountReference(s transaction.State, a transaction.Attempt) string {
	account := a.AccountReference
	if strings.IndexFunc(account, func(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }) < 0 {
		account = string(s.Reference[len(s.Reference)-10:]) // nothing of it would be left
	}
	return mpesa.SanitiseAccountReference(account)
}

// pushURL is where Daraja reports the push's result: reference and token in lowercase hex, so that the URL holds none of
// the words that Daraja refuses, and finds the payment also when the answer to the push was lost.
func (w *WriteSide) pushURL(ref transaction.Reference, attempt int) string {
	n := strconv.Itoa(attempt)
	return w.PublicURL + "/hooks/push/" + hex.EncodeToString([]byte(ref)) + "/" + n + "/" + w.derive.token("push", string(ref), n)
}

func channelKey(ch channel.State) mpesa.ChannelKey { return mpesa.ChannelKey(channel.Stream(ch.ID)) }

func mpesaCredentials(ch channel.State) mpesa.Credentials {
	return mpesa.Credentials{
		Environment: string(ch.Environment), ConsumerKey: string(ch.Secrets.ConsumerKey), ConsumerSecret: string(ch.Secrets.ConsumerSecret),
		ShortCode: ch.ShortCode, Passkey: string(ch.Secrets.Passkey), TillNumber: ch.TillNumber,
		InitiatorName: string(ch.Secrets.InitiatorName), SecurityCredential: string(ch.Secrets.SecurityCredential),
	}
}
