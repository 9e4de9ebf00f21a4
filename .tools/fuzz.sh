#!/usr/bin/env bash
# Fuzz every parser of outside input for a while each: .tools/fuzz.sh 10s [PACKAGE-PATTERN...]
set -euo pipefail
time=${1:?how long for each, such as 10s}
shift
[ $# -gt 0 ] || set -- ./...
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# ended_on_time tells whether a target that go test calls failed only ran until its time was over. internal/fuzz takes the
# end of its own -fuzztime for an error when the deadline passes between two looks at its contexts; what it finds, a crash or
# an input that hangs, it writes to testdata and says so.
ended_on_time() { # TARGET
	grep -A1 "^--- FAIL: $1 (" "$out" | tail -n 1 | grep -qx '    context deadline exceeded' &&
		! grep -q 'Failing input written to' "$out"
}

# Only packages that have a fuzz target are built; go test itself says which targets they have.
count=0
found=
for dir in $(go list -f '{{.Dir}}' "$@"); do
	grep -qs '^func Fuzz' "$dir"/*_test.go || continue
	package=$(go list "$dir")
	targets=$(go test -list '^Fuzz' "$package") # on a line of its own: what doesn't build stops here
	for target in $(echo "$targets" | grep '^Fuzz'); do
		echo "fuzz $package $target for $time"
		if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 -timeout 0 "$package" 2>&1 | tee "$out"; then
			if ended_on_time "$target"; then
				echo "fuzz: $target only ran out of time"
			else
				found="$found $package.$target"
			fi
		fi
		count=$((count + 1))
	done
done
[ "$count" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
[ -z "$found" ] || { echo "found something:$found" >&2; exit 1; }
echo "$count fuzz targets, nothing found"
