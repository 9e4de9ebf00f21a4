package verifier_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rule is a receipt, or keys, that the test vectors lack, and what has to come of them.
type rule struct {
	asked
	verdict, step string
}

// from is the rule for a draft after a change.
func from(verdict, step string, change func(d *draft), others ...signer) rule {
	d := newDraft()
	change(d)
	return rule{d.asked(others...), verdict, step}
}

func replacing(old, now string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic(fmt.Sprintf("there is no %s to replace", old))
		}
		return strings.Replace(s, old, now, 1)
	}
}

func mustHold(t *testing.T, rules map[string]rule) {
	t.Helper()
	b := openPage(t)
	names := slices.Sorted(maps.Keys(rules))
	receipts := make([]asked, 0, len(rules))
	for _, name := range names {
		receipts = append(receipts, rules[name].asked)
	}
	for i, got := range verifyAll(b, receipts...) {
		if want := rules[names[i]]; got.Verdict != want.verdict || got.Step != want.step {
			t.Errorf("%s: %s %s (%s), want %s %s", names[i], got.Verdict, got.Step, got.Reason, want.verdict, want.step)
		}
	}
}

func TestTheFormOfAReceiptHasItsBounds(t *testing.T) {
	t.Parallel()
	ordered := func(first, second string) func(*draft) {
		return func(d *draft) {
			d.events[0].Data = []byte(asJSON(map[string]string{"ﬀ": sealed("a"), "😀": sealed("a")}))
			d.disclosures = []disclosure{{0, "/data/" + first, salt, []byte("a")}, {0, "/data/" + second, salt, []byte("a")}}
		}
	}
	waiting := func(n uint64) func(*draft) {
		return func(d *draft) {
			d.size, d.events = 0, nil
			for revision := range n {
				d.events = append(d.events, paid(revision))
			}
		}
	}
	disclosing := func(n int) func(*draft) {
		return func(d *draft) {
			for i := range n {
				d.disclosures = append(d.disclosures, disclosure{i + 1, "/data/a", salt, nil})
				d.disclosures[i].Value = []byte{}
			}
		}
	}
	mustHold(t, map[string]rule{
		"as it is":                        from("verified", "", func(*draft) {}),
		"names that JSON need not escape": from("verified", "", func(d *draft) { d.events[0].Stream = "a-\u2028\u007f</script>\ufeff" }),
		"names that it has to":            from("verified", "", func(d *draft) { d.events[0].Type = "\b\t\n\f\r\x01\x1f\"\\" }),
		"half a surrogate pair":           from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`"Paid"`, `"\ud800"`) }),
		"half of one in the seal":         from("refused", "form", func(d *draft) { d.afterSeal = replacing(`"seal":"`, `"seal":"\udfff`) }),
		"a whole pair, escaped":           from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`"Paid"`, `"\ud83d\ude00"`) }),
		"paths in the order of bytes":     from("verified", "", ordered("ﬀ", "😀")),
		"paths in the order of UTF-16":    from("refused", "form", ordered("😀", "ﬀ")),
		"an index of 2^53":                from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`"index":5`, `"index":9007199254740992`) }),
		"an index of minus 0":             from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`"index":5`, `"index":-0`) }),
		"a key that JavaScript knows":     from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`{"origin"`, `{"__proto__":0,"origin"`) }),
		"keys with a comma between":       from("refused", "form", func(d *draft) { d.afterSeal = replacing(`"format":"kipay-receipt","version":1`, `"format,version":1`) }),
		"another letter in the id":        from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`"id":"01950000-`, `"id":"0195000g-`) }),
		"version 0":                       from("refused", "version", func(d *draft) { d.afterSeal = replacing(`"version":1`, `"version":0`) }),
		"a later version with other keys": from("refused", "version", func(d *draft) { d.afterSeal = replacing(`"version":1`, `"version":2,"more":1`) }),
		"a version that is a text":        from("refused", "form", func(d *draft) { d.afterSeal = replacing(`"version":1`, `"version":"1"`) }),
		"a proof of 54 hashes": from("refused", "form", func(d *draft) {
			d.beforeSeal = replacing(`"proof":[`, `"proof":[`+strings.Repeat(asJSON(make([]byte, 32))+",", 54))
		}),
		"a hash of 31 bytes":              from("refused", "form", func(d *draft) { d.beforeSeal = replacing(`"proof":[`, `"proof":[`+asJSON(make([]byte, 31))+",") }),
		"deeper than any receipt":         {asked{Receipt: []byte(strings.Repeat("[", 1<<20))}, "refused", "form"},
		"a list":                          {asked{Receipt: []byte("[]\n")}, "refused", "form"},
		"null":                            {asked{Receipt: []byte("null\n")}, "refused", "form"},
		"4,096 events":                    from("not yet signed", "", waiting(4096)),
		"4,097 events":                    from("refused", "form", waiting(4097)),
		"32,768 disclosures, of no event": from("refused", "disclosure", disclosing(32768)),
		"32,769 disclosures":              from("refused", "form", disclosing(32769)),
		"a disclosure of event 2^53":      from("refused", "form", func(d *draft) { disclosing(1)(d); d.afterSeal = replacing(`"event":1`, `"event":9007199254740992`) }),
		"a head over no event":            from("refused", "head", func(d *draft) { d.beforeSeal = cutLeaf }),
	})
}

