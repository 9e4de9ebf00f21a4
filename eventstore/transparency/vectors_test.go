package transparency

import (
	"bytes"
	order "cmp"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the test vectors of receipts anew")

const vectorsFolder = "testdata/receipts"

// vector is a receipt with what a verifier has to say of it. docs/receipt-format.md explains the manifest.
type vector struct {
	File string `json:"file"`
	// What says what is special about it.
	What string `json:"what"`
	// Keys are the verifier keys that the verifier is given, Witnesses how many witnesses it asks for.
	Keys      []string `json:"keys"`
	Witnesses int      `json:"witnesses,omitempty"`
	Verdict   string   `json:"verdict"`
	// Refusal is why, for who wants to know; verifiers have to agree on the verdict alone.
	Refusal Refusal `json:"refusal,omitempty"`
	// Opened are the fields that the receipt discloses, when it is not refused.
	Opened map[string]string `json:"opened,omitempty"`

	content []byte
}

// verdictOf is what we say of a vector.
func verdictOf(t *testing.T, v vector) vector {
	t.Helper()
	keys, err := ParseKeys(v.Keys...)
	if err != nil {
		t.Fatalf("%s: %v", v.File, err)
	}
	got, err := VerifyReceipt(v.content, VerifyOptions{Keys: keys, Witnesses: v.Witnesses})
	v.Verdict, v.Refusal, v.Opened = string(got.Status), refusal(v.content, VerifyOptions{Keys: keys, Witnesses: v.Witnesses}), nil
	if err != nil {
		v.Verdict = "refused"
		return v
	}
	for i, e := range got.Events {
		for _, o := range e.Opened {
			if v.Opened == nil {
				v.Opened = map[string]string{}
			}
			v.Opened[string(rune('0'+i))+o.Path] = base64.StdEncoding.EncodeToString([]byte(o.Value))
		}
	}
	return v
}

// readVectors reads the manifest and its receipts.
func readVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectorsFolder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Vectors []vector `json:"vectors"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for i := range manifest.Vectors {
		v := &manifest.Vectors[i]
		if v.content, err = os.ReadFile(filepath.Join(vectorsFolder, v.File)); err != nil {
			t.Fatal(err)
		}
	}
	return manifest.Vectors
}

// The vectors are what any other verifier has to agree with. They follow from the code, and change only with -update.
func TestVerifiersAgreeOnTheVectors(t *testing.T) {
	made := makeVectors(t)
	slices.SortFunc(made, func(a, b vector) int { return strings.Compare(a.File, b.File) })
	if *update {
		if err := os.RemoveAll(vectorsFolder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(vectorsFolder, 0o750); err != nil {
			t.Fatal(err)
		}
		var manifest struct {
			Vectors []vector `json:"vectors"`
		}
		for _, v := range made {
			if err := os.WriteFile(filepath.Join(vectorsFolder, v.File), v.content, 0o600); err != nil {
				t.Fatal(err)
			}
			manifest.Vectors = append(manifest.Vectors, verdictOf(t, v))
		}
		text, err := json.MarshalIndent(manifest, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(vectorsFolder, "manifest.json"), append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := readVectors(t)
	if len(list) != len(made) {
		t.Fatalf("the manifest has %d vectors, %d are made", len(list), len(made))
	}
	count := map[string]int{}
	for i, want := range list {
		if want.File != made[i].File || !bytes.Equal(want.content, made[i].content) {
			t.Errorf("%s is made with other bytes now", want.File)
		}
		if diff := cmp.Diff(want, verdictOf(t, want), cmp.AllowUnexported(vector{})); diff != "" {
			t.Errorf("%s: %s", want.File, diff)
		}
		count[want.Verdict]++
		kind, _, _ := strings.Cut(want.File, "-")
		expect := map[string]string{"good": "verified", "pending": "not yet signed"}[kind]
		if want.File == "forged-proof-gone.json" {
			expect = "not yet signed"
		}
		if want.Verdict != order.Or(expect, "refused") {
			t.Errorf("%s is %s", want.File, want.Verdict)
		}
	}
	if count["verified"] < 9 || count["not yet signed"] < 2 || count["refused"] < 70 {
		t.Errorf("%v", count)
	}
	t.Logf("%v", count)
}
