package projectionstest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// oldServer is Debian's package: ClickHouse 18.16, of 2018. It speaks the native protocol, which the embedded engine does
// not, and knows little of the SQL that the read models need: no moments of milliseconds, no bound parameters, no tokens.
const oldServer = "clickhouse-server"

// NewOldServer starts a ClickHouse server of its own on a free port and answers its address, for the native protocol. It lets
// User in, with Password in clear, and ends with the test.
func NewOldServer(t testing.TB) (addr string) {
	t.Helper()
	program := oldServer
	if path, err := exec.LookPath("/usr/sbin/" + oldServer); err == nil {
		program = path // not in the path of every user
	}
	dir := t.TempDir()
	addr = freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	files := map[string]string{"config.xml": fmt.Sprintf(oldConfig, port, dir), "users.xml": fmt.Sprintf(oldUsers, User, strings.ReplaceAll(Password, "&", "&amp;"))}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd := exec.Command(program, "--config-file="+filepath.Join(dir, "config.xml"))
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, dir
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s (Debian: apt-get install clickhouse-server): %v", program, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	ctx := Within(t)
	for ticker := time.NewTicker(20 * time.Millisecond); ; {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = conn.Close()
			return addr
		}
		select {
		case <-ticker.C:
		case <-ended:
			t.Fatalf("%s ended: %s", program, said.String())
		case <-ctx.Done():
			t.Fatalf("%s did not come up", program)
		}
	}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(Within(t), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

const (
	oldConfig = `<yandex>
	<logger><level>error</level><console>1</console></logger>
	<listen_host>127.0.0.1</listen_host>
	<tcp_port>%s</tcp_port>
	<path>%[2]s/data/</path>
	<tmp_path>%[2]s/tmp/</tmp_path>
	<users_config>users.xml</users_config>
	<default_profile>default</default_profile>
	<default_database>default</default_database>
	<mark_cache_size>33554432</mark_cache_size>
</yandex>
`
	oldUsers = `<yandex>
	<profiles><default><allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type></default></profiles>
	<users><%[1]s>
		<password>%[2]s</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
	</%[1]s></users>
	<quotas><default></default></quotas>
</yandex>
`
)
