package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
)

// byOperator is the actor of the operator's commands.
const byOperator = "operator"

// ByOperator is the operator as the one who does something.
func ByOperator() By { return By{Actor: byOperator} }

// NewMerchant is what a merchant is opened with.
type NewMerchant struct {
	Name, Email, TimeZone string
	PasswordHash          string // one way, for the dashboard
	Live                  bool   // also issue a live key
}

// IssuedKey is a key that was just made. It is shown once and stored nowhere.
type IssuedKey struct {
	ID   merchant.KeyID
	Key  string
	Mode domain.Mode
}

// CreateMerchant opens a merchant with a test key, and a live one if asked. Errors: Invalid.
func (w *WriteSide) CreateMerchant(ctx context.Context, n NewMerchant) (merchant.ID, []IssuedKey, error) {
	id, err := w.draw(ctx, ids.Merchant)
	if err != nil {
		return 0, nil, err
	}
	by := By{Actor: byOperator, Merchant: id}
	if _, err = HandleNew[merchant.State](ctx, w, merchant.Stream(id), merchant.Create{
		ID: id, Name: n.Name, Email: n.Email, TimeZone: n.TimeZone, PasswordHash: n.PasswordHash, At: w.log.Now(),
	}, by); err != nil {
		return 0, nil, err
	}
	modes := []domain.Mode{domain.ModeTest}
	if n.Live {
		modes = append(modes, domain.ModeLive)
	}
	var keys []IssuedKey
	for _, mode := range modes {
		key, err := w.IssueKey(ctx, id, mode, "", nil)
		if err != nil {
			return id, keys, err
		}
		keys = append(keys, key)
	}
	return id, keys, nil
}

// IssueKey makes another API key of a merchant. Errors: NotFound, Invalid.
func (w *WriteSide) IssueKey(ctx context.Context, id merchant.ID, mode domain.Mode, label string, scopes []string) (IssuedKey, error) {
	m, err := fold[merchant.State](ctx, w.log, merchant.Stream(id))
	if err != nil {
		return IssuedKey{}, err
	}
	if !m.State.Exists() {
		return IssuedKey{}, domain.NotFoundf("merchant %d not found", id)
	}
	var random [32]byte
	if _, err := io.ReadFull(w.Random, random[:]); err != nil {
		return IssuedKey{}, fmt.Errorf("read randomness: %w", err)
	}
	key := merchant.NewKey(mode, random)
	keyID, ok := merchant.KeyIDOf(key)
	if !ok {
		return IssuedKey{}, errors.New("a key that was just made is not a key")
	}
	_, err = HandleNew[merchant.KeyState](ctx, w, merchant.KeyStream(keyID), merchant.IssueKey{
		ID: keyID, Merchant: id, Mode: mode, Label: label, Scopes: scopes, At: w.log.Now(),
	}, By{Actor: byOperator, Merchant: id})
	return IssuedKey{ID: keyID, Key: key, Mode: mode}, err
}

// RevokeKey ends an API key, named by its id or by the key itself. Errors: NotFound.
func (w *WriteSide) RevokeKey(ctx context.Context, idOrKey string) (merchant.KeyState, error) {
	id := strings.ToLower(idOrKey)
	if named, ok := merchant.KeyIDOf(idOrKey); ok {
		id = named
	}
	stream := merchant.KeyStream(id)
	known, err := fold[merchant.KeyState](ctx, w.log, stream)
	if err != nil {
		return merchant.KeyState{}, err
	}
	out, err := Handle[merchant.KeyState](ctx, w, stream, merchant.RevokeKey{ID: id, At: w.log.Now()}, By{Actor: byOperator, Merchant: known.State.Merchant})
	w.keys.drop(stream, out.Revision)
	return out.State, err
}

// Merchant answers one merchant. Errors: NotFound.
func (w *WriteSide) Merchant(ctx context.Context, id merchant.ID) (merchant.State, error) {
	out, err := w.merchants.get(ctx, w.log, merchant.Stream(id))
	if err == nil && !out.State.Exists() {
		err = domain.NotFoundf("merchant %d not found", id)
	}
	return out.State, err
}

// EachMerchant calls fn with every merchant, by number. It reads the blocks of ids, so it needs no read model.
func (w *WriteSide) EachMerchant(ctx context.Context, fn func(merchant.State) error) error {
	last, err := fold[ids.State](ctx, w.log, ids.Stream(ids.Merchant))
	if err != nil {
		return err
	}
	for id := merchant.ID(1); id <= last.State.Last; id++ {
		m, err := fold[merchant.State](ctx, w.log, merchant.Stream(id))
		if err != nil {
			return err
		}
		if !m.State.Exists() {
			continue
		}
		if err := fn(m.State); err != nil {
			return err
		}
	}
	return nil
}

// Authenticate answers who a key belongs to. Errors: Unauthorized, the same for a key that is malformed, unknown or
// revoked; Unavailable.
func (w *WriteSide) Authenticate(ctx context.Context, key string) (domain.Caller, error) {
	refused := &domain.Error{Code: domain.CodeUnauthorized, Message: "Invalid API key"}
	id, ok := merchant.KeyIDOf(key)
	if !ok {
		return domain.Caller{}, refused
	}
	k, err := w.keys.get(ctx, w.log, merchant.KeyStream(id))
	if err != nil {
		return domain.Caller{}, err
	}
	if k.State.ID != id || k.State.Revoked {
		return domain.Caller{}, refused
	}
	m, err := w.merchants.get(ctx, w.log, merchant.Stream(k.State.Merchant))
	if err != nil {
		return domain.Caller{}, err
	}
	if !m.State.Exists() {
		return domain.Caller{}, refused
	}
	return domain.Caller{
		MerchantID: m.State.ID, KeyID: id, Mode: k.State.Mode, TimeZone: m.State.TimeZone, Scopes: k.State.Scopes,
	}, nil
}
