package verifier_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What a log does to issue receipts, as docs/receipt-format.md has it, for the receipts that the test vectors lack.

const (
	ofLog     = 1 // types of keys
	ofWitness = 4
)

// signer is a key of a log or of a witness.
type signer struct {
	name    string
	kind    byte
	private ed25519.PrivateKey
}

func newSigner(name string, kind, seed byte) signer {
	return signer{name, kind, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (s signer) raw() []byte {
	return append([]byte{s.kind}, s.private.Public().(ed25519.PublicKey)...)
}

func (s signer) id() []byte {
	sum := sha256.Sum256(slices.Concat([]byte(s.name), []byte{0x0a}, s.raw()))
	return sum[:4]
}

// key is what a verifier is given.
func (s signer) key() string {
	return fmt.Sprintf("%s+%x+%s", s.name, s.id(), base64.StdEncoding.EncodeToString(s.raw()))
}

// sign is a signature line over text, without a newline. A log has no use for the time.
func (s signer) sign(text string, time uint64) string {
	var signature []byte
	if s.kind == ofWitness {
		text = fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
		signature = binary.BigEndian.AppendUint64(nil, time)
	}
	signature = append(signature, ed25519.Sign(s.private, []byte(text))...)
	return "— " + s.name + " " + base64.StdEncoding.EncodeToString(append(s.id(), signature...))
}

type leaf struct {
	Index uint64   `json:"index"`
	Proof [][]byte `json:"proof"`
}

type event struct {
	Stream   string `json:"stream"`
	Revision uint64 `json:"revision"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Data     []byte `json:"data"`
	Metadata []byte `json:"metadata"`
	Leaf     *leaf  `json:"leaf"`
}

type disclosure struct {
	Event int    `json:"event"`
	Path  string `json:"path"`
	Salt  []byte `json:"salt"`
	Value []byte `json:"value"`
}

// paid is an event of a payment's stream.
func paid(revision uint64) event {
	return event{
		Stream: "transaction-KIPAY1", Revision: revision, ID: fmt.Sprintf("01950000-0000-7000-8000-%012x", revision+5), Type: "Paid",
		Data: []byte(`{"a":1}`), Metadata: []byte(`{}`),
	}
}

// salt is that of every field that the tests seal.
var salt = bytes.Repeat([]byte{7}, 16)

// sealed is a text that commits to value.
func sealed(value string) string {
	sum := sha256.Sum256(slices.Concat(salt, []byte(value)))
	return "s1." + base64.RawURLEncoding.EncodeToString(sum[:]) + ".QUJD"
}

func (e event) leafHash() []byte {
	parts := map[string][]byte{"stream": []byte(e.Stream), "type": []byte(e.Type), "data": e.Data, "metadata": e.Metadata}
	form := map[string]byte{}
	encode := func() []byte {
		out := []byte{1}
		part := func(name string) {
			value := parts[name]
			out = append(out, form[name])
			out = binary.BigEndian.AppendUint32(out, uint32(len(value)))
			if form[name] == 1 {
				sum := sha256.Sum256(value)
				value = sum[:]
			}
			out = append(out, value...)
		}
		part("stream")
		out = binary.BigEndian.AppendUint64(out, e.Revision)
		id, err := hex.DecodeString(strings.ReplaceAll(e.ID, "-", ""))
		if err != nil {
			panic(err)
		}
		out = append(out, id...)
		part("type")
		part("data")
		part("metadata")
		return out
	}
	for _, name := range []string{"data", "metadata", "type", "stream"} {
		if len(encode()) > 65535 && len(parts[name]) > 32 {
			form[name] = 1
		}
	}
	sum := sha256.Sum256(slices.Concat([]byte{0}, encode()))
	return sum[:]
}

func node(left, right []byte) []byte {
	sum := sha256.Sum256(slices.Concat([]byte{1}, left, right))
	return sum[:]
}

// tree is the root over size leaves of which only the one at index is known, and the proof of it: RFC 6962, 2.1 and
// 2.1.1, with arbitrary hashes for the subtrees that the leaf is not in.
func tree(size, index uint64, hash []byte) (root []byte, proof [][]byte) {
	if size == 1 {
		return hash, [][]byte{}
	}
	k := uint64(1)
	for k*2 < size {
		k *= 2
	}
	other := sha256.Sum256(fmt.Appendf(nil, "subtree %d of %d", index, size))
	if index < k {
		root, proof = tree(k, index, hash)
		root = node(root, other[:])
	} else {
		root, proof = tree(size-k, index-k, hash)
		root = node(other[:], root)
	}
	return root, append(proof, other[:])
}

// draft is a receipt that is not sealed yet, and whatever is to be wrong with it.
type draft struct {
	log         signer
	events      []event
	index, size uint64 // of the first event, in the tree; no head when the size is 0
	disclosures []disclosure
	cosigners   []string // further lines under the head
	sealer      signer   // who seals the receipt

	text       func(string) string // changes the text of the head before it is signed
	beforeSeal func(string) string // changes the value of "receipt"
	afterSeal  func(string) string // changes the file
}

func newDraft() *draft {
	log := newSigner("pay.example/kipay", ofLog, 1)
	return &draft{log: log, sealer: log, events: []event{paid(0)}, index: 5, size: 12, disclosures: []disclosure{}}
}

// head is the text of the draft's head.
func (d *draft) head() string {
	hash := d.events[0].leafHash()
	root, proof := tree(d.size, d.index, hash)
	d.events[0].Leaf = &leaf{d.index, proof}
	text := fmt.Sprintf("%s\n%d\n%s\n", d.log.name, d.size, base64.StdEncoding.EncodeToString(root))
	if d.text != nil {
		text = d.text(text)
	}
	return text
}

// issue is the file.
func (d *draft) issue() []byte {
	var checkpoint *string
	if d.size > 0 {
		text := d.head()
		lines := append([]string{d.log.sign(text, 0)}, d.cosigners...)
		text += "\n" + strings.Join(lines, "\n") + "\n"
		checkpoint = &text
	}
	pending := slices.ContainsFunc(d.events, func(e event) bool { return e.Leaf == nil })
	value := asJSON(struct {
		Origin     string  `json:"origin"`
		Pending    bool    `json:"pending"`
		Checkpoint *string `json:"checkpoint"`
		Events     []event `json:"events"`
	}{d.log.name, pending, checkpoint, d.events})
	if d.beforeSeal != nil {
		value = d.beforeSeal(value)
	}
	seal := d.sealer.sign(fmt.Sprintf("kipay receipt v1\n%s\n%x\n", d.log.name, sha256.Sum256([]byte(value))), 0)
	file := fmt.Sprintf(`{"format":"kipay-receipt","version":1,"receipt":%s,"seal":%s,"disclosures":%s}`+"\n", value, asJSON(seal), asJSON(d.disclosures))
	if d.afterSeal != nil {
		file = d.afterSeal(file)
	}
	return []byte(file)
}

// asked is the receipt, with the log's key and others.
func (d *draft) asked(others ...signer) asked {
	keys := []string{d.log.key()}
	for _, s := range others {
		keys = append(keys, s.key())
	}
	return asked{Receipt: d.issue(), Keys: strings.Join(keys, "\n")}
}

// asJSON writes v as the format has it: encoding/json without its care for HTML, and for scripts of old.
func asJSON(v any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), `\u2028`, "\u2028")
}

func TestTheIssuerOfTheseTestsWritesTheLeafOfTheDocument(t *testing.T) {
	e := paid(2)
	if got := base64.StdEncoding.EncodeToString(e.leafHash()); got != "0rFvadX9Qp3VZ+x5ZYe6V3VhMAAGaBiMeVe1au/I1Wc=" {
		t.Errorf("the leaf hash of the example is %s", got)
	}
}
