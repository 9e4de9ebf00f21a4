package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The channel's initiator has its password encrypted for the sandbox: after a restart that is still the same one.
func TestTheDemoGivesMoneyBackAfterARestartToo(t *testing.T) {
	t.Parallel()
	in := begin(t, quick(nil))
	in.awaitReady(t)
	key := in.kept(t, "demo-api-key")
	m := &merchant{instance: in, id: "1", key: key, from: "10.9.9.9", mpesa: "1"}
	again := func() {
		t.Helper()
		ref := m.push(t, phone(), "300")
		m.settles(t, ref, "completed", 15*time.Second)
		m.refund(t, `{"reference":"`+ref+`"}`)
		m.refundEnds(t, ref, "completed")
	}
	again()
	if code := in.terminate(t, 30*time.Second); code != 0 {
		t.Fatalf("stopped with %d", code)
	}
	if info, err := os.Stat(filepath.Join(in.data, "sandbox-initiator.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the sandbox's key: %v, %v", info, err)
	}
	in.start(t)
	in.awaitReady(t)
	again()
}

// kept is a file in the data folder.
func (in *instance) kept(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(in.data, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}
