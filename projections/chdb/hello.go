package chdb

import (
	"fmt"
	"net/http"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

const (
	// helloQuery is what clickhouse-go asks first on every HTTP connection.
	helloQuery  = "SELECT displayName(), version(), revision(), timezone()"
	displayName = "kipay"
)

// answerHello answers the driver's first question. The driver sent the revision of the protocol that it speaks and
// reads the answer at that revision; the answer says revision 0, so that it reads everything after as what the engine
// writes: Native without a revision. Results then go through untouched.
func (s *server) answerHello(w http.ResponseWriter, req *request) error {
	if req.format != "Native" {
		return refuse(codeNotImplemented, "NOT_IMPLEMENTED", "this question is answered in Native only")
	}
	block := proto.NewBlock()
	var buffer chproto.Buffer
	for _, c := range []struct{ name, kind string }{
		{"displayName()", "String"}, {"version()", "String"}, {"revision()", "UInt32"}, {"timezone()", "String"},
	} {
		if err := block.AddColumn(c.name, column.Type(c.kind)); err != nil {
			return fmt.Errorf("chdb: hello: %w", err)
		}
	}
	if err := block.Append(displayName, s.version, uint32(0), s.timezone); err != nil {
		return fmt.Errorf("chdb: hello: %w", err)
	}
	if err := block.Encode(&buffer, req.revision); err != nil {
		return fmt.Errorf("chdb: hello: %w", err)
	}
	s.write(w, buffer.Buf)
	return nil
}
