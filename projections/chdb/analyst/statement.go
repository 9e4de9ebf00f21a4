package analyst

import (
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxStatement bounds a statement's text, as the child does.
const maxStatement = 256 << 10

// statement is what a request asks the engine.
type statement struct {
	sql   string
	query url.Values // for the child: parameters, settings, database, format
}

// ours are the parameters of the URL that mean something on this side, or nothing here.
var ours = []string{
	"query", "user", "password", "quota_key", "role", "compress", "decompress", "enable_http_compression", "http_zlib_compression_level",
	"network_compression_method", "network_zstd_compression_level", "session_id", "session_timeout", "session_check", "close_session",
}

// readStatement puts the statement together from the URL and the body, as ClickHouse does: one after the other.
func readStatement(w http.ResponseWriter, r *http.Request, patience time.Duration) (statement, *exception) {
	query := r.URL.Query()
	text := query.Get("query")
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); strings.HasPrefix(kind, "multipart/") {
		return statement{}, &exception{http.StatusNotImplemented, codeNotImplemented, "external tables are not offered"}
	}
	if v := query.Get("decompress"); v != "" && v != "0" {
		return statement{}, &exception{http.StatusNotImplemented, codeNotImplemented, "decompress is not offered: send the statement plain or with Content-Encoding: gzip"}
	}
	body, failed := readBody(w, r, patience)
	if failed != nil {
		return statement{}, failed
	}
	switch {
	case text == "":
		text = body
	case body != "":
		text += "\n" + body
	}
	if len(text) > maxStatement {
		return statement{}, &exception{http.StatusRequestEntityTooLarge, codeTooBig, "the statement is too long"}
	}
	if strings.TrimSpace(text) == "" {
		return statement{}, &exception{http.StatusBadRequest, codeSyntaxError, "Empty query"}
	}
	for _, name := range ours {
		query.Del(name)
	}
	for header, name := range map[string]string{"X-ClickHouse-Database": "database", "X-ClickHouse-Format": "default_format"} {
		if v := r.Header.Get(header); v != "" && !query.Has(name) {
			query.Set(name, v)
		}
	}
	return statement{text, query}, nil
}

func readBody(w http.ResponseWriter, r *http.Request, patience time.Duration) (string, *exception) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", &exception{http.StatusInternalServerError, codeNetworkError, "the connection is closed"}
	}
	body := io.Reader(r.Body)
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(io.LimitReader(body, maxStatement+1))
		if errors.Is(err, io.EOF) {
			body = strings.NewReader("")
			break
		}
		if err != nil {
			return "", &exception{http.StatusBadRequest, codeBadArguments, "the body is not gzip"}
		}
		body = unzipped
	default:
		return "", &exception{http.StatusNotImplemented, codeNotImplemented, "bodies are taken plain or as gzip only"}
	}
	text, err := io.ReadAll(io.LimitReader(body, maxStatement+1))
	if err != nil {
		return "", &exception{http.StatusBadRequest, codeNetworkError, "the body could not be read to its end"}
	}
	// A deadline that is left would end the request's context: the server keeps reading to see whether the client is there.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return "", &exception{http.StatusInternalServerError, codeNetworkError, "the connection is closed"}
	}
	return string(text), nil
}

// hash names a statement without telling it.
func hash(key []byte, sql string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, sql) // never fails
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
