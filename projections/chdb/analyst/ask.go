package analyst

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/projections/chdb"
)

// childHost stands where HTTP wants a host; the dialer does not look at it.
const childHost = "readmodel.kipay.internal:80"

// maxErrorText bounds what is read of an error.
const maxErrorText = 64 << 10

func newChild(engine Engine) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return engine.DialContext(ctx, address)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
	}}
}

// passed are the headers of the child's answers that go through.
var passed = []string{
	"Content-Type", "X-Clickhouse-Query-Id", "X-Clickhouse-Server-Display-Name", "X-Clickhouse-Timezone", "X-Clickhouse-Format", "X-Clickhouse-Exception-Tag",
}

// ask puts a statement to the child and hands the answer back as it comes, at the speed of whoever is slower. It fills in
// the observation, and says whether the answer was cut off in the middle.
func (p *Port) ask(w http.ResponseWriter, r *http.Request, s statement, pack *packer, o *Observation) (cut bool) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+childHost+chdb.AnalystPath+"?"+s.query.Encode(), strings.NewReader(s.sql))
	if err == nil {
		err = p.opts.grant(o.Analyst).Write(request.Header)
	}
	if err != nil {
		p.refuse(w, o, &exception{http.StatusInternalServerError, codeNetworkError, "the request could not be handed on"}, err)
		return false
	}
	response, err := p.child.Do(request)
	if err != nil {
		if r.Context().Err() != nil {
			o.Code = codeCancelled
			return false
		}
		p.refuse(w, o, &exception{http.StatusServiceUnavailable, codeNetworkError, "the engine is not ready: ask again in a moment"}, err)
		return false
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or broken off
	if tables := response.Header.Get(chdb.TablesHeader); tables != "" {
		o.Tables = strings.Split(tables, ",")
		for _, table := range o.Tables {
			o.Personal = o.Personal || p.opts.PersonalDatabase != "" && strings.HasPrefix(table, p.opts.PersonalDatabase+".")
		}
	}
	h := w.Header()
	for _, name := range passed {
		if values := response.Header[name]; len(values) > 0 {
			h[name] = values
		}
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if response.StatusCode != http.StatusOK {
		p.passError(w, response, o)
		return false
	}
	return p.pass(w, response, pack, o)
}

func (p *Port) passError(w http.ResponseWriter, response *http.Response, o *Observation) {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxErrorText))
	if err != nil {
		p.refuse(w, o, &exception{http.StatusServiceUnavailable, codeNetworkError, "the engine went away: ask again in a moment"}, err)
		return
	}
	o.Code, _ = strconv.Atoi(response.Header.Get("X-ClickHouse-Exception-Code")) // 0 when it has none
	if o.Code == 0 {
		o.Code = codeNetworkError
	}
	o.Denied = isDenial(o.Code)
	answerText(w, statusOf(o.Code), o.Code, string(text))
}

// pass hands a result over. Its end is held back, because it may turn out to be an error.
func (p *Port) pass(w http.ResponseWriter, response *http.Response, pack *packer, o *Observation) (cut bool) {
	out := &output{w: w, control: http.NewResponseController(w), patience: p.opts.StallTimeout, pack: pack}
	// Its deadlines must not outlive this answer.
	defer func() { _ = out.control.SetWriteDeadline(time.Time{}) }() // it fails when the connection is closed
	defer func() { o.Bytes = out.bytes }()
	held := make([]byte, 0, chdb.MaxFrame+bufferSize)
	buffer := make([]byte, bufferSize)
	for {
		n, err := response.Body.Read(buffer)
		held = append(held, buffer[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // the child is gone, or the client: an answer that is cut must not look whole
			if o.Code = codeNetworkError; response.Request.Context().Err() != nil {
				o.Code = codeCancelled
			}
			return true
		}
		if ready := len(held) - chdb.MaxFrame; ready > 0 {
			if err := out.write(held[:ready]); err != nil {
				o.Code = codeCancelled
				return true
			}
			held = append(held[:0], held[ready:]...)
		}
	}
	o.Rows, _ = strconv.ParseUint(response.Header.Get(chdb.RowsTrailer)+response.Trailer.Get(chdb.RowsTrailer), 10, 64) // 0 when it does not say
	frame := 0
	if code, length, ok := strings.Cut(response.Trailer.Get(chdb.FailedTrailer), " "); ok {
		o.Code, _ = strconv.Atoi(code)
		frame, _ = strconv.Atoi(length)
		frame = min(frame, len(held))
	}
	if err := out.end(held[:len(held)-frame], held[len(held)-frame:]); err != nil {
		o.Code = codeCancelled
		return true
	}
	o.Complete = o.Code == 0
	return false
}

// bufferSize is how much is handed over at once.
const bufferSize = 64 << 10

// output writes an answer to the client, packed as it asked.
type output struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	pack     *packer
	packed   io.WriteCloser
	bytes    uint64
}

// deadlined is the client's side of an output. A client that takes nothing must not hold a connection of the engine for ever.
type deadlined struct{ *output }

func (d deadlined) Write(data []byte) (int, error) {
	if err := d.control.SetWriteDeadline(time.Now().Add(d.patience)); err != nil {
		return 0, err
	}
	n, err := d.w.Write(data)
	d.bytes += uint64(n)
	return n, err
}

func (o *output) write(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if o.packed == nil && o.pack != nil {
		if o.pack.encoding != "" {
			o.w.Header().Set("Content-Encoding", o.pack.encoding)
		}
		packed, err := o.pack.open(deadlined{o})
		if err != nil {
			return err
		}
		o.packed = packed
	}
	if o.packed != nil {
		_, err := o.packed.Write(data)
		return err
	}
	_, err := deadlined{o}.Write(data)
	return err
}

// end writes the last of the answer, and the frame of an error if there is one: inside an encoding of HTTP's, behind
// ClickHouse's own blocks, where its clients look for it.
func (o *output) end(last, frame []byte) error {
	if o.bytes == 0 && o.packed == nil && len(frame) == 0 && (o.pack == nil || len(last) == 0) {
		o.w.Header().Set("Content-Length", strconv.Itoa(len(last)))
	}
	if err := o.write(last); err != nil {
		return err
	}
	inside := o.packed != nil && o.pack.encoding != ""
	if inside {
		if err := o.write(frame); err != nil {
			return err
		}
	}
	if o.packed != nil {
		if err := o.packed.Close(); err != nil {
			return err
		}
	}
	if inside || len(frame) == 0 {
		return nil
	}
	_, err := deadlined{o}.Write(frame)
	return err
}
