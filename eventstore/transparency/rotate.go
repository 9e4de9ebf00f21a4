package transparency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// introductionStart is the first line of the note by which keys vouch for a new one. No log can be called so.
const introductionStart = "kipay transparency: a new key"

// maxIntroductions bounds the keys that are followed.
const maxIntroductions = 256

// introductionText is what is signed then.
func introductionText(origin, verifierKey string) string {
	return strings.Join([]string{introductionStart, origin, verifierKey, ""}, "\n")
}

// firstKey gives the log its name and its first key.
func (m *Maker) firstKey(ctx context.Context, keys folded[treehead.Keys]) error {
	if err := CheckOrigin(m.Origin); err != nil {
		return err
	}
	_, verifierKey, err := m.newKey(ctx, m.Origin, 1)
	if err != nil {
		return err
	}
	rotated := treehead.KeyRotated{Number: 1, VerifierKey: verifierKey, At: m.Log.Now()}
	return decideAndAppend(ctx, m.Log, actor, treehead.KeysStream, keys, treehead.Rotate{KeyRotated: rotated})
}

// sealer is the oldest key that signs. The first key is made when there is none yet: a receipt may be asked for before a head.
func (m *Maker) sealer(ctx context.Context) (note.Signer, error) {
	for range makeTries {
		keys, err := m.Heads.Keys(ctx)
		if err != nil {
			return nil, err
		}
		if len(keys) > 0 {
			list, err := signers(ctx, m.Secrets, keys)
			if err != nil {
				return nil, err
			}
			return list[0], nil
		}
		_, now, err := m.Heads.now(ctx)
		if err != nil {
			return nil, err
		}
		if len(now.state) == 0 {
			if err := m.firstKey(ctx, now); err != nil {
				return nil, err
			}
			m.Heads.Observe(nil)
		}
	}
	return nil, domain.Conflictf("another node makes the first key")
}

// newKey is the key of that number, which is made if need be.
func (m *Maker) newKey(ctx context.Context, origin string, number int) (note.Signer, string, error) {
	seed, err := m.Secrets.Secret(ctx, secretName(number))
	if err != nil {
		return nil, "", fmt.Errorf("make key %d of the transparency log: %w", number, err)
	}
	return newSigner(origin, seed)
}

// Rotate adds a key that signs heads from now on, introduced by those that sign until now. With alone these sign no more, else
// they go on until Retire, so that who knows only them can still verify. Errors: Conflict before there is a first key.
func (m *Maker) Rotate(ctx context.Context, alone bool) (treehead.Key, error) {
	for range makeTries {
		_, keys, err := m.Heads.now(ctx)
		if err != nil {
			return treehead.Key{}, err
		}
		if len(keys.state) == 0 {
			return treehead.Key{}, domain.Conflictf("no head was signed yet: the first key is made with it")
		}
		vouching, err := signers(ctx, m.Secrets, keys.state)
		if err != nil {
			return treehead.Key{}, err
		}
		number, origin := len(keys.state)+1, keys.state.Origin()
		signer, verifierKey, err := m.newKey(ctx, origin, number)
		if err != nil {
			return treehead.Key{}, err
		}
		introduction, err := note.Sign(&note.Note{Text: introductionText(origin, verifierKey)}, append(vouching, signer)...)
		if err != nil {
			return treehead.Key{}, fmt.Errorf("introduce key %d: %w", number, err)
		}
		rotated := treehead.KeyRotated{Number: number, VerifierKey: verifierKey, Introduction: string(introduction), At: m.Log.Now()}
		if err := decideAndAppend(ctx, m.Log, operator, treehead.KeysStream, keys, treehead.Rotate{KeyRotated: rotated, Alone: alone}); err != nil {
			return treehead.Key{}, err
		}
		if _, keys, err = m.Heads.now(ctx); err != nil {
			return treehead.Key{}, err
		}
		if len(keys.state) >= number && keys.state[number-1].VerifierKey == verifierKey {
			return keys.state[number-1], nil
		}
	}
	return treehead.Key{}, domain.Conflictf("another node rotates the keys")
}

// Retire has a key sign no more. Its public half stays published. Errors: NotFound, Conflict when no other one would sign.
func (m *Maker) Retire(ctx context.Context, number int) error {
	for range makeTries {
		_, keys, err := m.Heads.now(ctx)
		if err != nil {
			return err
		}
		if number >= 1 && number <= len(keys.state) && keys.state[number-1].Retired {
			return nil
		}
		retired := treehead.KeyRetired{Number: number, At: m.Log.Now()}
		if err := decideAndAppend(ctx, m.Log, operator, treehead.KeysStream, keys, treehead.Retire{KeyRetired: retired}); err != nil {
			return err
		}
	}
	return domain.Conflictf("another node rotates the keys")
}

// FollowRotations are the keys that follow from those that are trusted: each that a trusted key of the same log has introduced,
// and so on. Introductions that don't fit are passed over. It is for who was given a key long ago.
func FollowRotations(trusted []string, introductions []string) ([]string, error) {
	if len(introductions) > maxIntroductions {
		return nil, fmt.Errorf("%d introductions of keys, at most %d", len(introductions), maxIntroductions)
	}
	known := slices.Clone(trusted)
	for range introductions { // each round can add one at least
		for _, introduction := range introductions {
			keys, err := ParseKeys(known...)
			if err != nil {
				return nil, err
			}
			if fresh := introduced(introduction, keys); fresh != "" && !slices.Contains(known, fresh) {
				known = append(known, fresh)
			}
		}
	}
	return known, nil
}

// introduced is the key that an introduction vouches for, empty when the keys don't vouch for it.
func introduced(introduction string, keys Keys) string {
	text, _, err := splitNote(introduction)
	if err != nil {
		return ""
	}
	lines := strings.Split(text, "\n")
	const origin, verifierKey, end = 1, 2, 4
	if len(lines) != end || text != introductionText(lines[origin], lines[verifierKey]) || !keys.knows(lines[origin]) {
		return ""
	}
	fresh, kind, err := parseKey(lines[verifierKey])
	if err != nil || kind != keyEd25519 || fresh.Name() != lines[origin] {
		return ""
	}
	// The keys of the log alone: a witness says nothing of its keys.
	_, err = note.Open([]byte(introduction), Keys{logs: keys.logs}.verifiers(lines[origin]))
	var unverified *note.UnverifiedNoteError
	if err != nil || errors.As(err, &unverified) {
		return ""
	}
	return lines[verifierKey]
}