// cutLeaf takes the only event's leaf out of the value of "receipt".
func cutLeaf(value string) string {
	before, _, _ := strings.Cut(value, `"leaf":`)
	return replacing(`"pending":false`, `"pending":true`)(before + `"leaf":null}]}`)
}

func TestAFileThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	for size, want := range map[int]string{32 << 20: "not JSON", 32<<20 + 1: "larger"} {
		got := call[string](b, `async (size) => (await verifyReceipt(new Uint8Array(size).fill(0x20), '')).reason`, size)
		if !strings.Contains(got, want) {
			t.Errorf("%d bytes: %q, want something of %q", size, got, want)
		}
	}
}

func TestOnlyKeysThatAreWholeAreTaken(t *testing.T) {
	t.Parallel()
	log, witness := newSigner("pay.example/kipay", ofLog, 1), newSigner("witness.example/w1", ofWitness, 9)
	given := func(verdict, step, keys string) rule {
		return rule{asked{Receipt: newDraft().issue(), Keys: keys}, verdict, step}
	}
	encode := base64.StdEncoding.EncodeToString
	witnessed := from("refused", "key", func(d *draft) { d.sealer = newSigner(d.log.name, ofWitness, 4) }, newSigner(log.name, ofWitness, 4))
	rules := map[string]rule{
		"of a witness, who sealed it":   witnessed,
		"in a heap of white space":      given("verified", "", "\r\n \t"+log.key()+"\r\n\r\n"+witness.key()+" "),
		"twice":                         given("verified", "", log.key()+"\n"+log.key()),
		"with a remark":                 given("refused", "key", log.key()+" mine"),
		"another id":                    given("refused", "key", log.key()+"\n"+strings.Replace(log.key(), "+"+fmt.Sprintf("%x", log.id()), "+00000000", 1)),
		"an id in capitals":             given("refused", "key", log.key()+"\n"+strings.Replace(log.key(), fmt.Sprintf("%x", log.id()), fmt.Sprintf("%X", log.id()), 1)),
		"another name":                  given("refused", "key", log.key()+"\nx"+log.key()),
		"cut":                           given("refused", "key", log.key()+"\n"+log.key()[:len(log.key())-4]),
		"without a key":                 given("refused", "key", log.key()+"\npay.example/kipay+e51bd5be+"),
		"of one part":                   given("refused", "key", log.key()+"\npay.example/kipay"),
		"of a type that there is not":   given("refused", "key", log.key()+"\n"+newSigner("pay.example/kipay", 2, 1).key()),
		"a name with a space of width":  given("refused", "key", log.key()+"\n"+newSigner("a\u00a0b", ofLog, 2).key()),
		"a name with a control":         given("refused", "key", log.key()+"\n"+newSigner("a\u0080b", ofLog, 2).key()),
		"a name of 255 bytes":           given("verified", "", log.key()+"\n"+newSigner(strings.Repeat("a", 253)+"é", ofLog, 2).key()),
		"a name of 256 bytes":           given("refused", "key", log.key()+"\n"+newSigner(strings.Repeat("a", 254)+"é", ofLog, 2).key()),
		"no name":                       given("refused", "key", log.key()+"\n"+newSigner("", ofLog, 2).key()),
		"base64 of another form":        given("refused", "key", log.key()+"\na+00000000+"+encode([]byte{1})[:2]),
		"a witness's of the log's name": given("refused", "key", newSigner("pay.example/kipay", ofWitness, 1).key()),
	}
	for name, r := range map[string]rule{
		"the log's, among the witnesses'":  given("refused", "key", log.key()),
		"only among the witnesses'":        given("refused", "key", ""),
		"a stranger's, of the log's name,": given("refused", "key", log.key()),
	} {
		r.WitnessesKeys = log.key()
		if strings.HasPrefix(name, "a stranger's") {
			r.WitnessesKeys = newSigner("pay.example/kipay", ofLog, 3).key()
		}
		rules[name] = r
	}
	mustHold(t, rules)
}

