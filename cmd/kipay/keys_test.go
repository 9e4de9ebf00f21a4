package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two rotations at once each dropped the master key that the other had wrapped keys under: nothing opened any more.
func TestMasterKeyRotatedTwiceAtOnceUnderLoadStillOpensEverything(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	m := newShop(t, in)
	endLoad := underLoad(1, m, newAcknowledged())
	defer endLoad()
	rotated := make([]bool, 6)
	for range 3 {
		sideBySide(len(rotated), func(i int) {
			out, code := in.verb(t, "keys", "rotate")
			if code != 0 && !strings.Contains(out, "being rotated already") {
				t.Errorf("exit %d: %s", code, out)
			}
			rotated[i] = rotated[i] || code == 0
		})
	}
	endLoad()
	if !strings.Contains(strings.Trim(strings.Join(strings.Fields(asJSON(rotated)), ""), "[]"), "true") {
		t.Error("none was carried out")
	}
	in.cli(t, "fsck")
	if code := in.terminate(t, 40*time.Second); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	in.cli(t, "fsck")
	if text := in.masterKeyFile(t); strings.Count(text, "\n") != 1 {
		t.Errorf("the file holds %d keys", strings.Count(text, "\n"))
	}
}

// Somebody put another file in the place of the master key: a rotation must neither drop the key that everything is
// wrapped under from memory, nor the file that was put there.
func TestMasterKeyFileThatIsNotTheServersIsLeftAlone(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	own := in.masterKeyFile(t)
	foreign := strings.Repeat("A", 43) + "=\n"
	in.putMasterKeyFile(t, foreign)
	if out, code := in.verb(t, "keys", "rotate"); code != 1 || !strings.Contains(out, "not the one that this server runs with") {
		t.Errorf("exit %d: %s", code, out)
	}
	if in.masterKeyFile(t) != foreign {
		t.Error("the file was changed")
	}
	in.cli(t, "fsck")
	in.putMasterKeyFile(t, own)
	in.cli(t, "keys", "rotate")
	in.cli(t, "fsck")
}

// A rotation that was killed after it had made the new key leaves both in the file, and is carried out by the next one.
func TestRotationThatWasKilledIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	if code := in.terminate(t, 40*time.Second); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	own := in.masterKeyFile(t)
	in.putMasterKeyFile(t, strings.Repeat("A", 43)+"=\n"+own)
	in.cli(t, "fsck")
	in.cli(t, "keys", "rotate")
	in.cli(t, "fsck")
	if text := in.masterKeyFile(t); strings.Contains(text, own) || strings.Count(text, "\n") != 1 {
		t.Error("the old keys are still in the file")
	}
}

func (in *instance) masterKeyFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(in.data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (in *instance) putMasterKeyFile(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(in.data, "master.key"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
