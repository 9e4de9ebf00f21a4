#!/usr/bin/env bash
# Fuzz every parser of outside input for a while each: .tools/fuzz.sh 10s [PACKAGE-PATTERN...]
#
# Coverage guides it through our own packages; with FUZZ_ALL=1 through what they import as well, the standard library too, which
# takes minutes to compile and is for long runs.
set -euo pipefail
time=${1:?how long for each, such as 10s}
shift
[ $# -gt 0 ] || set -- ./...
out=$(mktemp)
binary=$(mktemp)
trap 'rm -f "$out" "$binary"' EXIT

# ended_on_time tells whether a target that the test binary calls failed only ran until its time was over. internal/fuzz takes the
# end of its own -fuzztime for an error when the deadline passes between two looks at its contexts; what it finds, a crash or
# an input that hangs, it writes to testdata and says so.
ended_on_time() { # TARGET
	grep -A1 "^--- FAIL: $1 (" "$out" | tail -n 1 | grep -qx '    context deadline exceeded' &&
		! grep -q 'Failing input written to' "$out"
}

# One binary for all targets of a package: linking one for each takes longer than a short fuzzing of it. go test -fuzz would
# compile everything below it anew for the guidance of coverage; the flag that it compiles with does so for the packages named.
if [ -n "${FUZZ_ALL:-}" ]; then
	guided=(-fuzz .)
else
	guided=("-gcflags=$(go list -m)/...=-d=libfuzzer")
fi
cache=$(go env GOCACHE)/fuzz
count=0
found=
for dir in $(go list -f '{{.Dir}}' "$@"); do
	targets=$(cat "$dir"/*_test.go 2>/dev/null | grep -oE '^func Fuzz[A-Za-z0-9_]*\(f \*testing\.F\)' | sed -E 's/^func ([A-Za-z0-9_]*).*/\1/') || continue
	package=$(go list "$dir")
	go test -c -ldflags=-s\ -w "${guided[@]}" -o "$binary" "$package" # what doesn't build stops here
	for target in $targets; do
		echo "fuzz $package $target for $time"
		if ! (cd "$dir" && "$binary" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.parallel 2 \
			-test.fuzzcachedir "$cache/$package" -test.timeout 0) 2>&1 | tee "$out"; then
			if ended_on_time "$target"; then
				echo "fuzz: $target only ran out of time"
			else
				found="$found $package.$target"
			fi
		elif ! grep -q '^fuzz: elapsed' "$out" || grep -q 'without coverage guidance' "$out"; then
			found="$found $package.$target(did-not-run-guided)"
		fi
		count=$((count + 1))
	done
done
[ "$count" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
[ -z "$found" ] || { echo "found something:$found" >&2; exit 1; }
echo "$count fuzz targets, nothing found"
