package transparency

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// oddStream is a name that has to be written with care.
const oddStream = "odd-\\\"é\u2028<&>"

// vectorMaker makes the vectors.
type vectorMaker struct {
	t    *testing.T
	list []vector
	keys []string
	// signer is the key that seals.
	signer note.Signer
}

// of has the vectors be of the fixture's log.
func (m *vectorMaker) of(f *fixture) {
	var err error
	if m.signer, err = f.maker.sealer(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	m.keys = f.keys(m.t)
}

func (m *vectorMaker) add(name, what string, content []byte, more ...func(*vector)) {
	v := vector{File: name + ".json", What: what, Keys: m.keys, content: content}
	for _, set := range more {
		set(&v)
	}
	m.list = append(m.list, v)
}

// forge adds a receipt that the log itself altered: it is sealed again, so that only the proofs tell.
func (m *vectorMaker) forge(name, what string, good []byte, alter func(*Receipt), more ...func(*vector)) {
	m.t.Helper()
	r := mustDecode(m.t, good)
	alter(&r)
	m.add("forged-"+name, what, mustEncode(m.t, m.sealed(r)), more...)
}

func (m *vectorMaker) sealed(r Receipt) Receipt {
	m.t.Helper()
	var err error
	if r.Seal, err = seal(r, m.signer); err != nil {
		m.t.Fatal(err)
	}
	return r
}

// alter adds a receipt that somebody else altered, in the right form but without the log's key.
func (m *vectorMaker) alter(name, what string, good []byte, alter func(*Receipt), more ...func(*vector)) {
	m.t.Helper()
	r := mustDecode(m.t, good)
	alter(&r)
	m.add("altered-"+name, what, mustEncode(m.t, r), more...)
}

// reshape adds a receipt whose text was altered.
func (m *vectorMaker) reshape(name, what string, good []byte, old, fresh string, more ...func(*vector)) {
	m.t.Helper()
	altered := []byte(strings.Replace(string(good), old, fresh, 1))
	if bytes.Equal(altered, good) {
		m.t.Fatalf("%s: %q is not in it", name, old)
	}
	m.add("form-"+name, what, altered, more...)
}

func keysAre(keys ...string) func(*vector) { return func(v *vector) { v.Keys = keys } }

func makeVectors(t *testing.T) []vector {
	m := &vectorMaker{t: t}
	f := signedFixture(t)
	m.of(f)
	closed, all := f.receipt(t, false, paidStream), f.receipt(t, true, paidStream)
	m.add("good-closed", "nothing is disclosed", closed)
	m.add("good-disclosed", "every sealed field is disclosed", all)
	m.add("good-two-streams", "events of two streams", f.receipt(t, true, paidStream, claimStream))
	some := mustDecode(t, all)
	some.Disclosures = some.Disclosures[2:3]
	m.add("good-one-field", "the holder has taken out all disclosures but one", mustEncode(t, some))
	m.forgeries(all)
	m.alterations(all)
	m.forms(all)
	m.otherTrees()
	m.cosigned(f)
	return m.list
}

// forgeries are alterations by somebody who knows the format.
func (m *vectorMaker) forgeries(all []byte) {
	m.forge("amount", "an amount in an event's data", all, func(r *Receipt) {
		r.Events[1].Data = bytes.Replace(r.Events[1].Data, []byte("1000000"), []byte("1000001"), 1)
	})
	m.forge("metadata", "an event's metadata", all, func(r *Receipt) {
		r.Events[1].Metadata = bytes.Replace(r.Events[1].Metadata, []byte("key:1"), []byte("key:2"), 1)
	})
	m.forge("space", "a space in an event's data, which changes no value", all, func(r *Receipt) { r.Events[1].Data = append([]byte(" "), r.Events[1].Data...) })
	m.forge("type", "an event's type", all, func(r *Receipt) { r.Events[1].Type = "PaymentFailed" })
	m.forge("id", "an event's id", all, func(r *Receipt) { r.Events[1].ID[15] ^= 1 })
	m.forge("stream", "the stream of both events", all, func(r *Receipt) { r.Events[0].Stream, r.Events[1].Stream = "transaction-X", "transaction-X" })
	m.forge("revision", "an event's revision", all, func(r *Receipt) { r.Events[1].Revision = 2 })
	m.forge("first-missing", "the first event was taken out", all, func(r *Receipt) { r.Events, r.Disclosures = r.Events[1:], nil })
	m.forge("swapped", "the events in the other order", all, func(r *Receipt) {
		r.Disclosures = nil
		slices.Reverse(r.Events)
	})
	m.forge("twice", "an event stands there twice", all, func(r *Receipt) { r.Events = append(r.Events, r.Events[1]) })
	m.forge("no-events", "no event is left", all, func(r *Receipt) { *r = Receipt{Origin: r.Origin} })
	m.forge("index", "an event's place in the tree", all, func(r *Receipt) { r.Events[1].Proof.Index++ })
	m.forge("index-past", "a place past the head", all, func(r *Receipt) { r.Events[1].Proof.Index = 1 << 40 })
	m.forge("proof", "a hash of a proof", all, func(r *Receipt) { r.Events[0].Proof.Hashes[3][0] ^= 1 })
	m.forge("proof-short", "the last hash of a proof is missing", all, func(r *Receipt) { p := r.Events[0].Proof; p.Hashes = p.Hashes[:len(p.Hashes)-1] })
	m.forge("proof-long", "a hash too many in a proof", all, func(r *Receipt) { p := r.Events[0].Proof; p.Hashes = append(p.Hashes, p.Hashes[0]) })
	m.forge("proof-other", "the proofs of the two events, exchanged", all, func(r *Receipt) {
		r.Events[0].Proof.Hashes, r.Events[1].Proof.Hashes = r.Events[1].Proof.Hashes, r.Events[0].Proof.Hashes
	})
	m.forge("proof-gone", "the last event's proof was taken out, and the log sealed it so: then it is one that waits for its head", all, func(r *Receipt) { r.Events[1].Proof = nil })
	m.forge("proof-gone-first", "the first event's proof was taken out, the second's stayed", all, func(r *Receipt) { r.Events[0].Proof = nil })
	m.forge("head-gone", "the head was taken out, the proofs stayed", all, func(r *Receipt) { r.Checkpoint = "" })
	m.forge("head-size", "the head's size", all, func(r *Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n336\n", "\n337\n", 1) })
	m.forge("head-root", "the head's root", all, func(r *Receipt) {
		lines := strings.Split(r.Checkpoint, "\n")
		lines[2] = leafAt(1).Hash.String()
		r.Checkpoint = strings.Join(lines, "\n")
	})
	m.forge("signature", "a byte of the head's signature", all, func(r *Receipt) {
		at := strings.LastIndex(r.Checkpoint, "=") - 20
		r.Checkpoint = r.Checkpoint[:at] + string(r.Checkpoint[at]^1) + r.Checkpoint[at+1:]
	})
	m.forge("signature-loose", "bits of the signature's base64 that belong to no byte", all, func(r *Receipt) {
		at := strings.LastIndex(r.Checkpoint, "=") - 1
		r.Checkpoint = r.Checkpoint[:at] + string(r.Checkpoint[at]+1) + r.Checkpoint[at+1:]
	})
	m.forge("signature-twice", "the head's signature stands there twice", all, func(r *Receipt) { r.Checkpoint += strings.SplitAfter(r.Checkpoint, "\n\n")[1] })
	m.forge("head-end", "the head lacks its last newline", all, func(r *Receipt) { r.Checkpoint = strings.TrimSuffix(r.Checkpoint, "\n") })
	signAgain := func(name, seed string) func(r *Receipt) {
		return func(r *Receipt) {
			signer, _ := testKey(m.t, name, seed)
			text, _, err := splitNote(r.Checkpoint)
			if err != nil {
				m.t.Fatal(err)
			}
			signed, err := note.Sign(&note.Note{Text: text}, signer)
			if err != nil {
				m.t.Fatal(err)
			}
			r.Checkpoint = string(signed)
		}
	}
	m.forge("signed-by-stranger", "the head is signed with a key of the right name that was not given", all, signAgain(testOrigin, "stranger"))
	_, otherKey := testKey(m.t, "other.example/kipay", "other")
	m.forge("signed-by-other-log", "the head is signed with the key of another log, which was given too", all, signAgain("other.example/kipay", "other"), keysAre(append(m.keys, otherKey)...))
	m.add("key-of-other-log", "a good receipt, and the key of another log", all, keysAre(otherKey))
	m.add("key-none", "a good receipt, and no key", all, keysAre([]string{}...))
	m.disclosures(all)
}

// alterations are made without the log's key.
func (m *vectorMaker) alterations(all []byte) {
	stranger, _ := testKey(m.t, testOrigin, "stranger")
	other, otherKey := testKey(m.t, "other.example/kipay", "other")
	both := keysAre(append(m.keys, otherKey)...)
	sealBy := func(signer note.Signer) func(r *Receipt) {
		return func(r *Receipt) { r.Seal = (&vectorMaker{t: m.t, signer: signer}).sealed(*r).Seal }
	}
	m.alter("amount", "an amount in an event's data", all, func(r *Receipt) {
		r.Events[1].Data = bytes.Replace(r.Events[1].Data, []byte("1000000"), []byte("1000001"), 1)
	})
	m.alter("proof-gone", "the last event's proof was taken out", all, func(r *Receipt) { r.Events[1].Proof = nil })
	m.alter("last-missing", "the last event was taken out", all, func(r *Receipt) { r.Events = r.Events[:1]; r.Disclosures = r.Disclosures[:4] })
	m.alter("seal", "a byte of the seal", all, func(r *Receipt) {
		at := len(r.Seal) - 20
		r.Seal = r.Seal[:at] + string(r.Seal[at]^1) + r.Seal[at+1:]
	})
	m.alter("seal-loose", "bits of the seal's base64 that belong to no byte", all, func(r *Receipt) {
		at := len(r.Seal) - 2
		r.Seal = r.Seal[:at] + string(r.Seal[at]+1) + r.Seal[at+1:]
	})
	m.alter("seal-empty", "no seal", all, func(r *Receipt) { r.Seal = "" })
	m.alter("seal-newline", "a newline behind the seal", all, func(r *Receipt) { r.Seal += "\n" })
	m.alter("seal-twice", "two seals", all, func(r *Receipt) { r.Seal += "\n" + r.Seal })
	m.alter("seal-is-signature", "the head's signature in the place of the seal", all, func(r *Receipt) {
		r.Seal = strings.TrimSuffix(strings.SplitAfter(r.Checkpoint, "\n\n")[1], "\n")
	})
	m.forge("signature-is-seal", "an earlier seal in the place of the head's signature", all, func(r *Receipt) {
		r.Checkpoint = strings.SplitAfter(r.Checkpoint, "\n\n")[0] + r.Seal + "\n"
	})
	m.alter("seal-stranger", "sealed with a key of the right name that was not given", all, sealBy(stranger))
	m.alter("seal-other-log", "sealed with the key of another log, which was given too", all, sealBy(other), both)
	m.alter("origin", "the name of another log, whose key was given too, and its seal", all, func(r *Receipt) {
		r.Origin = "other.example/kipay"
		sealBy(other)(r)
	}, both)
}

// disclosures are opened fields that are not what was sealed.
func (m *vectorMaker) disclosures(all []byte) {
	m.forge("value", "the value of a disclosed field", all, func(r *Receipt) { r.Disclosures[2].Value = []byte("254712345679") })
	m.forge("salt", "the salt of a disclosed field", all, func(r *Receipt) { r.Disclosures[2].Salt[0] ^= 1 })
	m.forge("boundary", "a byte moved from the salt's side to the value's", all, func(r *Receipt) {
		d := &r.Disclosures[2]
		d.Value = append([]byte{d.Salt[15]}, d.Value...)
		d.Salt[15] = 0
	})
	m.forge("other-field", "a value disclosed as another field's", all, func(r *Receipt) {
		r.Disclosures = r.Disclosures[:2]
		r.Disclosures[0].Path, r.Disclosures[1].Path = "/data/phone", "/metadata/from"
	})
	m.forge("other-event", "a value disclosed as another event's", all, func(r *Receipt) {
		r.Disclosures = r.Disclosures[3:4]
		r.Disclosures[0].Event = 1
	})
	m.forge("no-event", "a value disclosed of an event that is not there", all, func(r *Receipt) {
		r.Disclosures = r.Disclosures[3:4]
		r.Disclosures[0].Event = 2
	})
	for name, path := range map[string]string{
		"open-field": "/data/amount", "missing-field": "/data/email", "object": "/data/payer", "root": "/data", "no-root": "/other/phone", "relative": "data/phone",
		"unescaped": "/data/payer/first/name", "empty": "",
	} {
		m.forge("path-"+name, "a disclosure of "+path, all, func(r *Receipt) {
			r.Disclosures = r.Disclosures[2:3]
			r.Disclosures[0].Path = path
		})
	}
	m.forge("path-loose-escape", "a path with an escape that is none", all, func(r *Receipt) {
		r.Disclosures = r.Disclosures[1:2]
		r.Disclosures[0].Path = "/data/payer/last~name"
	})
}

// forms are receipts that say the same in another form, or hardly anything.
func (m *vectorMaker) forms(all []byte) {
	text := string(all)
	m.add("form-empty-file", "an empty file", nil)
	m.add("form-no-json", "no JSON", []byte("kipay receipt\n"))
	m.add("form-no-newline", "no newline at the end", []byte(strings.TrimSuffix(text, "\n")))
	m.add("form-two-newlines", "two newlines at the end", []byte(text+"\n"))
	m.add("form-carriage-return", "a carriage return at the end", []byte(strings.TrimSuffix(text, "\n")+"\r\n"))
	m.add("form-space-before", "a space in front", []byte(" "+text))
	m.add("form-byte-order-mark", "a byte order mark in front", []byte("\ufeff"+text))
	m.add("form-two-receipts", "the receipt twice", []byte(text+text))
	m.reshape("space", "a space after a comma", all, `,"pending"`, `, "pending"`)
	m.reshape("key-order", "two keys in the other order", all, `"format":"kipay-receipt","version":1`, `"version":1,"format":"kipay-receipt"`)
	m.reshape("key-unknown", "a key that there is not", all, `"pending":false`, `"pending":false,"more":1`)
	m.reshape("key-twice", "a key twice", all, `"pending":false`, `"pending":true,"pending":false`)
	m.reshape("key-case", "a key in other letters", all, `"pending"`, `"Pending"`)
	m.reshape("key-missing", "a key is missing", all, `"pending":false,`, ``)
	m.reshape("pending", "it says that it is pending, and is not", all, `"pending":false`, `"pending":true`)
	m.reshape("null", "null where there is a list", all, `"disclosures":[`, `"disclosures":null,"x":[`)
	m.reshape("version", "a later version", all, `"version":1`, `"version":2`)
	m.reshape("format", "another format", all, `kipay-receipt`, `kipay-events`)
	m.reshape("number", "a number with a fraction", all, `"revision":1`, `"revision":1.0`)
	m.reshape("exponent", "a number with an exponent", all, `"index":305`, `"index":3.05e2`)
	m.reshape("number-as-text", "a number as a text", all, `"revision":1`, `"revision":"1"`)
	m.reshape("negative", "a negative number", all, `"revision":1`, `"revision":-1`)
	m.reshape("escape", "a letter as an escape", all, `"origin":"p`, `"origin":"\u0070`)
	m.reshape("escaped-slash", "a slash behind a backslash", all, `pay.example/kipay","pending`, `pay.example\/kipay","pending`)
	m.reshape("escaped-dash", "the dash of a signature as an escape", all, "—", `\u2014`)
	m.reshape("id-case", "an event's id in capitals", all, `"id":"01950000-0000-7000-8000-`, `"id":"{01950000-0000-7000-8000-`)
	m.reshape("not-utf8", "a byte that is no UTF-8 in a text", all, `"type":"PaymentReceived"`, "\"type\":\"PaymentReceived\xff\"")
	m.reshape("base64-url", "the other alphabet of base64", all, firstPlus(text), strings.NewReplacer("+", "-", "/", "_").Replace(firstPlus(text)))
	m.reshape("base64-newline", "a newline within base64", all, `"data":"`, `"data":"\n`)
	proof := regexp.MustCompile(`"proof":\["[^"]+`).FindString(text)
	m.reshape("base64-unpadded", "base64 without padding", all, proof, strings.TrimSuffix(proof, "="))
	last := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	loose := proof[:len(proof)-2] + string(last[strings.IndexByte(last, proof[len(proof)-2])+1]) + "="
	m.reshape("base64-loose", "bits of base64 that belong to no byte", all, proof, loose)
	m.reshape("disclosure-order", "disclosures in the other order", all, disclosureText(text, 0)+","+disclosureText(text, 1), disclosureText(text, 1)+","+disclosureText(text, 0))
	m.reshape("disclosure-twice", "a disclosure twice", all, disclosureText(text, 0), disclosureText(text, 0)+","+disclosureText(text, 0))
	m.reshape("short-salt", "a salt of 15 bytes", all, base64.StdEncoding.EncodeToString(mustDecode(m.t, all).Disclosures[0].Salt), base64.StdEncoding.EncodeToString(make([]byte, 15)))
}

// firstPlus is a hash of a proof that the two alphabets of base64 write in two ways.
func firstPlus(text string) string {
	return regexp.MustCompile(`"[A-Za-z0-9+/]{0,42}[+/][A-Za-z0-9+/]*="`).FindString(text)
}

// disclosureText is a disclosure as it stands in the file.
func disclosureText(text string, n int) string {
	return regexp.MustCompile(`\{"event":[^}]*\}`).FindAllString(text, -1)[n]
}

// otherTrees are receipts of logs that are just begun, or have odd events.
func (m *vectorMaker) otherTrees() {
	f := newFixture(m.t)
	f.write(m.t, paidStream, opened{Reference: paidReference, Amount: 5, Subject: "payment-1"})
	waiting := f.receipt(m.t, true, paidStream)
	m.of(f)
	m.add("pending-no-head", "no head is signed yet", waiting)
	m.add("witness-no-head", "the same, and a witness is asked for, who can have seen no head", waiting,
		keysAre(append(m.keys, newCosigner("witness.example/w1").key())...), func(v *vector) { v.Witnesses = 1 })
	m.alter("pending", "a byte of an event that waits for its head", waiting, func(r *Receipt) { r.Events[0].Data[20] ^= 1 })
	f.head(m.t)
	m.add("good-one-leaf", "a tree of one leaf: the proof is empty", f.receipt(m.t, true, paidStream))
	f.write(m.t, paidStream, paid{Reference: paidReference, Raw: domain.Personal("bytes \xff and a zero \x00"), Subject: "payment-1"})
	m.add("pending-some", "the head covers the first event alone", f.receipt(m.t, true, paidStream))
	odd := []eventstore.NewEvent{
		{ID: testID(9001), Type: "Odd \"type\" 😀", Data: []byte("\xff no JSON"), Metadata: nil},
		{ID: testID(9002), Type: "Large", Data: bytes.Repeat([]byte("0123456789abcdef"), 4200), Metadata: []byte("{}")},
		{ID: testID(9003), Type: "LargeBoth", Data: bytes.Repeat([]byte("d"), 33_000), Metadata: bytes.Repeat([]byte("m"), 66_000)},
		{ID: testID(9004), Type: "JustInline", Data: bytes.Repeat([]byte("j"), 65_535-45-len(oddStream)-len("JustInline"))},
		{ID: testID(9005), Type: "JustDigest", Data: bytes.Repeat([]byte("j"), 65_536-45-len(oddStream)-len("JustDigest"))},
	}
	if _, err := f.store.Append(m.t.Context(), oddStream, eventstore.NoStream, odd...); err != nil {
		m.t.Fatal(err)
	}
	f.head(m.t)
	m.add("good-odd-events", "names with odd characters, data that is no JSON, events whose data or metadata stand in their leaf by digest",
		f.receipt(m.t, false, oddStream))
	m.forge("large", "a byte of data that stands in its leaf by digest", f.receipt(m.t, false, oddStream), func(r *Receipt) {
		r.Events[1].Data[40_000] ^= 1
	})
	m.add("good-not-utf8", "a disclosed value that is no UTF-8", f.receipt(m.t, true, paidStream))
	m.oddFields(f)
}

// oddFields are disclosures of fields that look like sealed ones, in events that the log has.
func (m *vectorMaker) oddFields(f *fixture) {
	salt, value := bytes.Repeat([]byte{7}, saltBytes), []byte("254712345678")
	sum := sha256.Sum256(slices.Concat(salt, value))
	sealed := sealPrefix + base64.RawURLEncoding.EncodeToString(sum[:]) + "."
	for _, odd := range []struct{ name, what, data string }{
		{"good-plain-field", "a field as sealed ones are", `{"phone":"` + sealed + `QUJD"}`},
		{"refused-field-not-utf8", "the data of its event is no UTF-8, and so no JSON", `{"note":"` + "\xff" + `","phone":"` + sealed + `QUJD"}`},
		{"refused-field-key-not-utf8", "a key beside it is no UTF-8", `{"` + "\xed\xa0\x80" + `":1,"phone":"` + sealed + `QUJD"}`},
		{"refused-field-no-envelope", "it has no envelope", `{"phone":"` + sealed + `"}`},
		{"refused-field-padded", "its envelope is padded", `{"phone":"` + sealed + `QUI="}`},
		{"refused-field-spaced", "its envelope ends with a newline", `{"phone":"` + sealed + `QUJD\n"}`},
		{"refused-field-two-dots", "it has a part too many", `{"phone":"` + sealed + `QUJD.QUJD"}`},
	} {
		stream := "odd-" + odd.name
		e := eventstore.NewEvent{ID: uuid.NewSHA1(uuid.Nil, []byte(stream)), Type: "Odd", Data: []byte(odd.data), Metadata: []byte("{}")}
		if _, err := f.store.Append(m.t.Context(), stream, eventstore.NoStream, e); err != nil {
			m.t.Fatal(err)
		}
		f.head(m.t)
		r := mustDecode(m.t, f.receipt(m.t, false, stream))
		r.Disclosures = []Disclosure{{Path: "/data/phone", Salt: salt, Value: value}}
		m.add(odd.name, odd.what, mustEncode(m.t, r))
	}
}

// cosigned are receipts under heads with several signatures.
func (m *vectorMaker) cosigned(f *fixture) {
	if _, err := f.maker.Rotate(m.t.Context(), false); err != nil {
		m.t.Fatal(err)
	}
	f.others(m.t, 500, 501)
	head := f.head(m.t)
	var witnesses []string
	for _, name := range []string{"witness.example/w1", "witness.example/w2"} {
		c := newCosigner(name)
		parsed, err := headOf(head.Signed)
		if err != nil {
			m.t.Fatal(err)
		}
		text, err := signHead(parsed, c)
		if err != nil {
			m.t.Fatal(err)
		}
		line := strings.TrimSuffix(strings.SplitAfter(text, "\n\n")[1], "\n")
		cosigned := treehead.Cosigned{Size: head.Size, Cosignatures: []string{line}, At: start}
		if _, _, err := f.log.Append(m.t.Context(), treehead.HeadsStream, eventstore.AnyRevision, eventstore.Metadata{Actor: actor}, cosigned); err != nil {
			m.t.Fatal(err)
		}
		witnesses = append(witnesses, c.key())
	}
	f.heads.Observe(nil)
	m.of(f)
	keys := m.keys
	file := f.receipt(m.t, false, paidStream)
	twoWitnesses := func(v *vector) { v.Witnesses = 2 }
	m.add("good-cosigned", "two keys of the log and two witnesses have signed the head; all are known, two witnesses are asked for", file,
		keysAre(slices.Concat(keys, witnesses)...), twoWitnesses)
	m.add("good-cosigned-first-key", "the same, the first key alone is known", file, keysAre(keys[0]))
	m.add("key-of-seal-missing", "the same, the second key alone is known, which has not sealed it", file, keysAre(keys[1]))
	m.add("witness-missing", "the same, one of the witnesses is known, two are asked for", file, keysAre(keys[0], witnesses[1]), twoWitnesses)
	rotated := newCosigner("witness.example/w1")
	rotated.private = newCosigner("the second key of w1").private
	m.forge("one-witness", "a head that one witness has cosigned with two keys, both known; two witnesses are asked for", file, func(r *Receipt) {
		text, lines, err := splitNote(r.Checkpoint)
		if err != nil {
			m.t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: text}, rotated)
		if err != nil {
			m.t.Fatal(err)
		}
		lines[len(lines)-1] = strings.TrimSuffix(strings.SplitAfter(string(signed), "\n\n")[1], "\n")
		r.Checkpoint = text + "\n" + strings.Join(lines, "\n") + "\n"
	}, keysAre(keys[0], witnesses[0], rotated.key()), twoWitnesses)
	m.add("witness-alone", "the same, the witnesses are known and no key of the log", file, keysAre(witnesses...))
	alterLine := func(n int) func(r *Receipt) {
		return func(r *Receipt) {
			lines := strings.Split(strings.TrimSuffix(r.Checkpoint, "\n"), "\n")
			line := &lines[len(lines)-n]
			at := len(*line) - 30
			*line = (*line)[:at] + string((*line)[at]^1) + (*line)[at+1:]
			r.Checkpoint = strings.Join(lines, "\n") + "\n"
		}
	}
	m.forge("cosignature", "a byte of a known witness's cosignature", file, alterLine(1), keysAre(keys[0], witnesses[1]))
	m.forge("second-signature", "a byte of the second of the log's signatures, both keys known", file, alterLine(3), keysAre(keys...))
	m.alter("unknown-cosignature", "a byte of the cosignature of a witness that is not known", file, alterLine(1), keysAre(keys[0], witnesses[0]))
	m.alter("unknown-signature", "a byte of the signature of a key of the log that is not known", file, alterLine(3), keysAre(keys[0]))
}
