package verifier_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vectorsDir holds the test vectors that docs/receipt-format.md names.
const vectorsDir = "../../../eventstore/transparency/testdata/receipts"

// vector is an entry of the manifest.
type vector struct {
	File      string            `json:"file"`
	What      string            `json:"what"`
	Keys      []string          `json:"keys"`
	Witnesses int               `json:"witnesses"`
	Verdict   string            `json:"verdict"`
	Refusal   string            `json:"refusal"`
	Opened    map[string]string `json:"opened"`
}

// receipt is the file of a vector.
func (v vector) receipt(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorsDir, v.File))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(vectorsDir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Vectors
}

// vectorNamed is the vector with that file.
func vectorNamed(t *testing.T, file string) vector {
	t.Helper()
	for _, v := range vectors(t) {
		if v.File == file {
			return v
		}
	}
	t.Fatalf("there is no vector %s", file)
	return vector{}
}

// asked is a receipt to be verified.
type asked struct {
	Receipt       []byte `json:"receipt"` // in base64, for the way into the page
	Keys          string `json:"keys"`
	WitnessesKeys string `json:"witnessesKeys"`
	Witnesses     int    `json:"witnesses"`
}

// answered is what of a verdict the tests compare.
type answered struct {
	Verdict string            `json:"verdict"`
	Step    string            `json:"step"`
	Reason  string            `json:"reason"`
	Opened  map[string]string `json:"opened"`
}

// verifyAll has the page's verifier judge receipts.
func verifyAll(b *tab, receipts ...asked) []answered {
	b.Helper()
	return call[[]answered](b, `async (receipts) => {
		const answers = [];
		for (const r of receipts) {
			const bytes = Uint8Array.from(atob(r.receipt ?? ''), (c) => c.charCodeAt(0));
			const v = await verifyReceipt(bytes, r.keys, r.witnessesKeys, r.witnesses);
			const opened = {};
			(v.events || []).forEach((e, i) => e.disclosed.forEach((d) => { opened[i + d.path] = btoa(String.fromCharCode(...d.value)); }));
			answers.push({ verdict: v.verdict, step: v.step || '', reason: v.reason || '', opened });
		}
		return answers;
	}`, receipts)
}

func TestTheSecondVerifierAgreesOnEveryVector(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	list := vectors(t)
	files, err := os.ReadDir(vectorsDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(files)-1 || len(list) < 100 {
		t.Fatalf("the manifest lists %d of %d receipts", len(list), len(files)-1)
	}
	receipts := make([]asked, 0, len(list))
	for _, v := range list {
		receipts = append(receipts, asked{Receipt: v.receipt(t), Keys: strings.Join(v.Keys, "\n"), Witnesses: v.Witnesses})
	}
	verdicts := map[string]int{}
	for i, got := range verifyAll(b, receipts...) {
		v := list[i]
		verdicts[got.Verdict]++
		want := answered{Verdict: v.Verdict, Step: v.Refusal, Reason: got.Reason, Opened: v.Opened}
		if want.Opened == nil {
			want.Opened = map[string]string{}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s, %s (-manifest +page):\n%s", v.File, v.What, d)
		}
		if (got.Verdict == "refused") != (got.Reason != "") {
			t.Errorf("%s: %s because of %q", v.File, got.Verdict, got.Reason)
		}
	}
	if verdicts["verified"] < 5 || verdicts["not yet signed"] < 2 || verdicts["refused"] < 80 {
		t.Errorf("the vectors are one-sided: %v", verdicts)
	}
}

func TestAnyAlteredByteIsRefused(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	v := vectorNamed(t, "good-disclosed.json")
	receipt := v.receipt(t)
	type outcome struct {
		Good   string   `json:"good"`
		Tried  int      `json:"tried"`
		Passed []string `json:"passed"`
	}
	got := call[outcome](b, `async (receipt, keys) => {
		const good = Uint8Array.from(atob(receipt), (c) => c.charCodeAt(0));
		const out = { good: (await verifyReceipt(good, keys)).verdict, tried: 0, passed: [] };
		const refused = async (what, bytes) => {
			out.tried++;
			const v = await verifyReceipt(bytes, keys);
			if (v.verdict !== 'refused') out.passed.push(what + ': ' + v.verdict);
		};
		for (let i = 0; i < good.length; i++) {
			const flipped = good.slice();
			flipped[i] ^= 1 << (i % 8);
			await refused('a bit of byte ' + i, flipped);
			await refused('without byte ' + i, good.filter((_, j) => j !== i));
			await refused('cut before byte ' + i, good.subarray(0, i));
		}
		return out;
	}`, base64.StdEncoding.EncodeToString(receipt), strings.Join(v.Keys, "\n"))
	if got.Good != "verified" || got.Tried != 3*len(receipt) {
		t.Fatalf("the receipt itself is %s, %d alterations of %d bytes were tried", got.Good, got.Tried, len(receipt))
	}
	for _, p := range got.Passed {
		t.Error(p)
	}
}
