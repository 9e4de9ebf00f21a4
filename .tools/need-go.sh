#!/bin/sh
# Stop with one line that says what to do when Go is missing or too old for go.mod.
set -eu
need=$(awk '$1 == "go" { print $2 }' go.mod)
if ! command -v go >/dev/null 2>&1; then
	echo "make: Go is missing: install Go $need or newer and put it on PATH" >&2
	exit 1
fi
if ! have=$(go env GOVERSION 2>/dev/null); then
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
	echo "make: ${have} is too old: install Go $need or newer (or unset GOTOOLCHAIN, and go fetches it by itself)" >&2
	exit 1
fi
