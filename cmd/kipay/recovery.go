package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transfer"
	"github.com/benfex/kipay/eventstore/transparency"
)

// recoveryFormat is the version of the bundle.
const recoveryFormat = 1

// recoveryBundle is what opens everything again. It exists only in memory and, encrypted, in the bundle's file.
type recoveryBundle struct {
	Format     int       `json:"kipay_recovery"`
	Made       time.Time `json:"made"`
	MasterKeys string    `json:"master_keys"` // as KIPAY_MASTER_KEY takes them
	// DerivationKeys are the install's own secrets by name: those that keyed hashes are made with, and those that sign heads of
	// the log. They are in the key store too, which a backup has; an install without them could not recognise a request or a
	// customer that it knows, nor sign as the log that others know.
	DerivationKeys map[string][]byte `json:"derivation_keys"`
}

type recoveryArgs struct {
	Recipients []string `json:"recipients"`
}

type recoveryMade struct {
	MasterKeys     []string `json:"master_keys"` // their ids
	DerivationKeys int      `json:"derivation_keys"`
	SigningKeys    int      `json:"signing_keys"`
	// LostSigningKeys are the numbers of keys of the transparency log that the key store lacks, and so the bundle.
	LostSigningKeys []int  `json:"lost_signing_keys,omitempty"`
	Bundle          string `json:"bundle"`
}

// opKeysRecovery encrypts the keys where they are, so that they leave the process only encrypted.
func opKeysRecovery(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args recoveryArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	recipients, err := transfer.ParseRecipients(args.Recipients)
	if err != nil {
		return nil, err
	}
	signing, err := transparency.NewHeads(n.events).Keys(ctx)
	if err != nil {
		return nil, err
	}
	lost, err := transparency.EnsureSecrets(ctx, n.ring, signing)
	if err != nil {
		return nil, err
	}
	secrets, err := n.ring.Secrets(ctx)
	if err != nil {
		return nil, err
	}
	signs := signingSecrets(secrets)
	if len(secrets) == signs {
		return nil, errors.New("the key store holds no derivation key: is this the right install?")
	}
	master := n.ring.Master()
	plain, err := json.Marshal(recoveryBundle{recoveryFormat, time.Now().UTC().Truncate(time.Second), master.Text(), secrets})
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	var sealed bytes.Buffer
	armored := armor.NewWriter(&sealed)
	w, err := age.Encrypt(armored, recipients...)
	if err != nil {
		return nil, fmt.Errorf("encrypt the recovery bundle: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("encrypt the recovery bundle: %w", err)
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return nil, fmt.Errorf("encrypt the recovery bundle: %w", err)
	}
	return recoveryMade{master.IDs(), len(secrets) - signs, signs, lost, sealed.String()}, nil
}

// signingSecrets counts the secrets that heads of the log are signed with.
func signingSecrets(secrets map[string][]byte) int {
	n := 0
	for name := range secrets {
		if transparency.IsSigningSecret(name) {
			n++
		}
	}
	return n
}

// maxBundleBytes is more than any bundle.
const maxBundleBytes = 1 << 20

// openBundle decrypts a bundle with the identities in a file.
func openBundle(bundlePath, identityPath string) (*recoveryBundle, error) {
	identityFile, err := os.Open(identityPath)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	defer func() { _ = identityFile.Close() }()
	identities, err := age.ParseIdentities(identityFile)
	if err != nil {
		return nil, fmt.Errorf("identity: %s holds no age identity (AGE-SECRET-KEY-…) that can be read", identityPath) // the error may quote it
	}
	file, err := os.Open(bundlePath)
	if err != nil {
		return nil, fmt.Errorf("recovery bundle: %w", err)
	}
	defer func() { _ = file.Close() }()
	sealed, err := io.ReadAll(io.LimitReader(file, maxBundleBytes))
	if err != nil {
		return nil, fmt.Errorf("recovery bundle: %w", err)
	}
	var from io.Reader = bytes.NewReader(sealed)
	if strings.HasPrefix(strings.TrimSpace(string(sealed)), armor.Header) {
		from = armor.NewReader(strings.NewReader(strings.TrimSpace(string(sealed)) + "\n"))
	}
	r, err := age.Decrypt(from, identities...)
	if err != nil {
		return nil, fmt.Errorf("recovery bundle: %w", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("recovery bundle: %w", err)
	}
	defer clear(plain)
	out := &recoveryBundle{}
	if json.Unmarshal(plain, out) != nil || out.Format == 0 || out.MasterKeys == "" {
		return nil, errors.New("recovery bundle: what is in it is not what kipay keys recovery writes")
	}
	if out.Format > recoveryFormat {
		return nil, fmt.Errorf("recovery bundle: it has format %d, this Kipay knows up to %d", out.Format, recoveryFormat)
	}
	return out, nil
}

// install writes the master keys into the folder, unless they are there.
func (b *recoveryBundle) install(dir string) error {
	path := filepath.Join(dir, masterKeyFile)
	there, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writePrivate(path, b.MasterKeys)
	}
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	if strings.TrimSpace(string(there)) != strings.TrimSpace(b.MasterKeys) {
		return fmt.Errorf("%s holds another master key than the bundle: move it away if the bundle's is the right one", path)
	}
	return nil
}

// putBack gives the key store the derivation and signing keys that it lacks, and answers how many those were.
func (b *recoveryBundle) putBack(ctx context.Context, store eventstore.KeyStore) (int, error) {
	masters, err := eventstore.ParseMasterKeys(b.MasterKeys)
	if err != nil {
		return 0, fmt.Errorf("recovery bundle: %w", err)
	}
	ring := eventstore.NewKeyring(store, masters, rand.Reader)
	missing := 0
	for name, key := range b.DerivationKeys {
		put, err := ring.PutSecretBack(ctx, name, key)
		if err != nil {
			return missing, err
		}
		if put {
			missing++
		}
	}
	return missing, nil
}

func keysRecoveryCommand() *cobra.Command {
	var args recoveryArgs
	var out string
	cmd := &cobra.Command{
		Use:   "recovery",
		Short: "Write the master, derivation and signing keys, encrypted, for the safe",
		Long: `Write a recovery bundle: the master keys, the derivation keys, and the keys that sign heads of the log, encrypted to the recipients
given, with age (https://age-encryption.org). Whoever has one of their identities and the bundle can open every backup, and sign as
this install, so keep them apart from the backups, and from each other if you can. Make a new one after each rotation of the master
key (kipay keys rotate) and of a signing key (kipay proofs rotate).

Make an identity with age-keygen, on a machine that is not this one.`,
		Example: `  kipay keys recovery --recipient age1… --out kipay-recovery.age
  kipay keys recovery --recipient age1… --recipient age1… > kipay-recovery.age`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			if len(args.Recipients) == 0 {
				return &exitError{exitUsage, errors.New("--recipient is missing: the public key of whoever may open the bundle, age1…")}
			}
			if _, err := transfer.ParseRecipients(args.Recipients); err != nil {
				return &exitError{exitUsage, errors.New("--recipient must be the public key of an age identity, age1…")} // it may be the secret one, by mistake
			}
			if out != "" {
				if err := existing(out); err != nil {
					return err
				}
			}
			var made recoveryMade
			if err := call(cmd, "keys recovery", args, nil, &made); err != nil {
				return err
			}
			for _, number := range made.LostSigningKeys {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "kipay: the key store has lost key %d of the transparency log; the bundle lacks it\n", number)
			}
			if out == "" {
				_, err := io.WriteString(cmd.OutOrStdout(), made.Bundle)
				return err
			}
			if err := writePrivate(out, made.Bundle); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s holds the master key %s, %d derivation keys and %d signing keys. Put it in a safe, and try it: kipay restore\n",
				out, strings.Join(made.MasterKeys, ", "), made.DerivationKeys, made.SigningKeys)
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringArrayVar(&args.Recipients, "recipient", nil, "age public key (age1…) that may open it; may be given several times")
	cmd.Flags().StringVar(&out, "out", "", "file to write, which must not exist; standard output when empty")
	return cmd
}

