package transfer

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/benfex/kipay/eventstore"
)

// keyLine is a key in the file, wrapped as the key store has it.
type keyLine struct {
	Name    string `json:"name"`
	Wrapped []byte `json:"wrapped"`
}

// ParseRecipients reads age recipients (age1…), as `age-keygen` prints them.
func ParseRecipients(recipients []string) ([]age.Recipient, error) {
	parsed, err := age.ParseRecipients(strings.NewReader(strings.Join(recipients, "\n")))
	if err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	return parsed, nil
}

// ParseIdentities reads a file of age identities (AGE-SECRET-KEY-1…), as `age-keygen` writes it. Errors never quote it.
func ParseIdentities(file io.Reader) ([]age.Identity, error) {
	parsed, err := age.ParseIdentities(file)
	if err != nil {
		return nil, errors.New("not a file of age identities as age-keygen writes them")
	}
	return parsed, nil
}

// KeysOptions are what a file of keys is made with.
type KeysOptions struct {
	// Of is the export that the keys belong to. The keys are read after its end.
	Of         Exported
	Created    time.Time
	Recipients []age.Recipient
	Master     eventstore.MasterKeys
	Random     io.Reader
	Progress   Progress
}

// WriteKeys writes all keys of the store, encrypted to the recipients, and answers how many there are. Every key has to be
// opened by the master key: one that is not would be of no use to anybody. Errors: ErrMasterKey, the store's, the writer's.
func WriteKeys(ctx context.Context, from eventstore.KeyStore, to io.Writer, o KeysOptions) (keys uint64, err error) {
	if o.Progress == nil {
		o.Progress = func(string, uint64, uint64, uint64) {}
	}
	sealed, err := age.Encrypt(to, o.Recipients...)
	if err != nil {
		return 0, fmt.Errorf("encrypt the keys: %w", err)
	}
	lines := newLineWriter(sealed)
	if err := lines.put(header{Format: keysFormat, Version: formatVersion, Export: o.Of.Export, Created: o.Created.UTC(), Events: o.Of.SHA256}); err != nil {
		return 0, err
	}
	err = from.EachKey(ctx, "", func(name string, wrapped []byte) error {
		if _, err := openKey(o.Master, name, wrapped); err != nil {
			return err
		}
		if keys++; keys%exportPage == 0 {
			o.Progress("exporting keys", keys, keys, keys)
		}
		return lines.put(keyLine{name, wrapped})
	})
	if err != nil {
		return keys, fmt.Errorf("export the keys: %w", err)
	}
	o.Progress("exporting keys", keys, keys, keys)
	sum := lines.sum.Sum(nil)
	seal, err := o.Master.Seal(o.Random, keysSeal, sum)
	if err != nil {
		return keys, err
	}
	if err := lines.put(trailerLine{trailer{Keys: keys, SHA256: hex.EncodeToString(sum), Seal: seal}}); err != nil {
		return keys, err
	}
	if err := errors.Join(lines.flush(), sealed.Close()); err != nil {
		return keys, fmt.Errorf("write the keys: %w", err)
	}
	return keys, nil
}

// openKey is the key itself. ErrMasterKey when the master key does not open it.
func openKey(master eventstore.MasterKeys, name string, wrapped []byte) ([]byte, error) {
	raw, err := master.Open(name, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	return raw, nil
}

// keysFile is a file of keys that was found to be whole.
type keysFile struct {
	header header
	count  uint64
	// install are the install's own keys, wrapped, by name.
	install map[string][]byte
}

// checkKeys reads a file of keys to its end: it is whole, sealed, and each key in it is opened by the master key.
func checkKeys(ctx context.Context, file io.Reader, identities []age.Identity, master eventstore.MasterKeys, progress Progress) (keysFile, error) {
	const phase = "checking the keys"
	found := keysFile{install: make(map[string][]byte)}
	var err error
	var end trailer
	var seen uint64
	found.header, end, err = eachKey(ctx, file, identities, func(k keyLine) error {
		if _, err := openKey(master, k.Name, k.Wrapped); err != nil {
			return err
		}
		if strings.HasPrefix(k.Name, eventstore.InstallKeys) {
			found.install[k.Name] = k.Wrapped
		}
		if seen++; seen%exportPage == 0 {
			progress(phase, seen, seen+1, seen) // only the end knows how many there are
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	found.count = end.Keys
	progress(phase, seen, seen, seen)
	return found, checkSeal(master, keysSeal, end)
}

// checkSeal is ErrSeal unless the digest was sealed under the master key.
func checkSeal(master eventstore.MasterKeys, name string, end trailer) error {
	sum, err := master.Open(name, end.Seal)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSeal, err)
	}
	if hex.EncodeToString(sum) != end.SHA256 {
		return fmt.Errorf("%w: it is the seal of another file", ErrSeal)
	}
	return nil
}

// eachKey calls fn with each key of the file, and compares the trailer with what was read.
func eachKey(ctx context.Context, file io.Reader, identities []age.Identity, fn func(keyLine) error) (header, trailer, error) {
	opened, err := age.Decrypt(file, identities...)
	var nobody *age.NoIdentityMatchError
	if errors.As(err, &nobody) {
		return header{}, trailer{}, ErrIdentity
	}
	if err != nil {
		return header{}, trailer{}, fmt.Errorf("%w: the keys: %w", ErrFormat, err)
	}
	lines := newLineReader(opened)
	line, err := lines.next()
	if err != nil {
		return header{}, trailer{}, keysDamage(err)
	}
	h, err := parseHeader(line, keysFormat)
	if err != nil {
		return header{}, trailer{}, err
	}
	for keys := uint64(0); ; keys++ {
		if err := ctx.Err(); err != nil {
			return h, trailer{}, err
		}
		line, err := lines.next()
		if err != nil {
			return h, trailer{}, keysDamage(err)
		}
		if isTrailer(line) {
			end, err := parseTrailer(line)
			if err == nil && (end.Keys != keys || end.SHA256 != hex.EncodeToString(lines.before)) {
				err = errors.New("its end speaks of others")
			}
			if err != nil {
				return h, end, fmt.Errorf("%w: the keys: %w", ErrDamaged, err)
			}
			if _, err := lines.next(); !errors.Is(err, io.EOF) {
				return h, end, fmt.Errorf("%w: the keys: something stands behind their end", ErrDamaged)
			}
			return h, end, nil
		}
		var k keyLine
		if err := json.Unmarshal(line, &k); err != nil || k.Name == "" || len(k.Wrapped) == 0 {
			return h, trailer{}, errors.Join(fmt.Errorf("%w: key %d", ErrDamaged, keys+1), err)
		}
		if err := fn(k); err != nil {
			return h, trailer{}, err
		}
	}
}

func keysDamage(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the keys: %w", ErrCutOff, err)
	}
	return fmt.Errorf("%w: the keys: %w", ErrDamaged, err)
}

// sameKey tells whether two wrapped keys are one, perhaps under two master keys.
func sameKey(master eventstore.MasterKeys, name string, ours, theirs []byte) (bool, error) {
	if bytes.Equal(ours, theirs) {
		return true, nil
	}
	a, err := openKey(master, name, ours)
	if err != nil {
		return false, err
	}
	b, err := openKey(master, name, theirs)
	if err != nil {
		return false, fmt.Errorf("the target's: %w", err)
	}
	return bytes.Equal(a, b), nil
}
