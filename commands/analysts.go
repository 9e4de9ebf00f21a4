package commands

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/analyst"
	"github.com/benfex/kipay/domain/audit"
)

// IssueAnalystToken makes a token for the analysts' port. It is shown once and stored nowhere. Errors: Invalid; NotFound when
// there is no such merchant.
func (w *WriteSide) IssueAnalystToken(ctx context.Context, name string, merchantID int64, personal bool) (id, token string, err error) {
	if merchantID != 0 {
		if _, err := w.Merchant(ctx, merchantID); err != nil {
			return "", "", err
		}
	}
	var random [32]byte
	if _, err := io.ReadFull(w.Random, random[:]); err != nil {
		return "", "", fmt.Errorf("read randomness: %w", err)
	}
	token = analyst.NewToken(random)
	id, _ = analyst.IDOf(token)
	_, err = HandleNew[analyst.State](ctx, w, analyst.Stream(id), analyst.Issue{Issued: analyst.Issued{
		ID: id, Name: name, Merchant: merchantID, Personal: personal, At: w.log.Now(),
	}}, By{Actor: byOperator, Merchant: merchantID})
	return id, token, err
}

// RevokeAnalystToken ends a token, named by its id or by itself. Errors: NotFound.
func (w *WriteSide) RevokeAnalystToken(ctx context.Context, idOrToken string) (analyst.State, error) {
	id := strings.ToLower(idOrToken)
	if named, ok := analyst.IDOf(idOrToken); ok {
		id = named
	}
	known, err := fold[analyst.State](ctx, w.log, analyst.Stream(id))
	if err != nil {
		return analyst.State{}, err
	}
	out, err := Handle[analyst.State](ctx, w, analyst.Stream(id), analyst.Revoke{ID: id, At: w.log.Now()}, By{Actor: byOperator, Merchant: known.State.Merchant})
	return out.State, err
}

// Analyst is who a token stands for, as of now; false for one that opens nothing. Errors: Unavailable.
func (w *WriteSide) Analyst(ctx context.Context, token string) (analyst.State, bool, error) {
	id, ok := analyst.IDOf(token)
	if !ok {
		return analyst.State{}, false, nil
	}
	out, err := fold[analyst.State](ctx, w.log, analyst.Stream(id))
	return out.State, err == nil && out.State.Valid(), err
}

// AnalystRead is what an analyst has read.
type AnalystRead struct {
	// Token is the token's id: several may have one name.
	Token, Name string
	MerchantID  int64 // the only one whose rows are shown, 0 for all
	From        string
	Views       []string
}

// NoteAnalystRead records which views an analyst has read, with which token and from where. Errors: Unavailable.
func (w *WriteSide) NoteAnalystRead(ctx context.Context, r AnalystRead) error {
	now := w.log.Now()
	by := By{Actor: "analyst:" + r.Name + ":" + r.Token, Merchant: r.MerchantID, From: r.From}
	_, err := Handle[audit.State](ctx, w, audit.Stream(r.MerchantID, now), audit.NoteRead{DataRead: audit.DataRead{
		Merchant: r.MerchantID, Reader: by.Actor, What: "analytics " + strings.Join(r.Views, " "), At: now,
	}}, by)
	if domain.CodeOf(err) == domain.CodeUnavailable {
		w.Logger.Warn().Err(err).Str("analyst", r.Name).Str("token", r.Token).Msg("a reading of analytics was not recorded")
	}
	return err
}