func TestAHeadHasItsFormAndItsWitnesses(t *testing.T) {
	t.Parallel()
	one, again, two := newSigner("witness.example/w1", ofWitness, 9), newSigner("witness.example/w1", ofWitness, 10), newSigner("witness.example/w2", ofWitness, 11)
	cosigned := func(verdict, step string, want int, time uint64, by, known []signer) rule {
		r := from(verdict, step, func(d *draft) {
			for _, s := range by {
				d.cosigners = append(d.cosigners, s.sign(d.head(), time))
			}
		}, known...)
		r.Witnesses = want
		return r
	}
	strangers := func(n, bytes int) func(*draft) {
		return func(d *draft) {
			for i := range n {
				d.cosigners = append(d.cosigners, fmt.Sprintf("— stranger%d %s", i, base64.StdEncoding.EncodeToString(make([]byte, bytes))))
			}
		}
	}
	const end = 253402300799
	pending := from("refused", "witnesses", func(d *draft) { d.size = 0 }, one)
	pending.Witnesses = 1
	mustHold(t, map[string]rule{
		"two witnesses":                        cosigned("verified", "", 2, 1772438400, []signer{one, two}, []signer{one, two}),
		"one of them is not known":             cosigned("refused", "witnesses", 2, 1772438400, []signer{one, two}, []signer{one}),
		"a witness with two keys is one":       cosigned("refused", "witnesses", 2, 1772438400, []signer{one, again}, []signer{one, again}),
		"in the year 9999":                     cosigned("verified", "", 1, end, []signer{one}, []signer{one}),
		"in the year 10000":                    cosigned("refused", "head", 0, end+1, []signer{one}, []signer{one}),
		"in the last year there is":            cosigned("refused", "head", 0, 1<<64-1, []signer{one}, []signer{one}),
		"in a year that nobody reads":          cosigned("verified", "", 0, end+1, []signer{one}, nil),
		"no head for a witness to sign":        pending,
		"100 signatures":                       from("verified", "", strangers(99, 68)),
		"101 signatures":                       from("refused", "head", strangers(100, 68)),
		"more than 64 KiB":                     from("refused", "head", strangers(1, 49200)),
		"nearly 64 KiB":                        from("verified", "", strangers(1, 48900)),
		"an empty line behind the signatures":  from("refused", "head", func(d *draft) { d.cosigners = []string{""} }),
		"a line that is no signature":          from("refused", "head", func(d *draft) { d.cosigners = []string{"- stranger AAAAAAAA"} }),
		"another log's name":                   from("refused", "head", func(d *draft) { d.text = replacing("pay.example/kipay\n", "other.example/kipay\n") }),
		"a line in the place of the empty one": from("refused", "head", func(d *draft) { d.beforeSeal = replacing(`\n\n— `, `\nmore\n— `) }),
		"an extension line":                    from("refused", "head", func(d *draft) { d.text = func(s string) string { return s + "more\n" } }),
		"a size with a zero in front":          from("refused", "head", func(d *draft) { d.text = replacing("\n12\n", "\n012\n") }),
		"a size with a sign":                   from("refused", "head", func(d *draft) { d.text = replacing("\n12\n", "\n+12\n") }),
		"a size of 2^53":                       from("refused", "head", func(d *draft) { d.text = replacing("\n12\n", "\n9007199254740992\n") }),
		"a size of 2^53 + 1":                   from("refused", "head", func(d *draft) { d.text = replacing("\n12\n", "\n9007199254740993\n") }),
		"a size in hexadecimal":                from("refused", "head", func(d *draft) { d.text = replacing("\n12\n", "\n0xc\n") }),
		"a size of nothing":                    from("refused", "head", func(d *draft) { d.text = replacing("\n12\n", "\n\n") }),
		"a size of 0":                          from("refused", "inclusion", func(d *draft) { d.text = replacing("\n12\n", "\n0\n") }),
		"a root of two in one":                 from("refused", "head", func(d *draft) { d.text = func(s string) string { return strings.TrimSuffix(s, "\n") + "AAAA\n" } }),
		"lines that end with carriage returns": from("refused", "head", func(d *draft) { d.text = func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") } }),
	})
}

func TestLongLeavesGiveWayToDigestsInTheirOrder(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	rules := map[string]rule{}
	for name, parts := range map[string][4]int{ // stream, type, data, metadata
		"data":                             {20, 4, 70000, 10},
		"data and metadata":                {20, 4, 40000, 70000},
		"data, though metadata is as long": {20, 4, 40000, 40000},
		"and the type":                     {20, 70000, 40000, 70000},
		"and the stream":                   {70000, 70000, 40000, 70000},
		"the longest without any":          {20, 4, 65535 - 25 - 20 - 24 - 10, 10},
		"a byte more":                      {20, 4, 65535 - 25 - 20 - 24 - 10 + 1, 10},
		"data of 32 bytes stay":            {20, 4, 32, 70000},
		"data of 33 bytes do not":          {20, 4, 33, 70000},
		"nothing at all":                   {0, 0, 0, 0},
		"metadata, and 32 of type":         {40, 32, 0, 70000},
	} {
		rules[name] = from("verified", "", func(d *draft) {
			d.events[0].Stream, d.events[0].Type = long(parts[0]), long(parts[1])
			d.events[0].Data, d.events[0].Metadata = []byte(long(parts[2])), []byte(long(parts[3]))
		})
	}
	mustHold(t, rules)
}

func TestAProofLeadsToTheRootAtAnyPlaceOfAnyTree(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	const largest = 1<<53 - 1
	check := func(size, index uint64, wrong int) (good, bad asked, altered bool) {
		d := newDraft()
		d.size, d.index = size, index
		good = d.asked()
		proof := d.events[0].Leaf.Proof
		if len(proof) == 0 {
			return good, bad, false
		}
		hash := proof[wrong%len(proof)]
		other := bytes.Clone(hash)
		other[wrong%32] ^= 1
		d.beforeSeal = replacing(asJSON(hash), asJSON(other))
		return good, d.asked(), true
	}
	rapid.Check(t, func(rt *rapid.T) {
		// Around powers of two, and anywhere.
		size := uint64(1) << rapid.IntRange(0, 53).Draw(rt, "bits")
		size = min(max(size+rapid.Uint64Range(0, 8).Draw(rt, "more"), 5)-4, largest)
		if rapid.Bool().Draw(rt, "anywhere") {
			size = rapid.Uint64Range(1, largest).Draw(rt, "size")
		}
		index := rapid.Uint64Range(0, size-1).Draw(rt, "index")
		good, bad, altered := check(size, index, rapid.IntRange(0, 1000).Draw(rt, "wrong"))
		if got := verifyAll(b, good)[0]; got.Verdict != "verified" {
			rt.Fatalf("place %d of %d: %+v", index, size, got)
		}
		if !altered {
			return
		}
		if got := verifyAll(b, bad)[0]; got.Verdict != "refused" || got.Step != "inclusion" {
			rt.Fatalf("place %d of %d with a wrong hash: %+v", index, size, got)
		}
	})
}

func TestAPlaceIsOneOfTheTreeUnderTheHead(t *testing.T) {
	t.Parallel()
	rightmost := func(index, size int) rule {
		return from("refused", "inclusion", func(d *draft) { // all that is left out of the places and steps are right turns
			d.index, d.size = 15, 16
			d.text = replacing("\n16\n", fmt.Sprintf("\n%d\n", size))
			d.beforeSeal = replacing(`"index":15`, fmt.Sprintf(`"index":%d`, index))
		})
	}
	mustHold(t, map[string]rule{
		"a place past the last leaf":                 rightmost(31, 16),
		"a proof that goes on above the root":        rightmost(3, 4),
		"a proof that ends below the root":           rightmost(15, 32),
		"the places of a tree of 2^32 times as much": rightmost(1<<36-1, 1<<36),
		"two events at one place": from("refused", "events", func(d *draft) {
			other := paid(0)
			other.Stream, other.Leaf = "transaction-KIPAY2", &leaf{d.index, [][]byte{}}
			d.events = append(d.events, other)
		}),
	})
}

func TestADisclosureOpensTheFieldThatItNames(t *testing.T) {
	t.Parallel()
	opening := func(verdict, step, data, path, value string) rule {
		return from(verdict, step, func(d *draft) {
			d.events[0].Data = []byte(data)
			d.disclosures = []disclosure{{0, path, salt, []byte(value)}}
		})
	}
	deep := func(steps int) (data, path string) {
		return strings.Repeat(`{"a":`, steps) + `"` + sealed("v") + `"` + strings.Repeat("}", steps), "/data" + strings.Repeat("/a", steps)
	}
	field := func(value string) string { return `{"a":"` + value + `"}` }
	loose := []byte(sealed("v"))
	loose[3+42]++ // the last character of the commitment, whose lowest bits belong to no byte
	data16, path16 := deep(16)
	data17, path17 := deep(17)
	mustHold(t, map[string]rule{
		"a field":                         opening("verified", "", field(sealed("v")), "/data/a", "v"),
		"another value":                   opening("refused", "disclosure", field(sealed("v")), "/data/a", "w"),
		"an empty value":                  opening("verified", "", field(sealed("")), "/data/a", ""),
		"16 steps":                        opening("verified", "", data16, path16, "v"),
		"17 steps":                        opening("refused", "disclosure", data17, path17, "v"),
		"a step without a name":           opening("verified", "", `{"":"`+sealed("v")+`"}`, "/data/", "v"),
		"a list":                          opening("refused", "disclosure", `{"a":["`+sealed("v")+`"]}`, "/data/a/0", "v"),
		"a text's own properties":         opening("refused", "disclosure", field(sealed("v")), "/data/a/0", "v"),
		"what every object has":           opening("refused", "disclosure", field(sealed("v")), "/data/constructor/name", "v"),
		"a field called __proto__":        opening("verified", "", `{"__proto__":"`+sealed("v")+`"}`, "/data/__proto__", "v"),
		"a field within __proto__":        opening("verified", "", `{"__proto__":`+field(sealed("v"))+`}`, "/data/__proto__/a", "v"),
		"the last of two keys":            opening("verified", "", `{"a":"`+sealed("w")+`","a":"`+sealed("v")+`"}`, "/data/a", "v"),
		"the first of two keys":           opening("refused", "disclosure", `{"a":"`+sealed("v")+`","a":"`+sealed("w")+`"}`, "/data/a", "v"),
		"~01 is ~1":                       opening("verified", "", `{"~1":"`+sealed("v")+`"}`, "/data/~01", "v"),
		"~01 is no slash":                 opening("refused", "disclosure", `{"/":"`+sealed("v")+`"}`, "/data/~01", "v"),
		"a tilde at the end":              opening("refused", "disclosure", `{"a~":"`+sealed("v")+`"}`, "/data/a~", "v"),
		"a loose commitment":              opening("refused", "disclosure", field(string(loose)), "/data/a", "v"),
		"a commitment without envelope":   opening("refused", "disclosure", field(strings.TrimSuffix(sealed("v"), ".QUJD")), "/data/a", "v"),
		"another scheme":                  opening("refused", "disclosure", field(strings.Replace(sealed("v"), "s1", "s2", 1)), "/data/a", "v"),
		"a line behind it":                opening("refused", "disclosure", field(sealed("v")+`\n`), "/data/a", "v"),
		"data that are no JSON":           opening("refused", "disclosure", field(sealed("v"))+"x", "/data/a", "v"),
		"data that are not UTF-8":         opening("refused", "disclosure", `{"b":"`+"\xff"+`","a":"`+sealed("v")+`"}`, "/data/a", "v"),
		"data with a byte order mark":     opening("refused", "disclosure", "\ufeff"+field(sealed("v")), "/data/a", "v"),
		"white space around the data":     opening("verified", "", " \n"+field(sealed("v"))+"\t", "/data/a", "v"),
		"a field of metadata, not data's": opening("refused", "disclosure", field(sealed("v")), "/metadata/a", "v"),
	})
}
