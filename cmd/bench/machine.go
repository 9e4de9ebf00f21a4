package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/benfex/kipay/projections/chdb"
)

// machine is what the figures were measured on, and with.
type machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryMB int64  `json:"memory_mb"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	ChDB     string `json:"chdb"`
	Pebble   string `json:"pebble"`
	Fiber    string `json:"fiber"`
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d MB, Linux %s\n%s, chDB %s, Pebble %s, Fiber %s",
		m.CPU, m.Cores, m.MemoryMB, m.Kernel, m.Go, m.ChDB, m.Pebble, m.Fiber)
}

// thisMachine reads what it can; what it can't stays empty.
func thisMachine() machine {
	m := machine{CPU: firstOf("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Go: runtime.Version(), ChDB: chdb.LibraryVersion}
	if kb, err := strconv.ParseInt(strings.TrimSuffix(firstOf("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.MemoryMB = kb >> 10
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			switch dep.Path {
			case "github.com/cockroachdb/pebble/v2":
				m.Pebble = dep.Version
			case "github.com/gofiber/fiber/v2":
				m.Fiber = dep.Version
			}
		}
	}
	return m
}

// firstOf is the first value of that name in a file of "name: value" lines.
func firstOf(file, name string) string {
	raw, err := os.ReadFile(file) //nolint:gosec // of /proc
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
