package statement

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// camtNamespace begins the namespace of every version of the message (ISO 20022, BankToCustomerStatement).
const camtNamespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."

// camt053 reads CAMT.053 from version 02 on, an element at a time. Several statements in one file must be of one account.
// Lines are numbered by entry, from 1.
type camt053 struct {
	guard  *guard
	in     *xml.Decoder
	header *Header
	path   []string
	text   strings.Builder
	entry  camtEntry
	number int
	began  bool
	done   bool
	// balance is the Bal that is being read.
	balance camtBalance
	account string
}

// camtBalance is a Bal: its type, amount and side.
type camtBalance struct{ code, amount, currency, side, date string }

// camtEntry is what is read of an Ntry. An entry of several transactions is one line: the bank has booked it as one.
type camtEntry struct {
	amount, currency, side, reversal, status string
	date                                     string
	bankRef, entryRef, endToEnd, transaction string
	code, name, remittance, info             string
}

func newCAMT053(text io.Reader, header *Header) *camt053 {
	g := &guard{in: text}
	in := xml.NewDecoder(g)
	in.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "utf-8", "us-ascii", "utf-16": // of UTF-16 nothing is left here
			return r, nil
		case "windows-1252", "iso-8859-1":
			return decoded(r, Windows1252), nil
		}
		return nil, ErrDamaged
	}
	return &camt053{guard: g, in: in, header: header}
}

// next reads to the end of one entry.
func (c *camt053) next(into []Line) ([]Line, error) {
	if c.done {
		return into, io.EOF
	}
	for {
		c.guard.allow()
		t, err := c.in.Token()
		if err != nil {
			return into, c.ended(err)
		}
		switch t := t.(type) {
		case xml.Directive:
			return into, ErrDamaged
		case xml.StartElement:
			if err := c.start(t); err != nil {
				return into, err
			}
		case xml.CharData:
			if c.text.Len()+len(t) <= maxText {
				c.text.Write(t)
			}
		case xml.EndElement:
			l, ok, err := c.finish()
			if err != nil {
				return into, err
			}
			if ok {
				return append(into, l), nil
			}
		}
	}
}

func (c *camt053) ended(err error) error {
	switch {
	case errors.Is(err, io.EOF) && c.began && len(c.path) == 0:
		c.done = true
		return io.EOF
	case errors.Is(err, errRecordTooLong):
		return ErrTooLarge
	}
	return ErrDamaged
}

