package chdb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// AnalystPath is where the child answers the statements of analysts: one statement in the body of a POST, its parameters,
// settings and format in the URL as in ClickHouse's HTTP interface, and who may read what in the header GrantHeader. The
// child has no keys and believes what the header says: the socket is its owner's alone, and whoever forwards a request
// from outside writes the header itself.
const (
	AnalystPath = "/analyst"
	GrantHeader = "X-Kipay-Grant"
	// TablesHeader is in the answer: the tables that the statement reads, separated by commas.
	TablesHeader = "X-Kipay-Tables"
	// RowsTrailer follows the answer, or comes with it when it is short: the number of rows in it.
	RowsTrailer = "X-Kipay-Rows"
	// FailedTrailer follows an answer that broke off: ClickHouse's number of the error, and the length of the frame that
	// tells of it, which is the answer's end. MaxFrame is how long that may be.
	FailedTrailer = "X-Kipay-Failed"
	MaxFrame      = maxFramedError + 256
)

// Grant is what one statement of an analyst may read and use. Every limit is set: there is no zero that means none.
type Grant struct {
	// Databases are those whose tables and views may be read; the first is the current one unless the request names another.
	Databases []string `json:"databases"`
	// MerchantID, unless 0, leaves only the rows of one merchant: of tables with a column merchant_id. Others look empty.
	MerchantID int64 `json:"merchant_id,omitempty"`
	// MaxSeconds is how long it may run, the sending of the answer included.
	MaxSeconds float64 `json:"max_seconds"`
	// MaxRowsToRead and MaxResultRows bound the rows that are read and answered; MaxResultBytes the answer's size in memory.
	MaxRowsToRead  uint64 `json:"max_rows_to_read"`
	MaxResultRows  uint64 `json:"max_result_rows"`
	MaxResultBytes uint64 `json:"max_result_bytes"`
}

// maxGrantedTime keeps a statement from outliving its token by far.
const maxGrantedTime = time.Hour

// maxDatabases bounds a grant.
const maxDatabases = 16

// plainName is what databases and tables have to be called to be read by analysts: nothing that needs a quote.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

func (g Grant) validate() error {
	if len(g.Databases) == 0 || len(g.Databases) > maxDatabases {
		return fmt.Errorf("chdb: grant: %d databases, not 1 to %d", len(g.Databases), maxDatabases)
	}
	for _, name := range g.Databases {
		if !plainName.MatchString(name) || name == "system" {
			return fmt.Errorf("chdb: grant: %q cannot be granted", name)
		}
	}
	if g.MerchantID < 0 || g.MaxSeconds <= 0 || g.MaxSeconds > maxGrantedTime.Seconds() || g.MaxRowsToRead == 0 || g.MaxResultRows == 0 || g.MaxResultBytes == 0 {
		return fmt.Errorf("chdb: grant: a limit is missing or out of range: %+v", g)
	}
	return nil
}

// Write puts the grant into the header of a request to the child, in place of any that is there.
func (g Grant) Write(header http.Header) error {
	if err := g.validate(); err != nil {
		return err
	}
	text, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("chdb: grant: %w", err)
	}
	header.Set(GrantHeader, string(text))
	return nil
}

func readGrant(header http.Header) (Grant, error) {
	var g Grant
	if err := json.Unmarshal([]byte(header.Get(GrantHeader)), &g); err != nil {
		return g, fmt.Errorf("chdb: grant: %w", err)
	}
	return g, g.validate()
}
