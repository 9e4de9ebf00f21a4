package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

// threadsOf is the processor time of a process's threads, added up by their names: ClickHouse names its threads after
// what they do.
func threadsOf(pid int) (map[string]time.Duration, error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return nil, err
	}
	out := map[string]time.Duration{}
	for _, path := range stats {
		raw, err := os.ReadFile(path) //nolint:gosec // of /proc
		if err != nil {
			continue // it has ended meanwhile
		}
		text := string(raw)
		open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
		fields := strings.Fields(text[end+1:])
		const userAt, systemAt = 11, 12
		user, _ := strconv.ParseInt(fields[userAt], 10, 64)
		system, _ := strconv.ParseInt(fields[systemAt], 10, 64)
		out[text[open+1:end]] += time.Duration(user+system) * tick
	}
	return out, nil
}

// busiest lists what the threads of each name have used between two readings, for each of n answers.
func busiest(before, after map[string]time.Duration, n int) string {
	type used struct {
		name string
		time time.Duration
	}
	var all []used
	for name, t := range after {
		if t -= before[name]; t > 0 {
			all = append(all, used{name, t})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].time > all[j].time })
	var lines []string
	for _, u := range all[:min(len(all), 12)] {
		lines = append(lines, fmt.Sprintf("  %-18s %8s an answer", u.name, round(u.time/time.Duration(max(n, 1)))))
	}
	return strings.Join(lines, "\n")
}
