package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/eventstore"
)

// keptSecrets keeps the install's own keys, wrapped as they are in the key store, in the data folder too. They never change but
// for another wrapping, and a node that starts while the event store is away needs them to tell which notices are meant for it:
// without it nobody would take any until the event store is back, which is what the spool is for.
type keptSecrets struct {
	engine
	dir string
	log zerolog.Logger
}

// secretsFolder is where they are: one for each event store, by its hosts, so that no node takes another install's for its own.
func secretsFolder(cfg *config) string {
	_, hosts, _ := strings.Cut(cfg.EventStore, "://")
	if _, rest, found := strings.Cut(hosts, "@"); found {
		hosts = rest
	}
	hosts, _, _ = strings.Cut(hosts, "?")
	sum := sha256.Sum256([]byte(strings.TrimRight(hosts, "/")))
	return filepath.Join(cfg.DataDir, "secrets", hex.EncodeToString(sum[:8]))
}

// GetKey is the engine's, and for a key of the install what was kept while the engine is away.
func (k *keptSecrets) GetKey(ctx context.Context, name string) ([]byte, error) {
	wrapped, err := k.engine.GetKey(ctx, name)
	if !k.keeps(name) {
		return wrapped, err
	}
	path := filepath.Join(k.dir, name)
	switch {
	case err == nil:
		k.keep(path, wrapped)
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		kept, readErr := os.ReadFile(path)
		if readErr != nil {
			return nil, err
		}
		k.log.Warn().Err(err).Msg("the event store is away; starting with the install's keys as they were kept here")
		return kept, nil
	}
	return wrapped, err
}

// PutKeyIfAbsent is the engine's.
func (k *keptSecrets) PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	there, err := k.engine.PutKeyIfAbsent(ctx, name, wrapped)
	if err == nil && k.keeps(name) {
		k.keep(filepath.Join(k.dir, name), there)
	}
	return there, err
}

// keeps tells that a key is one of the install's, by a name that is no path.
func (k *keptSecrets) keeps(name string) bool {
	return strings.HasPrefix(name, eventstore.InstallKeys) && !strings.ContainsAny(name, `/\`)
}

// keep writes the key down. It is no matter if that fails.
func (k *keptSecrets) keep(path string, wrapped []byte) {
	if there, err := os.ReadFile(path); err == nil && string(there) == string(wrapped) {
		return
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		k.log.Warn().Err(err).Msg("the install's keys can't be kept for an outage")
		return
	}
	if err := writePrivate(path, string(wrapped)); err != nil {
		k.log.Warn().Err(err).Msg("the install's keys can't be kept for an outage")
	}
}
