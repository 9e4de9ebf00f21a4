#!/bin/sh
# Fuzz every parser of outside input for a while each: .tools/fuzz.sh 10s [PACKAGE-PATTERN...]
set -eu
time=${1:?how long for each, such as 10s}
shift
[ $# -gt 0 ] || set -- ./...
# Only packages that have a fuzz target are built; go test itself says which targets they have.
count=0
found=
for dir in $(go list -f '{{.Dir}}' "$@"); do
	grep -qs '^func Fuzz' "$dir"/*_test.go || continue
	package=$(go list "$dir")
	targets=$(go test -list '^Fuzz' "$package") # on a line of its own: what doesn't build stops here
	for target in $(echo "$targets" | grep '^Fuzz'); do
		echo "fuzz $package $target for $time"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 -timeout 0 "$package" || found="$found $package.$target"
		count=$((count + 1))
	done
done
[ "$count" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
[ -z "$found" ] || { echo "found something:$found" >&2; exit 1; }
echo "$count fuzz targets, nothing found"
