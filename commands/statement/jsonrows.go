package statement

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// jsonRows are the entries of the data lists of Paystack's API answers, one page after another, as rows of a table with the
// named columns. The first row is the names. A list without an answer round it will do as well.
type jsonRows struct {
	guard   *guard
	in      *json.Decoder
	fields  []string
	number  int
	inside  bool // within a list
	wrapped bool // which is a member of an answer
	named   bool
	cells   []string
}

func newJSONRows(r io.Reader, fields []string) *jsonRows {
	g := &guard{in: r}
	g.allow()
	in := json.NewDecoder(g)
	in.UseNumber()
	return &jsonRows{guard: g, in: in, fields: fields, cells: make([]string, len(fields))}
}

// transactionFields and settlementFields are what is read of each entry (Paystack, List Transactions, List Settlements).
func transactionFields() []string {
	return []string{"id", "reference", "amount", "fees", "status", "paid_at", "currency"}
}

func settlementFields() []string {
	return []string{"id", "total_processed", "total_fees", "deductions", "effective_amount", "status", "settlement_date", "currency"}
}

func (j *jsonRows) next() (row, error) {
	if !j.named {
		j.named = true
		return row{cells: append([]string(nil), j.fields...)}, nil
	}
	for {
		j.guard.allow()
		if !j.inside {
			if err := j.openPage(); err != nil {
				return row{}, err
			}
		}
		if j.in.More() {
			return j.entry()
		}
		if err := j.closePage(); err != nil {
			return row{}, err
		}
	}
}

func (j *jsonRows) entry() (row, error) {
	j.number++
	var entry map[string]json.RawMessage
	if err := j.in.Decode(&entry); err != nil {
		return row{}, damaged(err)
	}
	for i, f := range j.fields {
		text, ok := plainText(entry[f])
		if !ok {
			return row{}, &LineError{Line: j.number, Column: f, Reason: "is neither a text nor a number"}
		}
		j.cells[i] = clean(text)
	}
	return row{number: j.number, cells: j.cells}, nil
}

// openPage goes to the list of the next page; io.EOF when there is none.
func (j *jsonRows) openPage() error {
	t, err := j.in.Token()
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return damaged(err)
	case t == json.Delim('['):
		j.inside, j.wrapped = true, false
		return nil
	case t != json.Delim('{'):
		return ErrDamaged
	}
	for j.in.More() {
		name, err := j.in.Token()
		if err != nil {
			return damaged(err)
		}
		if name == "data" {
			if t, err := j.in.Token(); err != nil || t != json.Delim('[') {
				return damaged(err)
			}
			j.inside, j.wrapped = true, true
			return nil
		}
		if err := j.pass(); err != nil {
			return err
		}
	}
	return ErrDamaged // an answer without data
}

// closePage passes over the end of a list and of the answer round it.
func (j *jsonRows) closePage() error {
	j.inside = false
	if _, err := j.in.Token(); err != nil {
		return damaged(err)
	}
	if !j.wrapped {
		return nil
	}
	for j.in.More() {
		if _, err := j.in.Token(); err != nil {
			return damaged(err)
		}
		if err := j.pass(); err != nil {
			return err
		}
	}
	if _, err := j.in.Token(); err != nil {
		return damaged(err)
	}
	return nil
}

// pass passes over one value.
func (j *jsonRows) pass() error {
	var passed json.RawMessage
	if err := j.in.Decode(&passed); err != nil {
		return damaged(err)
	}
	return nil
}

func damaged(err error) error {
	if errors.Is(err, errRecordTooLong) {
		return ErrTooLarge
	}
	return ErrDamaged
}

// plainText is a text or a number as text; null and what is missing are empty.
func plainText(raw json.RawMessage) (string, bool) {
	s := strings.TrimSpace(string(raw))
	switch {
	case s == "" || s == "null":
		return "", true
	case s[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err == nil
	case s[0] == '-' || s[0] >= '0' && s[0] <= '9':
		return s, true
	}
	return "", false
}
