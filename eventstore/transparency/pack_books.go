package transparency

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/benfex/kipay/domain/money"
)

// The columns of the files of a pack that are read again when it is verified.
const (
	EntriesHeader = "event_id,line,event_type,reference,account,currency,debit,credit,payment_channel_id,effective_at,booked_in,late_for"
	TrialHeader   = "account,currency,opening_debit,opening_credit,debit,credit,closing_debit,closing_credit,balance"
	ImportsHeader = "import_id,source,payment_channel_id,status,sha256,begun_at,finished_at,from,until,currency,lines,matched,statement,booked," +
		"difference,explained,unexplained,differences,balance_ties,balance_proven,message"
	DifferencesHeader = "import_id,number,item_id,cause,rule,state,line,receipt,entry,reference,candidates,event_ids,currency,amount,stated,booked," +
		"at,explanation,action,resolved_to,resolved_by,resolved_at"
)

// PackAmount is an amount as it stands in a pack, with all of its currency's decimals: 994.50.
func PackAmount(minor int64, c money.Currency) string {
	places := c.MinorDigits()
	sign := ""
	digits := strconv.FormatInt(minor, 10)
	if minor < 0 {
		sign, digits = "-", digits[1:]
	}
	if places == 0 {
		return sign + digits
	}
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// parsePackAmount reads what PackAmount wrote, and nothing else.
func parsePackAmount(s, currency string) (int64, bool) {
	c := money.Currency(currency)
	minor, err := strconv.ParseInt(strings.Replace(s, ".", "", 1), 10, 64)
	return minor, err == nil && PackAmount(minor, c) == s
}

// PackTotal is what a trial balance comes to in a currency, on either side.
type PackTotal struct{ Currency, Closing string }

// sides are what stands on both sides of an account.
type sides struct{ debit, credit int64 }

// accountIn is an account in a currency.
type accountIn struct{ account, currency string }

// packBooks adds up the entries while the events go by.
type packBooks struct {
	entries *packLines
	waiting []string // the next entry, nil at the end
	count   int64
	sums    map[accountIn]sides
}

func (p *packFile) openBooks() (*packBooks, error) {
	lines, err := p.lines(PackEntries)
	if err != nil {
		return nil, err
	}
	b := &packBooks{entries: lines, sums: map[accountIn]sides{}}
	header, _, err := lines.next()
	if err == nil && string(header) != EntriesHeader {
		err = refusePack(PackEntries, "its columns are others")
	}
	if err == nil {
		err = b.advance()
	}
	if err != nil {
		lines.end()
		return nil, err
	}
	return b, nil
}

// advance reads the next entry.
func (b *packBooks) advance() error {
	line, more, err := b.entries.next()
	if b.waiting = nil; err != nil || !more {
		return err
	}
	if b.waiting, err = csvLine(line, EntriesHeader); err != nil {
		return refusePack(PackEntries, "line %d can't be read", b.count+2)
	}
	b.count++
	return nil
}

// of takes the entries of an event, which balance in each currency.
func (b *packBooks) of(e *packEvent) error {
	const id, kind, account, currency, debit, credit = 0, 2, 4, 5, 6, 7
	left := map[string]int64{}
	name := e.ID.String()
	for b.waiting != nil && b.waiting[id] == name {
		row := b.waiting
		d, okDebit := parsePackAmount(row[debit], row[currency])
		c, okCredit := parsePackAmount(row[credit], row[currency])
		if !okDebit || !okCredit || d < 0 || c < 0 || row[kind] != e.Type {
			return refusePack(PackEntries, "line %d is no entry of event %s", b.count+1, name)
		}
		key := accountIn{row[account], row[currency]}
		sum := b.sums[key]
		b.sums[key] = sides{sum.debit + d, sum.credit + c}
		left[row[currency]] += d - c
		if err := b.advance(); err != nil {
			return err
		}
	}
	for in, difference := range left {
		if difference != 0 {
			return refusePack(PackEntries, "the entries of event %s don't balance in %s", name, in)
		}
	}
	return nil
}

// settle holds the trial balance against the entries: what there was before, and they, are what there is.
func (b *packBooks) settle(p *packFile, v *PackVerdict) ([]PackTotal, error) {
	switch {
	case b.waiting != nil:
		return nil, refusePack(PackEntries, "line %d is of event %.40q, which is not in the pack, or not in its order", b.count+1, b.waiting[0])
	case b.count != v.Entries:
		return nil, refusePack(PackEntries, "it has %d entries, and the manifest says %d", b.count, v.Entries)
	}
	rows, err := p.table(PackTrial, TrialHeader)
	if err != nil {
		return nil, err
	}
	totals := map[string]*[6]int64{}
	for n, row := range rows {
		const account, currency, firstAmount, balance = 0, 1, 2, 8
		var amounts [7]int64
		for i := range amounts {
			var ok bool
			if amounts[i], ok = parsePackAmount(row[firstAmount+i], row[currency]); !ok {
				return nil, refusePack(PackTrial, "line %d: %.40q is no amount", n+2, row[firstAmount+i])
			}
		}
		key := accountIn{row[account], row[currency]}
		sum := b.sums[key]
		delete(b.sums, key)
		const openingDebit, openingCredit, debit, credit, closingDebit, closingCredit, last = 0, 1, 2, 3, 4, 5, 6
		if amounts[debit] != sum.debit || amounts[credit] != sum.credit {
			return nil, refusePack(PackTrial, "%s in %s: the entries add up to other amounts", key.account, key.currency)
		}
		if amounts[openingDebit]+sum.debit != amounts[closingDebit] || amounts[openingCredit]+sum.credit != amounts[closingCredit] ||
			amounts[closingDebit]-amounts[closingCredit] != amounts[last] {
			return nil, refusePack(PackTrial, "%s in %s does not add up", key.account, key.currency)
		}
		if totals[key.currency] == nil {
			totals[key.currency] = &[6]int64{}
		}
		for i := range totals[key.currency] {
			totals[key.currency][i] += amounts[i]
		}
	}
	for key := range b.sums {
		return nil, refusePack(PackTrial, "%s in %s is missing", key.account, key.currency)
	}
	var out []PackTotal
	for currency, t := range totals {
		if t[0] != t[1] || t[2] != t[3] || t[4] != t[5] {
			return nil, refusePack(PackTrial, "debits and credits in %s differ", currency)
		}
		out = append(out, PackTotal{currency, currency + " " + PackAmount(t[4], money.Currency(currency))})
	}
	slices.SortFunc(out, func(a, b PackTotal) int { return strings.Compare(a.Currency, b.Currency) })
	return out, nil
}

// checkReconciliation holds imports against their differences: they make up the difference, to the cent.
func (p *packFile) checkReconciliation(v *PackVerdict) error {
	imports, err := p.table(PackImports, ImportsHeader)
	if err != nil {
		return err
	}
	differences, err := p.lines(PackDifferences)
	if err != nil {
		return err
	}
	defer differences.end()
	if header, _, err := differences.next(); err != nil || string(header) != DifferencesHeader {
		return refusePack(PackDifferences, "its columns are others")
	}
	sums, count := map[string]int64{}, int64(0)
	for {
		line, more, err := differences.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		const id, currency, amount = 0, 12, 13
		row, err := csvLine(line, DifferencesHeader)
		if err != nil {
			return refusePack(PackDifferences, "line %d can't be read", count+2)
		}
		minor, ok := parsePackAmount(row[amount], row[currency])
		if count++; !ok {
			return refusePack(PackDifferences, "line %d: %.40q is no amount", count+1, row[amount])
		}
		sums[row[id]] += minor
	}
	for n, row := range imports {
		const id, currency, statement, booked, difference, explained, unexplained = 0, 9, 12, 13, 14, 15, 16
		amounts := map[int]int64{}
		for _, i := range []int{statement, booked, difference, explained, unexplained} {
			var ok bool
			if amounts[i], ok = parsePackAmount(row[i], row[currency]); !ok {
				return refusePack(PackImports, "line %d: %.40q is no amount", n+2, row[i])
			}
		}
		if amounts[statement]-amounts[booked] != amounts[difference] || amounts[explained]+amounts[unexplained] != amounts[difference] {
			return refusePack(PackImports, "import %s does not add up", row[id])
		}
		if sums[row[id]] != amounts[difference] {
			return refusePack(PackDifferences, "those of import %s don't make up its difference", row[id])
		}
		delete(sums, row[id])
	}
	switch {
	case len(sums) > 0:
		return refusePack(PackDifferences, "some are of an import that is not in the pack")
	case int64(len(imports)) != v.Imports:
		return refusePack(PackImports, "it has %d imports, and the manifest says %d", len(imports), v.Imports)
	case count != v.Differences:
		return refusePack(PackDifferences, "it has %d, and the manifest says %d", count, v.Differences)
	}
	return nil
}

// table reads a small file of values, without its header.
func (p *packFile) table(name, header string) ([][]string, error) {
	lines, err := p.lines(name)
	if err != nil {
		return nil, err
	}
	defer lines.end()
	var rows [][]string
	for {
		line, more, err := lines.next()
		switch {
		case err != nil:
			return nil, err
		case !more && rows == nil:
			return nil, refusePack(name, "it is empty")
		case !more:
			return rows[1:], nil
		}
		row, err := csvLine(line, header)
		if err != nil || rows == nil && string(line) != header {
			return nil, refusePack(name, "line %d can't be read", len(rows)+1)
		}
		rows = append(rows, row)
	}
}

// csvLine reads a line with as many values as the header has; none of ours has a line break in it.
func csvLine(line []byte, header string) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(line))
	r.FieldsPerRecord = strings.Count(header, ",") + 1
	return r.Read()
}
