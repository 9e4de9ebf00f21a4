package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/spool"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/esdb"
)

// engine is an event store with its keys.
type engine interface {
	eventstore.Store
	eventstore.KeyStore
	eventstore.OrderedAppender
}

// node is what every verb stands on: the log with its keys, and the write side.
type node struct {
	cfg    *config
	log    zerolog.Logger
	store  engine
	local  *embedded.Store // the same store when it is embedded, else nil
	ring   *eventstore.Keyring
	codec  *eventstore.Codec
	events *eventstore.Log
	seen   *eventstore.Seen
	write  *commands.WriteSide
	reads  *readSide // nil until openReadSide
	single bool      // it carries out one operation and ends: nothing runs beside it
	proofs *proofs   // nil until openProofs
	meter  *meter
	duties *duties
}

// openNode opens the event store: the one in the data folder, whose owner is this process until close, or connects to a
// server.
func openNode(ctx context.Context, cfg *config, log zerolog.Logger) (*node, error) {
	return openNodeWith(ctx, cfg, log, nil)
}

// openNodeWith is openNode with a spool for notices that come while the event store is away.
func openNodeWith(ctx context.Context, cfg *config, log zerolog.Logger, kept *spool.Spool) (_ *node, err error) {
	if err := checkShared(cfg); err != nil {
		return nil, err
	}
	if err := refuseHalfRestored(cfg); err != nil { // before a master key is made there
		return nil, err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	masters, err := loadMasterKeys(ctx, cfg)
	if err != nil {
		return nil, err
	}
	n := &node{cfg: cfg, log: log, seen: eventstore.NewSeen(), meter: newMeter(), duties: newDuties(cfg)}
	if err := n.openStore(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = n.store.Close()
		}
	}()
	random := rand.Reader
	n.ring = eventstore.NewKeyring(n.store, masters, random)
	n.codec = eventstore.NewCodec(n.ring, eventstore.Catalogue())
	n.events = eventstore.NewLog(n.store, n.codec, cfg.now, newEventID)
	n.write, err = commands.New(ctx, commands.Options{
		Log: n.events, Ring: n.ring, Seen: n.seen, Random: random, Logger: log, PublicURL: n.publicURL(),
		Mpesa: mpesa.New(mpesa.Options{
			SandboxURL: n.sandboxURL(cfg.MpesaSandbox, darajaPath), ProductionURL: cfg.MpesaLive, Observe: n.meter.providerCall("mpesa"),
		}),
		Paystack: paystack.New(paystack.Options{
			BaseURL: n.sandboxURL(cfg.PaystackURL, paystackPath), Observe: n.meter.providerCall("paystack"),
		}),
		CheckoutWindow: cfg.CheckoutWindow, PushWindow: cfg.PushWindow, C2BWait: cfg.C2BWait, SimulateWait: 5 * time.Second,
		Observe: n.meter.callback, Spool: kept, Probe: probeEvery(cfg),
		Books: &bookkeeper{n}, StagingDir: stagingFolder(cfg),
	})
	return n, err
}

// complaints logs an error of something that is tried again, now and then while it lasts.
func complaints(log zerolog.Logger, level zerolog.Level, msg string) func(error) {
	var last atomic.Int64
	return func(err error) {
		now, before := time.Now().UnixNano(), last.Load()
		if now-before > int64(10*time.Second) && last.CompareAndSwap(before, now) {
			log.WithLevel(level).Err(err).Msg(msg)
		}
	}
}

// probeEvery is how often the caches are compared with the log, where it is a server's.
func probeEvery(cfg *config) time.Duration {
	if !cfg.remote() {
		return 0
	}
	return 400 * time.Millisecond
}

// How long a call to an event store server may take, all attempts together, and one attempt.
const (
	storeDeadline = 5 * time.Second
	storeAttempt  = 2 * time.Second
)

// openStore opens the node's event store.
func (n *node) openStore() error {
	store, local, err := openEngine(n.cfg, n.log, storeDeadline, storeAttempt)
	if err != nil {
		return err
	}
	n.store, n.local = observe(store, n.meter), local
	if local == nil {
		n.store = &keptSecrets{n.store, secretsFolder(n.cfg), n.log}
	}
	return nil
}

// openEngine opens the event store that the configuration names: a server, or the one in the data folder, which is answered
// as local too. A call to a server takes deadline at most, and one attempt of it attempt.
func openEngine(cfg *config, log zerolog.Logger, deadline, attempt time.Duration) (_ engine, local *embedded.Store, err error) {
	logf := func(format string, args ...any) { log.Error().Msgf(format, args...) }
	if cfg.remote() {
		store, err := esdb.Open(cfg.EventStore, esdb.Options{Deadline: deadline, Attempt: attempt, Logf: logf})
		if err != nil {
			return nil, nil, fmt.Errorf("KIPAY_EVENTSTORE: %w", err)
		}
		return store, nil, nil
	}
	dir := eventsFolder(cfg)
	if err := embedded.RefuseServed(dir); err != nil {
		return nil, nil, err
	}
	if local, err = embedded.Open(dir, embedded.Options{Logf: logf, Now: cfg.clock, FS: cfg.disk}); err != nil {
		return nil, nil, err
	}
	return local, local, nil
}

