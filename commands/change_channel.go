package commands

import (
	"context"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
)

// TurnChannel lets a payment channel take new payments, or no more, for the operator. On every node it counts within a second.
// Errors: NotFound.
func (w *WriteSide) TurnChannel(ctx context.Context, id channel.ID, active bool) (channel.State, error) {
	return w.changeChannel(ctx, id, channel.SetActive{Active: active, At: w.log.Now()})
}

// ChannelFees are the rules by which payments through the channel are charged now. Errors: NotFound.
func (w *WriteSide) ChannelFees(ctx context.Context, id channel.ID) (channel.State, error) {
	known, err := fold[channel.State](ctx, w.log, channel.Stream(id))
	if err == nil && !known.State.Exists() {
		err = domain.NotFoundf("payment channel not found")
	}
	return known.State, err
}

// SetChannelFees gives a channel the rules by which payments are charged from now on, for the operator. Errors: NotFound;
// Invalid, naming every field that is wrong.
func (w *WriteSide) SetChannelFees(ctx context.Context, id channel.ID, provider, own fee.Rule) (channel.State, error) {
	return w.changeChannel(ctx, id, channel.SetFees{Provider: provider, Own: own, At: w.log.Now()})
}

// SetInitiator gives an M-Pesa channel the initiator in whose name money goes back, for the operator. The password is encrypted
// with Safaricom's certificate, in PEM or DER, and kept nowhere else. Errors: NotFound, Conflict, Invalid.
func (w *WriteSide) SetInitiator(ctx context.Context, id channel.ID, name, password string, certificate []byte, passwordDays int) (channel.State, error) {
	cert, err := mpesa.ParseCertificate(certificate)
	if err != nil {
		return channel.State{}, domain.Invalid("certificate", err.Error())
	}
	credential, err := cert.SecurityCredential(w.Random, password)
	if err != nil {
		return channel.State{}, domain.Invalid("password", err.Error())
	}
	return w.changeChannel(ctx, id, channel.SetInitiator{Name: name, Credential: credential, CertificateEnds: cert.NotAfter, PasswordDays: passwordDays, At: w.log.Now()})
}

// changeChannel carries out an operator's command on a channel.
func (w *WriteSide) changeChannel(ctx context.Context, id channel.ID, cmd domain.Command[channel.State]) (channel.State, error) {
	stream := channel.Stream(id)
	known, err := fold[channel.State](ctx, w.log, stream)
	if err != nil {
		return channel.State{}, err
	}
	out, err := Handle(ctx, w, stream, cmd, By{Actor: byOperator, Merchant: known.State.Merchant})
	w.channels.drop(stream, out.Revision)
	return out.State, err
}
