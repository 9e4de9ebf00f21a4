package analyst

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"
)

// packer is how an answer is packed: encoding is the value of Content-Encoding, or "" where the data itself is packed.
type packer struct {
	encoding string
	open     func(io.Writer) (io.WriteCloser, error)
}

// choosePacker takes what the client asked for: ClickHouse's own blocks (compress=1), or one of HTTP's encodings, which
// ClickHouse uses when enable_http_compression is set. Nil means none.
func choosePacker(r *http.Request) (*packer, *exception) {
	query := r.URL.Query()
	if v := query.Get("compress"); v != "" && v != "0" {
		method := compress.LZ4
		switch strings.ToUpper(query.Get("network_compression_method")) {
		case "", "LZ4", "LZ4HC":
		case "ZSTD":
			method = compress.ZSTD
		case "NONE":
			method = compress.None
		default:
			return nil, &exception{http.StatusBadRequest, codeBadArguments, "network_compression_method is not LZ4, ZSTD or NONE"}
		}
		return &packer{open: func(w io.Writer) (io.WriteCloser, error) {
			return &blocks{to: w, pack: compress.NewWriter(compress.LevelZero, method)}, nil
		}}, nil
	}
	if v := query.Get("enable_http_compression"); v == "" || v == "0" {
		return nil, nil
	}
	accepted := strings.Split(strings.ToLower(strings.ReplaceAll(r.Header.Get("Accept-Encoding"), " ", "")), ",")
	for _, p := range []packer{
		{"zstd", func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) }},
		{"gzip", func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) }},
		{"deflate", func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriterLevel(w, zlib.BestSpeed) }},
	} {
		if slices.Contains(accepted, p.encoding) {
			return &p, nil
		}
	}
	return nil, nil
}

// maxBlock is the size of a block before it is packed, as ClickHouse's.
const maxBlock = 1 << 20

// blocks packs data into ClickHouse's own blocks, each with its checksum.
type blocks struct {
	to   io.Writer
	pack *compress.Writer
	rest []byte
}

func (b *blocks) Write(data []byte) (int, error) {
	b.rest = append(b.rest, data...)
	for len(b.rest) >= maxBlock {
		if err := b.flush(maxBlock); err != nil {
			return 0, err
		}
	}
	return len(data), nil
}

func (b *blocks) flush(n int) error {
	if err := b.pack.Compress(b.rest[:n]); err != nil {
		return err
	}
	if _, err := b.to.Write(b.pack.Data); err != nil {
		return err
	}
	b.rest = append(b.rest[:0], b.rest[n:]...)
	return nil
}

func (b *blocks) Close() error {
	if len(b.rest) == 0 {
		return nil
	}
	return b.flush(len(b.rest))
}
