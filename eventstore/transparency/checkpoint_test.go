package transparency

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
)

// testKey is a key of the log, from a seed.
func testKey(t testing.TB, name, seed string) (note.Signer, string) {
	t.Helper()
	signer, key, err := newSigner(name, []byte(fmt.Sprintf("%-32s", seed)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, key
}

// cosigner is a witness's key.
type cosigner struct {
	name    string
	private ed25519.PrivateKey
	at      uint64
}

var _ note.Signer = cosigner{}

func newCosigner(name string) cosigner {
	return cosigner{name: name, private: ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", name))), at: uint64(start.Unix())}
}

func (c cosigner) public() ed25519.PublicKey { return c.private.Public().(ed25519.PublicKey) }
func (c cosigner) Name() string              { return c.name }
func (c cosigner) KeyHash() uint32           { return keyHash(c.name, keyCosignature, c.public()) }

func (c cosigner) Sign(text []byte) ([]byte, error) {
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", c.at, text)
	return append(binary.BigEndian.AppendUint64(nil, c.at), ed25519.Sign(c.private, message)...), nil
}

func (c cosigner) key() string {
	return fmt.Sprintf("%s+%08x+%s", c.name, c.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{keyCosignature}, c.public()...)))
}

func TestACheckpointSaysWhoSignedIt(t *testing.T) {
	signer, key := testKey(t, testOrigin, "a")
	stranger, _ := testKey(t, testOrigin, "b")
	witness := newCosigner("witness.example/w1")
	head := Head{Origin: testOrigin, Size: 7, Root: leafAt(7).Hash}
	text, err := signHead(head, signer, stranger, witness)
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenCheckpoint(text, mustKeys(t, key, key, witness.key())) // a key given twice is the same key
	want := Checkpoint{
		Head: head, Signed: []string{keyOf(key)}, Unknown: []string{keyID(testOrigin, stranger.KeyHash())},
		Cosigned: []Cosignature{{Name: "witness.example/w1", Key: keyOf(witness.key()), At: start}},
	}
	if diff := cmp.Diff(want, c); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
}

// The key and the note of C2SP signed-note, Example.
func TestTheExampleOfTheSpecificationVerifies(t *testing.T) {
	const key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
	const signed = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
	v, kind, err := parseKey(key)
	if err != nil || kind != keyEd25519 {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(signed), note.VerifierList(v)); err != nil {
		t.Error(err)
	}
	if _, _, err := splitNote(signed); err != nil {
		t.Error(err)
	}
}

func TestAnAlteredCheckpointIsRefused(t *testing.T) {
	signer, key := testKey(t, testOrigin, "a")
	other, otherKey := testKey(t, "other.example/kipay", "a")
	witness := newCosigner("witness.example/w1")
	head := Head{Origin: testOrigin, Size: 7, Root: leafAt(7).Hash}
	good, err := signHead(head, signer)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string, signers ...note.Signer) string {
		signed, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	line := strings.SplitAfter(good, "\n\n")[1]
	last := strings.Index(line, "=\n") - 1
	loose := []byte(line)
	loose[last]++ // bits that belong to no byte
	late := witness
	late.at = maxTimestamp + 1
	for name, text := range map[string]string{
		"nothing": "", "no signature": head.Text(), "no lines": head.Text() + "\n", "cut": good[:len(good)-1],
		"another size":        strings.Replace(good, "\n7\n", "\n8\n", 1),
		"another root":        strings.Replace(good, head.Root.String(), leafAt(8).Hash.String(), 1),
		"another origin":      strings.Replace(good, testOrigin+"\n", "other.example/kipay\n", 1),
		"signed twice":        good + line,
		"a word after it":     good + "hello\n",
		"loose base64":        head.Text() + "\n" + string(loose),
		"carriage return":     strings.ReplaceAll(good, "\n", "\r\n"),
		"extension":           sign(head.Text()+"more\n", signer),
		"leading zero":        sign(strings.Replace(head.Text(), "\n7\n", "\n07\n", 1), signer),
		"negative":            sign(strings.Replace(head.Text(), "\n7\n", "\n-7\n", 1), signer),
		"too many leaves":     sign(strings.Replace(head.Text(), "\n7\n", "\n9007199254740992\n", 1), signer),
		"empty with a root":   sign(strings.Replace(head.Text(), "\n7\n", "\n0\n", 1), signer),
		"short root":          sign(testOrigin+"\n7\nAAAA\n", signer),
		"two lines":           sign(testOrigin+"\n7\n", signer),
		"by another log":      sign(head.Text(), other),
		"of another log":      sign(Head{Origin: "other.example/kipay", Size: 7}.Text(), signer),
		"by a witness alone":  sign(head.Text(), witness),
		"in the far future":   sign(head.Text(), signer, late),
		"an altered cosigner": good + strings.Replace(strings.SplitAfter(sign(head.Text(), witness), "\n\n")[1], "— witness.example/w1 ", "— witness.example/w2 ", 1)[:40] + "\n",
		"too long":            good + strings.Repeat(line, 1000),
	} {
		if c, err := OpenCheckpoint(text, mustKeys(t, key, otherKey, witness.key())); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for at := range len(good) {
		for bit := range 8 {
			altered := []byte(good)
			altered[at] ^= 1 << bit
			if c, err := OpenCheckpoint(string(altered), mustKeys(t, key)); !errors.Is(err, ErrCheckpoint) {
				t.Fatalf("bit %d of byte %d: %+v, %v", bit, at, c, err)
			}
		}
	}
}

func TestVerifierKeysAreReadStrictly(t *testing.T) {
	_, key := testKey(t, testOrigin, "a")
	witness := newCosigner("witness.example/w1").key()
	if k, err := ParseKeys(key, witness); err != nil || k.Witnesses() != 1 || !k.knows(testOrigin) || k.knows("witness.example/w1") {
		t.Errorf("%+v, %v", k, err)
	}
	parts := strings.SplitN(key, "+", 3)
	mldsa := append([]byte{keyMLDSA}, make([]byte, 1312)...)
	for _, bad := range []string{
		"", "+", "++", key[:len(key)-4], parts[0] + "+" + parts[1], parts[0] + "+00000000+" + parts[2], strings.ToUpper(key), " " + key, key + " ",
		"x" + key, "a b+" + parts[1] + "+" + parts[2], parts[0] + "+" + strings.ToUpper(parts[1]) + "+" + parts[2], strings.Replace(witness, "w1", "w2", 1),
		"w+00000000+" + base64.StdEncoding.EncodeToString(mldsa), "w+00000000+" + base64.StdEncoding.EncodeToString(make([]byte, 33)),
	} {
		if bad == key {
			continue
		}
		if _, err := ParseKeys(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOriginsAreNamesOfKeys(t *testing.T) {
	for _, good := range []string{"pay.example/kipay", "localhost:8080/kipay", "x", strings.Repeat("a", 255)} {
		if err := CheckOrigin(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "a b", "a+b", "a\nb", "a\x7fb", "\xff", "a\u00a0b", strings.Repeat("a", 256)} {
		if CheckOrigin(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	signer, key := testKey(f, testOrigin, "a")
	witness := newCosigner("witness.example/w1")
	good, err := signHead(Head{Origin: testOrigin, Size: 7, Root: leafAt(7).Hash}, signer, witness)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(strings.Replace(good, "\n7\n", "\n8\n", 1))
	f.Add("a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— a AAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := OpenCheckpoint(text, mustKeys(t, key, witness.key()))
		if err != nil {
			if !errors.Is(err, ErrCheckpoint) {
				t.Fatal(err)
			}
			return
		}
		if !strings.HasPrefix(text, c.Text()) || len(c.Signed) == 0 || c.Size != 7 || c.Root != leafAt(7).Hash {
			t.Fatalf("%+v", c)
		}
	})
}

func TestCosignaturesAreAddedOnce(t *testing.T) {
	signer, key := testKey(t, testOrigin, "a")
	w1, w2 := newCosigner("witness.example/w1"), newCosigner("witness.example/w2")
	head := Head{Origin: testOrigin, Size: 7, Root: leafAt(7).Hash}
	signed, err := signHead(head, signer)
	if err != nil {
		t.Fatal(err)
	}
	lineOf := func(c cosigner) string {
		text, err := signHead(head, c)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(strings.SplitAfter(text, "\n\n")[1], "\n")
	}
	again := w1
	again.at++
	full := withCosignatures(signed, []string{lineOf(w1), "rubbish", lineOf(w2), lineOf(again), lineOf(w1)})
	c, err := OpenCheckpoint(full, mustKeys(t, key, w1.key(), w2.key()))
	if err != nil || len(c.Cosigned) != 2 || !c.Cosigned[0].At.Equal(start) {
		t.Errorf("%+v, %v", c, err)
	}
	if withCosignatures("rubbish", []string{lineOf(w1)}) != "rubbish" || withCosignatures(signed, nil) != signed {
		t.Error("something else was changed")
	}
}
