package statement

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/benfex/kipay/domain/reconciliation"
)

// Format is what kind of file a statement is.
type Format string

// The formats.
const (
	MpesaCSV                 Format = "mpesa_csv"
	MpesaXLSX                Format = "mpesa_xlsx"
	PaystackTransactionsCSV  Format = "paystack_transactions_csv"
	PaystackTransactionsJSON Format = "paystack_transactions_json" // pages of the API's list, one after another
	PaystackSettlementsCSV   Format = "paystack_settlements_csv"
	PaystackSettlementsJSON  Format = "paystack_settlements_json"
	BankCSV                  Format = "bank_csv"
	BankMT940                Format = "bank_mt940"
	BankCAMT053              Format = "bank_camt053"
	MpesaPullJSON            Format = "mpesa_pull_json" // what WritePulled writes; no file that anybody exports
)

// Source is what a file of this format is an extract of; empty for no format.
func (f Format) Source() reconciliation.Source {
	switch f {
	case MpesaCSV, MpesaXLSX:
		return reconciliation.SourceMpesa
	case PaystackTransactionsCSV, PaystackTransactionsJSON:
		return reconciliation.SourcePaystackTransactions
	case PaystackSettlementsCSV, PaystackSettlementsJSON:
		return reconciliation.SourcePaystackSettlement
	case BankCSV, BankMT940, BankCAMT053:
		return reconciliation.SourceBank
	case MpesaPullJSON:
		return reconciliation.SourceMpesaPull
	}
	return ""
}

// Input is a file, of which Size bytes are there.
type Input struct {
	io.ReaderAt
	Size int64
}

// Detect says what a file is, by what stands in it. With a source it must be one of that source's, and a table whose
// columns are not known is taken for it. Errors: ErrUnknown, ErrOldExcel, ErrTooLarge.
func Detect(in Input, source reconciliation.Source) (Format, error) {
	f, err := detect(in, source)
	if err != nil {
		return "", err
	}
	if source != "" && f.Source() != source {
		return "", fmt.Errorf("%w: it looks like %s, not like %s", ErrUnknown, f, source)
	}
	return f, nil
}

func detect(in Input, source reconciliation.Source) (Format, error) {
	if in.Size > MaxFileBytes {
		return "", ErrTooLarge
	}
	head := make([]byte, min(in.Size, sniffBytes))
	if n, err := in.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the begin of the file: %w", err)
	} else if head = head[:n]; n == 0 {
		return "", ErrUnknown
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return detectZip(in)
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return "", ErrOldExcel
	}
	text, _ := io.ReadAll(decoded(bytes.NewReader(head), Windows1252))
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return "", ErrUnknown
	}
	trimmed := strings.TrimLeft(string(text), " \t\r\n")
	switch {
	case strings.HasPrefix(trimmed, "<"):
		if strings.Contains(trimmed, camtNamespace) {
			return BankCAMT053, nil
		}
		return "", ErrUnknown
	case strings.HasPrefix(trimmed, "{1:"), strings.HasPrefix(trimmed, ":20:"), strings.Contains(trimmed, "\n:61:"):
		return BankMT940, nil
	case strings.HasPrefix(trimmed, "{"), strings.HasPrefix(trimmed, "["):
		return detectJSON(trimmed)
	}
	return detectTable(string(text), source)
}

func detectZip(in Input) (Format, error) {
	if in.Size > MaxXLSXBytes {
		return "", ErrTooLarge
	}
	z, err := zip.NewReader(in, in.Size)
	if err != nil {
		return "", ErrDamaged
	}
	for _, f := range z.File {
		if strings.HasPrefix(strings.ToLower(f.Name), "xl/") {
			return MpesaXLSX, nil
		}
	}
	return "", ErrUnknown
}

// detectJSON tells Paystack's two lists apart by names that only one of them has.
func detectJSON(head string) (Format, error) {
	switch {
	case strings.Contains(head, `"settlement_date"`), strings.Contains(head, `"effective_amount"`):
		return PaystackSettlementsJSON, nil
	case strings.Contains(head, `"reference"`) && strings.Contains(head, `"amount"`):
		return PaystackTransactionsJSON, nil
	}
	return "", ErrUnknown
}

// detectTable looks for a row of names that one of the known tables has. A bank's table is known only to its mapping.
func detectTable(text string, source reconciliation.Source) (Format, error) {
	if source == reconciliation.SourceBank {
		return BankCSV, nil
	}
	for _, mark := range delimiters() {
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = mark, -1, true
		for range headerRows {
			cells, err := r.Read()
			if err != nil {
				break
			}
			for i := range cells {
				cells[i] = folded(cells[i])
			}
			switch {
			case isMpesaHeader(cells):
				return MpesaCSV, nil
			case isSettlementHeader(cells):
				return PaystackSettlementsCSV, nil
			case isTransactionHeader(cells):
				return PaystackTransactionsCSV, nil
			}
		}
	}
	switch source { // its columns may be named by the caller
	case reconciliation.SourcePaystackTransactions:
		return PaystackTransactionsCSV, nil
	case reconciliation.SourcePaystackSettlement:
		return PaystackSettlementsCSV, nil
	default:
		return "", ErrUnknown
	}
}

// delimiters are what may stand between the cells of a row.
func delimiters() []rune { return []rune{',', ';', '\t', '|'} }
