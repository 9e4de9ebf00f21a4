package journal

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// FileClaimed says which import a file became. A later one takes its place when the import failed.
type FileClaimed struct {
	Import   int64     `json:"import_id"`
	Merchant int64     `json:"merchant_id"`
	SHA256   string    `json:"sha256"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (FileClaimed) EventType() string { return "StatementFileClaimed" }

// Begun says that a statement came. Its lines are read and matched; nothing is counted yet.
type Begun struct {
	ID       int64                 `json:"id"`
	Merchant int64                 `json:"merchant_id"`
	Mode     domain.Mode           `json:"mode"`
	Channel  int64                 `json:"channel_id,omitempty"` // 0 for a bank account
	Source   reconciliation.Source `json:"source"`
	Format   string                `json:"format"`
	Subject  string                `json:"subject"`
	File     domain.Personal       `json:"file,omitempty"` // as it was called
	// Account is what the merchant calls the account at a bank.
	Account domain.Personal `json:"account,omitempty"`
	SHA256  string          `json:"sha256"`
	Bytes   int64           `json:"bytes"`
	At      time.Time       `json:"at"`
}

// EventType is the wire name.
func (Begun) EventType() string { return "StatementImportBegun" }

// SubjectName is whose key seals it.
func (e Begun) SubjectName() string { return e.Subject }

// BadLine is a line that can't be read.
type BadLine struct {
	Line   int    `json:"line"`
	Column string `json:"column,omitempty"`
	Reason string `json:"reason"`
}

// Refused says that nothing of a statement was taken, and why.
type Refused struct {
	ID     int64     `json:"id"`
	Reason string    `json:"reason"`
	Lines  []BadLine `json:"lines,omitempty"` // the first of them
	Bad    int       `json:"bad,omitempty"`   // how many there are
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (Refused) EventType() string { return "StatementImportRefused" }

// Difference is one thing that the statement and the books do not agree on. It holds no personal data.
type Difference struct {
	N          int                  `json:"n"`
	Identity   string               `json:"identity"`
	Line       int                  `json:"line,omitempty"`
	Kind       reconciliation.Kind  `json:"kind,omitempty"`
	Receipt    string               `json:"receipt,omitempty"`
	Linked     string               `json:"linked,omitempty"` // the receipt that the line says it belongs to
	Entry      reconciliation.Entry `json:"entry,omitempty"`
	Reference  string               `json:"reference,omitempty"`
	Payment    string               `json:"payment,omitempty"` // that a refund gives back
	References []string             `json:"references,omitempty"`
	Events     []string             `json:"event_ids,omitempty"`
	Rule       reconciliation.Rule  `json:"rule"`
	Cause      reconciliation.Cause `json:"cause"`
	State      reconciliation.State `json:"state"`
	Amount     money.Money          `json:"amount"` // what it adds to statement less books
	Stated     money.Money          `json:"stated"`
	Booked     money.Money          `json:"booked"`
	At         time.Time            `json:"at,omitzero"` // by the statement's clock
	Text       string               `json:"text"`
}

// DifferencesFound brings some of an import's differences: one alone where the words of its line are kept with it.
type DifferencesFound struct {
	ID          int64        `json:"id"`
	Subject     string       `json:"subject"`
	Differences []Difference `json:"differences"`
	// Words are the line as it stands in the file, a JSON object of LineText. They are sealed under the key of whom they speak of: the
	// payment's or the payout's that the line is tied to, else one of the line's own (LineKey).
	Words domain.Personal `json:"words,omitempty"`
	At    time.Time       `json:"at"`
}

// EventType is the wire name.
func (DifferencesFound) EventType() string { return "StatementDifferencesFound" }

// SubjectName is whose key seals it.
func (e DifferencesFound) SubjectName() string { return e.Subject }

// LineText is a line as it stands in the file.
type LineText struct {
	Party   string `json:"party,omitempty"`
	Account string `json:"account,omitempty"`
	Details string `json:"details,omitempty"`
	Status  string `json:"status,omitempty"`
	Reason  string `json:"reason_type,omitempty"`
	// Reference is what stands where a receipt would, of a bank's line, where it may be words of the payer's.
	Reference string `json:"reference,omitempty"`
}

// CauseSum is what the differences of one cause come to.
type CauseSum struct {
	Cause  reconciliation.Cause `json:"cause"`
	Count  int                  `json:"count"`
	Amount money.Money          `json:"amount"`
}

// Step is a step of the balance proof.
type Step struct {
	Name    string      `json:"name"`
	Count   int         `json:"count,omitempty"`
	Amount  money.Money `json:"amount"`
	Balance money.Money `json:"balance"`
}

// Proof ties the clearing account to the statement's closing balance.
type Proof struct {
	ClearingOpening  money.Money `json:"clearing_opening"`
	ClearingClosing  money.Money `json:"clearing_closing"`
	StatementOpening money.Money `json:"statement_opening"`
	StatementClosing money.Money `json:"statement_closing"`
	Steps            []Step      `json:"steps"`
	Ties             bool        `json:"ties"`
	Proven           bool        `json:"proven"`
}

// Break is a running balance that does not follow from the line before it.
type Break struct {
	Line     int         `json:"line"`
	Stated   money.Money `json:"stated"`
	Expected money.Money `json:"expected"`
}

// Reconciled says that the statement was compared with the books: explained and unexplained make up the difference, to the cent.
type Reconciled struct {
	ID int64 `json:"id"`
	// Books is the position up to which the books were read.
	Books       uint64         `json:"books"`
	From        time.Time      `json:"from"`
	Until       time.Time      `json:"until"`
	Currency    money.Currency `json:"currency"`
	Lines       int            `json:"lines"`
	Matched     int            `json:"matched"`
	Statement   money.Money    `json:"statement"`
	Booked      money.Money    `json:"booked"`
	Difference  money.Money    `json:"difference"`
	Explained   money.Money    `json:"explained"`
	Unexplained money.Money    `json:"unexplained"`
	ByCause     []CauseSum     `json:"by_cause,omitempty"`
	Open        int            `json:"open"`
	Differences int            `json:"differences"`
	// Checked is how many running balances were compared with the one before, Breaks how many did not follow.
	Checked int   `json:"checked"`
	Breaks  int   `json:"breaks,omitempty"`
	First   Break `json:"first_break,omitzero"`
	Proof   Proof `json:"proof,omitzero"` // absent where the statement shows no balances
	// Counting says that Counted follows. Older statements counted without a word of it.
	Counting bool      `json:"counting,omitempty"`
	At       time.Time `json:"at"`
}

// HasProof tells whether the statement showed balances, so that they could be compared.
func (e Reconciled) HasProof() bool { return e.Proof.StatementClosing.Currency != "" }

// EventType is the wire name.
func (Reconciled) EventType() string { return "StatementReconciled" }

// Counted says that what is certain of a statement has counted: nothing more of it does by itself.
type Counted struct {
	ID int64     `json:"id"`
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (Counted) EventType() string { return "StatementCounted" }

// Resolution is what was decided about one difference.
type Resolution struct {
	N         int    `json:"n"`
	Action    Action `json:"action"`
	Reference string `json:"reference,omitempty"`
	// TakenBack is a decision that could not be booked: Action is what holds again, empty where nothing was decided before it.
	TakenBack Action `json:"taken_back,omitempty"`
}

// Resolved keeps decisions about differences: a person's about one alone, because its reason is sealed under the key of that one's
// words. Who decided is in the event's metadata.
type Resolved struct {
	ID          int64           `json:"id"`
	Subject     string          `json:"subject"`
	Resolutions []Resolution    `json:"resolutions"`
	Reason      domain.Personal `json:"reason,omitempty"`
	At          time.Time       `json:"at"`
}

// EventType is the wire name.
func (Resolved) EventType() string { return "StatementDifferencesResolved" }

// SubjectName is whose key seals it.
func (e Resolved) SubjectName() string { return e.Subject }

// MappingKept keeps how a bank writes its CSV, so that it is said once.
type MappingKept struct {
	Merchant int64  `json:"merchant_id"`
	Bank     string `json:"bank"`
	// Mapping is the JSON of a statement.Mapping.
	Mapping string    `json:"mapping"`
	At      time.Time `json:"at"`
}

// EventType is the wire name.
func (MappingKept) EventType() string { return "BankMappingKept" }