func (c *camt053) start(t xml.StartElement) error {
	if len(c.path) == 0 && !strings.HasPrefix(t.Name.Space, camtNamespace) {
		return ErrUnknown
	}
	if len(c.path) >= MaxDepth {
		return ErrTooLarge
	}
	c.path = append(c.path, t.Name.Local)
	c.text.Reset()
	switch {
	case c.at("Stmt", "Ntry"):
		c.number++
		c.entry = camtEntry{}
	case c.at("Stmt", "Bal"):
		c.balance = camtBalance{}
	case c.at("Ntry", "Amt"):
		c.entry.currency = attribute(t, "Ccy")
	case c.at("Bal", "Amt"):
		c.balance.currency = attribute(t, "Ccy")
	case c.at("BkToCstmrStmt", "Stmt"):
		c.began, c.account = true, ""
	}
	return nil
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// at tells whether the path ends with these names.
func (c *camt053) at(names ...string) bool {
	if len(names) > len(c.path) {
		return false
	}
	end := c.path[len(c.path)-len(names):]
	for i, n := range names {
		if end[i] != n {
			return false
		}
	}
	return true
}

func (c *camt053) within(name string) bool {
	for _, p := range c.path {
		if p == name {
			return true
		}
	}
	return false
}

// finish takes what an element held. ok is true at the end of an entry.
func (c *camt053) finish() (l Line, ok bool, err error) {
	text := clean(c.text.String())
	switch {
	case c.at("Stmt", "Ntry"):
		l, err = c.line()
		ok = err == nil
	case c.at("Stmt", "Bal"):
		err = c.takeBalance()
	case c.within("Ntry"):
		c.takeEntry(text)
	case c.within("Bal"):
		c.takeBalancePart(text)
	case c.within("Stmt"):
		err = c.takeStatement(text)
	}
	c.path = c.path[:len(c.path)-1]
	c.text.Reset()
	return l, ok, err
}

func (c *camt053) takeEntry(text string) {
	e := &c.entry
	switch {
	case c.at("Ntry", "Amt"):
		e.amount = text
	case c.at("Ntry", "CdtDbtInd"):
		e.side = text
	case c.at("Ntry", "RvslInd"):
		e.reversal = text
	case c.at("Ntry", "Sts"), c.at("Ntry", "Sts", "Cd"):
		if text != "" {
			e.status = text
		}
	case c.at("Ntry", "BookgDt", "Dt"), c.at("Ntry", "BookgDt", "DtTm"):
		e.date = text
	case c.at("Ntry", "ValDt", "Dt"), c.at("Ntry", "ValDt", "DtTm"):
		if e.date == "" {
			e.date = text
		}
	case c.at("Ntry", "AcctSvcrRef"):
		e.bankRef = text
	case c.at("Ntry", "NtryRef"):
		e.entryRef = text
	case c.at("Refs", "EndToEndId"):
		first(&e.endToEnd, text)
	case c.at("Refs", "TxId"):
		first(&e.transaction, text)
	case c.at("Ntry", "BkTxCd", "Prtry", "Cd"), c.at("Ntry", "BkTxCd", "Domn", "Fmly", "SubFmlyCd"):
		first(&e.code, text)
	case c.within("RltdPties") && c.at("Nm"):
		first(&e.name, text)
	case c.at("RmtInf", "Ustrd"), c.at("CdtrRefInf", "Ref"):
		e.remittance = short(strings.TrimSpace(e.remittance + " " + text))
	case c.at("Ntry", "AddtlNtryInf"):
		e.info = text
	}
}

// first keeps the first text that says something; NOTPROVIDED says nothing (ISO 20022, EndToEndIdentification).
func first(into *string, text string) {
	if *into == "" && text != "NOTPROVIDED" {
		*into = text
	}
}

func (c *camt053) takeBalancePart(text string) {
	b := &c.balance
	switch {
	case c.at("CdOrPrtry", "Cd"):
		b.code = text
	case c.at("Bal", "Amt"):
		b.amount = text
	case c.at("Bal", "CdtDbtInd"):
		b.side = text
	case c.at("Bal", "Dt", "Dt"), c.at("Bal", "Dt", "DtTm"):
		b.date = text
	}
}

func (c *camt053) takeStatement(text string) error {
	switch {
	case c.at("Acct", "Id", "IBAN"), c.at("Acct", "Id", "Othr", "Id"):
		if c.account != "" || text == "" {
			return nil
		}
		c.account = text
		if have := c.header.Account; have != "" && string(have) != text {
			return c.wrong("Acct", "is another account than before")
		}
		c.header.Account = domain.Personal(short(text))
	case c.at("Acct", "Ccy"):
		cur, err := money.ParseCurrency(text)
		if err != nil {
			return c.wrong("Ccy", "is not one of KES, NGN, GHS, ZAR, USD")
		}
		c.header.Currency = cur
	case c.at("FrToDt", "FrDtTm"), c.at("FrToDt", "ToDtTm"):
		at, err := camtTime(text)
		if err != nil {
			return c.wrong("FrToDt", err.Error())
		}
		if c.at("FrDtTm") {
			if c.header.From.IsZero() || at.Before(c.header.From) {
				c.header.From = at
			}
		} else if at.After(c.header.To) {
			c.header.To = at
		}
	}
	return nil
}

func (c *camt053) wrong(column, reason string) error {
	return &LineError{Line: max(1, c.number), Column: column, Reason: reason}
}

// takeBalance takes the opening of the first statement and the closing of the last; other balances are not needed.
func (c *camt053) takeBalance() error {
	b := &c.balance
	if b.code != "OPBD" && b.code != "PRCD" && b.code != "CLBD" {
		return nil
	}
	a, err := camtAmount(b.amount, b.currency, b.side, "")
	if err != nil {
		return c.wrong("Bal", err.Error())
	}
	switch {
	case b.code == "CLBD":
		c.header.Closing = &a
	case c.header.Opening == nil:
		c.header.Opening, c.header.Currency = &a, a.Currency
	case c.header.Closing != nil && *c.header.Closing != a && b.code == "OPBD":
		return c.wrong("Bal", "is not the balance with which the last statement ended")
	}
	return nil
}

// line is the entry as a line.
func (c *camt053) line() (Line, error) {
	e := &c.entry
	a, err := camtAmount(e.amount, e.currency, e.side, e.reversal)
	if err != nil {
		return Line{}, c.wrong("Amt", err.Error())
	}
	at, err := camtTime(e.date)
	if err != nil {
		return Line{}, c.wrong("BookgDt", err.Error())
	}
	l := Line{Number: c.number, Status: e.status, CompletedAt: at, ReasonType: short(e.code), Party: domain.Personal(short(e.name))}
	switch e.status {
	case "BOOK":
		l.Completed = true
	case "PDNG", "INFO", "FUTR":
	default:
		return Line{}, c.wrong("Sts", "is none that is known")
	}
	l.PaidIn, l.Withdrawn = bothSides(a)
	for _, r := range [...]string{e.bankRef, e.transaction, e.entryRef, e.endToEnd} {
		first(&l.Receipt, short(r))
	}
	if e.endToEnd != l.Receipt {
		l.Account = domain.Personal(short(e.endToEnd))
	}
	l.Details = domain.Personal(short(strings.TrimSpace(e.remittance + " " + e.info)))
	l.Kind = bankKind(nil, "", a)
	switch e.code { // ISO 20022, external bank transaction sub-families
	case "CHRG", "FEES", "COMM":
		l.Kind = reconciliation.KindFee
	}
	return l, nil
}

// camtAmount is more than zero for a credit. The side of a reversal is already that of the money.
func camtAmount(amount, currency, side, reversal string) (money.Money, error) {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return money.Money{}, errors.New("has a currency that is not one of KES, NGN, GHS, ZAR, USD")
	}
	a, err := money.Parse(amount, c)
	if err != nil || a.Minor < 0 {
		return money.Money{}, errNoAmount
	}
	if reversal != "" && reversal != "true" && reversal != "false" {
		return money.Money{}, errors.New("does not say whether it is a reversal")
	}
	switch side {
	case "CRDT":
		return a, nil
	case "DBIT":
		a.Minor = -a.Minor
		return a, nil
	}
	return money.Money{}, errors.New("is neither credit nor debit")
}

// camtTime reads a date or a time; without a zone it is East Africa's.
func camtTime(s string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, eat()); err == nil {
			return inRange(t)
		}
	}
	return time.Time{}, errNoDate
}