func keysRecoverCommand() *cobra.Command {
	var in, identity string
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Put the master key back from a recovery bundle",
		Long: `Put the master key back into the data folder (master.key) from a recovery bundle, and the derivation and signing keys into the
key store if it has lost them. Nothing that is there is overwritten. kipay restore does it by itself with --recovery.

Stop the server first. With KIPAY_MASTER_KEY set the server uses that; set it to what master.key holds, or leave it empty.`,
		Example: "  kipay keys recover --in kipay-recovery.age --identity key.txt",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			if in == "" || identity == "" {
				return &exitError{exitUsage, errors.New("--in and --identity are both needed")}
			}
			cfg, err := readConfig(cmd, environ(), func(string) {})
			if err != nil {
				return err
			}
			bundle, err := openBundle(in, identity)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
				return fmt.Errorf("data folder: %w", err)
			}
			if err := bundle.install(cfg.DataDir); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(w, "%s holds the master key that the bundle of %s holds\n", filepath.Join(cfg.DataDir, masterKeyFile), bundle.Made.Format(time.RFC3339))
			if _, err := os.Stat(eventsFolder(cfg)); !cfg.remote() && errors.Is(err, fs.ErrNotExist) {
				_, _ = fmt.Fprintln(w, "There is no event log yet; a restore brings the other keys with it.")
				return nil
			}
			n := &node{cfg: cfg, log: newLogger(zerolog.WarnLevel, cmd.ErrOrStderr()), meter: newMeter()}
			if err := n.openStore(); err != nil {
				return err
			}
			missing, err := bundle.putBack(cmd.Context(), n.store)
			if err = errors.Join(err, n.close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w, "%d of %d derivation and signing keys were missing and are back\n", missing, len(bundle.DerivationKeys))
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&in, "in", "", "the recovery bundle")
	cmd.Flags().StringVar(&identity, "identity", "", "file with the age identity (AGE-SECRET-KEY-…)")
	return cmd
}
