package esdbserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

const keyStream = subjectKeyPrefix + "customer-1"

func keyData(text string) esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: "Key", ContentType: esdb.ContentTypeBinary, Data: []byte(text), Metadata: []byte("about " + text)}
}

// contents are data and metadata of what a read delivers.
func contents(t *testing.T, reading *esdb.ReadStream, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	var out []string
	for {
		got, err := reading.Recv()
		if errors.Is(err, io.EOF) || errorCode(err) == esdb.ErrorCodeResourceNotFound {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if isSubjectKey(got.Event.StreamID) {
			out = append(out, fmt.Sprintf("%d %s/%s", got.Event.EventNumber, got.Event.Data, got.Event.UserMetadata))
		}
	}
}

func streamContents(t *testing.T, client *esdb.Client, stream string) []string {
	t.Helper()
	reading, err := client.ReadStream(waiting(t), stream, esdb.ReadStreamOptions{}, 100)
	return contents(t, reading, err)
}

func allContents(t *testing.T, client *esdb.Client) []string {
	t.Helper()
	reading, err := client.ReadAll(waiting(t), esdb.ReadAllOptions{}, 1<<20)
	return contents(t, reading, err)
}

func wantContents(t *testing.T, client *esdb.Client, want ...string) {
	t.Helper()
	for from, got := range map[string][]string{"the stream": streamContents(t, client, keyStream), "all": allContents(t, client)} {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s holds %q, want %q", from, got, want)
		}
	}
}

func TestKeysOfSubjectsKeepTheirNewestEventAlone(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	first := keyData("first")
	mustWrite(t, client, keyStream, esdb.NoStream{}, first)
	mustWrite(t, client, keyStream, esdb.NoStream{}, first) // again
	wantContents(t, client, "0 first/about first")
	if _, err := client.AppendToStream(waiting(t), keyStream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, keyData("second")); errorCode(err) != esdb.ErrorCodeWrongExpectedVersion {
		t.Fatal(err)
	}
	mustWrite(t, client, keyStream, esdb.Revision(0), keyData("second"))
	wantContents(t, client, "1 second/about second")
	mustWrite(t, client, keyStream, esdb.Any{}, keyData("third"), keyData("fourth"))
	wantContents(t, client, "3 fourth/about fourth")
	if n := payloads(t, s); n != 1 {
		t.Fatalf("%d payloads are kept", n)
	}
	s.stop(t)
	s = serve(t, dir, Options{})
	client = connect(t, "esdb://"+s.address+"?tls=false")
	wantContents(t, client, "3 fourth/about fourth")
	if _, err := client.DeleteStream(waiting(t), keyStream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(3)}); err != nil {
		t.Fatal(err)
	}
	wantContents(t, client)
	mustWrite(t, client, keyStream, esdb.NoStream{}, keyData("fifth"))
	wantContents(t, client, "4 fifth/about fifth")
	sub, err := client.SubscribeToAll(waiting(t), esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{subjectKeyPrefix}}})
	if err != nil {
		t.Fatal(err)
	}
	if events, _, _, err := follow(sub, 1); err != nil || string(events[0].Data) != "fifth" {
		t.Fatalf("%+v, %v", events, err)
	}
}

// payloads counts what lies in the key space.
func payloads(t *testing.T, s *served) (n int) {
	t.Helper()
	if err := s.store.EachKey(t.Context(), "", func(string, []byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestACrashBetweenPayloadAndShellIsHarmless leaves behind what a crash would: a payload whose event was never appended,
// and one that a newer event has replaced.
func TestACrashBetweenPayloadAndShellIsHarmless(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	names, unlock := (&subjectKeys{}).lock(keyStream)
	unlock()
	leave := func(text string) {
		t.Helper()
		e := eventstore.NewEvent{ID: uuid.New(), Data: []byte(text)}
		if _, err := s.store.PutKeyIfAbsent(t.Context(), payloadName(names, e.ID), payload(&e)); err != nil {
			t.Fatal(err)
		}
	}
	leave("never appended")
	wantContents(t, client)
	mustWrite(t, client, keyStream, esdb.NoStream{}, keyData("first"))
	wantContents(t, client, "0 first/about first")
	leave("never appended either")
	mustWrite(t, client, keyStream, esdb.Revision(0), keyData("second"))
	wantContents(t, client, "1 second/about second")
	if n := payloads(t, s); n != 1 {
		t.Fatalf("%d payloads are kept", n)
	}
	leave("and a third")
	if _, err := client.DeleteStream(waiting(t), keyStream, esdb.DeleteStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := payloads(t, s); n != 0 {
		t.Fatalf("%d payloads are kept", n)
	}
}

func TestADeletedKeyIsInNoTable(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	secret := "wrapped key " + uuid.NewString()
	mustWrite(t, client, keyStream, esdb.NoStream{}, keyData(secret))
	mustWrite(t, client, "order-1", esdb.NoStream{}, eventData(0, 0))
	if _, err := client.DeleteStream(waiting(t), keyStream, esdb.DeleteStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, name := range tables {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(secret[12:])) {
			t.Fatalf("%s holds the key", name)
		}
	}
	if _, err := s.store.Check(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
}

// TestKeysRacing puts, replaces and deletes one key from many sides: whatever is read was put whole, and at the end at
// most one payload is left.
func TestKeysRacing(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	var group errgroup.Group
	for w := range 6 {
		group.Go(func() error {
			for i := range 30 {
				text := fmt.Sprint(w, "/", i)
				switch i % 3 {
				case 0:
					_, err := client.AppendToStream(waiting(t), keyStream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, keyData(text))
					if err != nil && errorCode(err) != esdb.ErrorCodeWrongExpectedVersion {
						return err
					}
				case 1:
					if _, err := client.AppendToStream(waiting(t), keyStream, esdb.AppendToStreamOptions{}, keyData(text)); err != nil {
						return err
					}
				default:
					if _, err := client.DeleteStream(waiting(t), keyStream, esdb.DeleteStreamOptions{}); err != nil {
						return err
					}
				}
				for _, got := range streamContents(t, client, keyStream) {
					_, both, _ := strings.Cut(got, " ")
					if data, about, _ := strings.Cut(both, "/about "); data != about {
						return fmt.Errorf("read %q", got)
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, client, keyStream, esdb.Any{}, keyData("last"))
	if n, got := payloads(t, s), streamContents(t, client, keyStream); n != 1 || len(got) != 1 {
		t.Fatalf("%d payloads, %q", n, got)
	}
	if _, err := client.DeleteStream(context.Background(), keyStream, esdb.DeleteStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := payloads(t, s); n != 0 {
		t.Fatalf("%d payloads", n)
	}
}