// openSpool opens the spool of a node whose event store is a server; nil where the event store is here: a disk that takes
// no events takes no notices either.
func openSpool(ctx context.Context, cfg *config, log zerolog.Logger) (*spool.Spool, error) {
	if !cfg.remote() {
		return nil, nil //nolint:nilnil // none is needed
	}
	masters, err := loadMasterKeys(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return spool.Open(spool.Options{
		Dir: filepath.Join(cfg.DataDir, "spool"), Seal: masters, Random: rand.Reader,
		Complain: complaints(log, zerolog.ErrorLevel, "kept notices of providers can't be delivered"),
	})
}

// eventsFolder is where the embedded event store keeps the log.
func eventsFolder(cfg *config) string { return filepath.Join(cfg.DataDir, "events") }

func (n *node) close() error { return n.store.Close() }

func (n *node) publicURL() string {
	if n.cfg.PublicURL != "" {
		return n.cfg.PublicURL
	}
	return "http://" + strings.Replace(n.cfg.HTTPAddr, "0.0.0.0", "127.0.0.1", 1)
}

// sandboxURL is where a provider is: where it is set to be, else at the simulator if that runs, else its own address.
func (n *node) sandboxURL(set, path string) string {
	if set == "" && n.cfg.Sandbox {
		return "http://" + n.cfg.SandboxAddr + path
	}
	return set
}

// newEventID is a version 7 UUID: ordered by time, so that ids made together lie together.
func newEventID() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		panic(fmt.Sprintf("no randomness: %v", err))
	}
	return id
}

const masterKeyFile = "master.key"

// keyFromFile tells whether the master key is the data folder's: no setting gives another one.
func (c *config) keyFromFile() bool { return c.MasterKey == "" && len(c.MasterKeyCommand) == 0 }

// checkShared refuses a node of several without the master key that they share: one made here would open nothing.
func checkShared(cfg *config) error {
	if !cfg.remote() || !cfg.keyFromFile() {
		return nil
	}
	path := filepath.Join(cfg.DataDir, masterKeyFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("KIPAY_MASTER_KEY: must be set when the event store is a server: all nodes share it "+
		"(or put the file %s there, from the node that has it; make a first one with: openssl rand -base64 32)", path)}
}

// loadMasterKeys reads the master keys: from the setting, from the command that gives them, which is asked once, or from the
// data folder, where the first is made.
func loadMasterKeys(ctx context.Context, cfg *config) (eventstore.MasterKeys, error) {
	if err := checkShared(cfg); err != nil {
		return eventstore.MasterKeys{}, err
	}
	if cfg.MasterKey == "" && len(cfg.MasterKeyCommand) > 0 {
		key, err := askMasterKey(ctx, cfg.MasterKeyCommand)
		if err != nil {
			return eventstore.MasterKeys{}, err
		}
		keys, err := eventstore.ParseMasterKeys(key)
		if err != nil {
			return keys, fmt.Errorf("KIPAY_MASTER_KEY_COMMAND: %w", err)
		}
		cfg.MasterKey = key
		return keys, nil
	}
	if cfg.MasterKey != "" {
		return eventstore.ParseMasterKeys(cfg.MasterKey)
	}
	path := filepath.Join(cfg.DataDir, masterKeyFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(eventsFolder(cfg)); err == nil {
			return eventstore.MasterKeys{}, fmt.Errorf("%s is missing: the data folder has events, which nothing else can open; put the file back, or set KIPAY_MASTER_KEY", path)
		}
		key, err := newMasterKeyText()
		if err != nil {
			return eventstore.MasterKeys{}, err
		}
		if err := writePrivate(path, key+"\n"); err != nil {
			return eventstore.MasterKeys{}, err
		}
		return eventstore.ParseMasterKeys(key)
	}
	if err != nil {
		return eventstore.MasterKeys{}, fmt.Errorf("master key: %w", err)
	}
	keys, err := eventstore.ParseMasterKeys(string(raw))
	if err != nil {
		return keys, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

func newMasterKeyText() (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("no randomness: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// writePrivate writes a file that only its owner may read, whole or not at all, and durable when it returns.
func writePrivate(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	w := bufio.NewWriter(tmp)
	_, err = w.WriteString(text)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := syncEntries(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// syncEntries makes durable what is in the folder by which name.
func syncEntries(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
