package commands

import (
	"context"
	"encoding/json"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/phone"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// keyOfWords is whose key seals the words of the line that differs: the payment's or the payout's that it is tied to, else its own.
// It is empty where none are kept: what only the books have shows no line, a charge's line speaks of nobody, and of a payer who was
// erased nothing new is kept.
func (c *comparison) keyOfWords(ctx context.Context, d *journal.Difference) (string, error) {
	if d.Line == 0 || d.Cause == reconciliation.Fee {
		return "", nil
	}
	if d.Entry == reconciliation.EntryPayout && d.Reference != "" {
		return payout.Reference(d.Reference).Stream(), nil
	}
	for _, name := range []string{d.Payment, d.Reference} {
		if ref, ok := transaction.ParseReference(name); ok {
			key, erased, err := c.w.keyOfPayment(ctx, ref)
			if err != nil || erased {
				return "", err
			}
			if key != "" {
				return key, nil
			}
		}
	}
	return journal.LineKey(c.job.id, d.N), nil
}

// keyOfPayment is whose key seals what is said of a payment, empty for one that there isn't. erased says that the key was destroyed.
func (w *WriteSide) keyOfPayment(ctx context.Context, ref transaction.Reference) (key string, erased bool, _ error) {
	e, err := w.firstOf(ctx, ref.Stream())
	opened, _ := e.Event.(transaction.Initialized)
	return opened.Subject, e.Erased, err
}

// sealed are differences as events: one each for those whose line's words are kept, together what is between them.
func (c *comparison) sealed(ctx context.Context, part []journal.Difference, texts map[int]journal.LineText) ([]journal.DifferencesFound, error) {
	var out []journal.DifferencesFound
	at, bare := c.w.log.Now(), 0
	without := func(end int) {
		if bare < end {
			out = append(out, journal.DifferencesFound{ID: c.job.id, Subject: c.imp.Subject, Differences: part[bare:end], At: at})
		}
		bare = end + 1
	}
	for i := range part {
		key, err := c.keyOfWords(ctx, &part[i])
		if err != nil {
			return nil, err
		}
		text, ok := texts[part[i].Line]
		if key == "" || !ok {
			continue
		}
		words, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		without(i)
		out = append(out, journal.DifferencesFound{
			ID: c.job.id, Subject: key, Differences: part[i : i+1], Words: domain.Personal(words), At: at,
		})
	}
	without(len(part))
	return out, nil
}

// mayBeWords tells whether the reference on a line may be what a person wrote: a bank passes on what the payer of a transfer typed, such as a
// name or a phone. Those are kept with the line's words, sealed. What is no code of a bank's or provider's is taken for words.
func (c *comparison) mayBeWords(reference string) bool {
	if c.imp.Source != reconciliation.SourceBank || reference == "" {
		return false
	}
	if _, err := phone.NormaliseMpesa(reference); err == nil {
		return true
	}
	digits, letters := 0, 0
	for _, r := range reference {
		switch {
		case r >= '0' && r <= '9':
			digits, letters = digits+1, 0
		case r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z':
			if letters++; letters > codeLetters {
				return true
			}
		case r == '-' || r == '/' || r == '.' || r == '_':
			letters = 0
		default:
			return true
		}
	}
	return digits == 0
}

// codeLetters is how many letters a code has between its digits, at the most: more are a word.
const codeLetters = 4

// keyOfReason is whose key seals the reason of a decision: that of the line's words, else that of the payment which the decision or the
// difference names, else the import's. Keys that are destroyed are let be.
func (w *WriteSide) keyOfReason(ctx context.Context, imp journal.State, i journal.Item, d Decision) (string, error) {
	if i.Words != "" {
		return i.Subject, nil
	}
	for _, name := range []string{d.Reference, i.Payment, i.Reference} {
		if ref, ok := transaction.ParseReference(name); ok {
			if key, erased, err := w.keyOfPayment(ctx, ref); err != nil || key != "" && !erased {
				return key, err
			}
		}
	}
	return imp.Subject, nil
}

// lineOf is the line as it stands in the file; empty when it is erased, when it was not kept, or when only the books have it.
func lineOf(i journal.Item) journal.LineText {
	var text journal.LineText
	_ = json.Unmarshal([]byte(i.Words), &text)
	return text
}

// wordsOf is the line as it stands in the statement, for the events that rest on it, and its digest.
func (w *WriteSide) wordsOf(imp journal.State, i journal.Item) (raw, digest string) {
	text, err := json.Marshal(struct {
		Import  int64  `json:"import_id"`
		Item    int64  `json:"item_id"`
		SHA256  string `json:"sha256"`
		Line    int    `json:"line"`
		Receipt string `json:"receipt,omitempty"`
		Linked  string `json:"linked,omitempty"`
		Amount  string `json:"amount"`
		At      string `json:"at"`
		journal.LineText
	}{imp.ID, journal.ItemID(imp.ID, i.N), imp.SHA256, i.Line, i.Receipt, i.Linked, i.Stated.Format(), stamp(i.At), lineOf(i)})
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(text), w.derive.hash("statement line", itoa(imp.Merchant), i.Identity)
}
