package transfer

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"io"
)

// lineWriter writes values as lines of JSON, and adds them up.
type lineWriter struct {
	to  *bufio.Writer
	sum hash.Hash
}

func newLineWriter(to io.Writer) *lineWriter {
	return &lineWriter{to: bufio.NewWriter(to), sum: sha256.New()}
}

func (w *lineWriter) put(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	w.sum.Write(line)
	_, err = w.to.Write(line)
	return err
}

func (w *lineWriter) flush() error { return w.to.Flush() }
