#!/bin/sh
# Put chDB's library (libchdb.so, the ClickHouse engine that kipay keeps its read models in) where kipay looks for it:
# the user's cache folder. Does nothing, in milliseconds, when it is there already.
#
#   deploy/fetch-chdb.sh            fetch what is missing
#   deploy/fetch-chdb.sh --verify   read the whole library again and compare its checksum
#   deploy/fetch-chdb.sh --path     print where the library belongs
#
# Safe to run twice at once and to interrupt: the library appears whole, checked and by one rename, or not at all; a
# package that was fetched and checked is not fetched again.
set -eu

# Version and checksums are pinned here and nowhere else; projections/chdb/library.go names the same version.
version=26.7.3-stable.1
need_kib=1000000 # package (170 MiB), what npm keeps of it meanwhile, and the library (540 MiB)

fail() {
	echo "fetch-chdb: $*" >&2
	exit 1
}

cache=${XDG_CACHE_HOME:-}
case $cache in
"") [ -n "${HOME:-}" ] || fail "neither XDG_CACHE_HOME nor HOME is set: set one, the library goes below it"
	cache=$HOME/.cache ;;
/*) ;;
*) fail "XDG_CACHE_HOME must be an absolute path, not $cache" ;;
esac
base=$cache/kipay/chdb
dir=$base/$version
library=$dir/libchdb.so
stamp=$dir/libchdb.so.sha256

[ "${1:-}" != --path ] || { echo "$library"; exit 0; }
if [ -n "${KIPAY_CHDB_LIB:-}" ]; then
	[ -f "$KIPAY_CHDB_LIB" ] || fail "KIPAY_CHDB_LIB names $KIPAY_CHDB_LIB, which is not there: correct it, or unset it to have the library fetched"
	exit 0
fi

case $(uname -s)/$(uname -m) in
Linux/x86_64)
	package=@chdb/lib-linux-x64-gnu
	package_sha512=5cff7b98caa7739b59a4a432c11f0dedc2d3b073624e61ebdf4a42e66ce8de35a6ba48ca9f62016bad1cd81fe059435cb858ce3235a8a2b408082a81563e70a7
	library_sha256=36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5
	library_size=566330096
	;;
*)
	fail "no chDB is pinned for $(uname -s)/$(uname -m): build libchdb.so for it, and name it in KIPAY_CHDB_LIB"
	;;
esac

size_of() { wc -c <"$1" | tr -d ' '; }

# The stamp is written after the library was read and found right; the size catches what was cut short since.
if [ "${1:-}" != --verify ] && [ -f "$stamp" ] && [ -f "$library" ] &&
	[ "$(cat "$stamp")" = "$library_sha256" ] && [ "$(size_of "$library")" = "$library_size" ]; then
	exit 0
fi

right() { # FILE: is it the pinned library?
	[ -f "$1" ] && [ "$(size_of "$1")" = "$library_size" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$library_sha256" ]
}

write_stamp() {
	echo "$library_sha256" >"$stamp.$$" && mv "$stamp.$$" "$stamp"
}

mkdir -p "$dir" 2>/dev/null || fail "can't make $dir: make it writable, or set XDG_CACHE_HOME to a folder that is"
[ -w "$dir" ] || fail "$dir is not writable: make it so, or set XDG_CACHE_HOME to a folder that is"

# One at a time where flock is there; without it two at once fetch twice and the last rename wins with the same bytes.
if command -v flock >/dev/null 2>&1; then
	exec 9>"$base/.lock"
	flock -n 9 || { echo "fetch-chdb: another one is fetching the library; waiting for it" >&2; flock 9; }
fi

if right "$library"; then
	write_stamp
	exit 0
fi
if [ "${1:-}" = --verify ]; then
	rm -f "$stamp"
	fail "$library is missing or damaged: run make deps"
fi
if [ -e "$library" ]; then
	echo "fetch-chdb: $library is not the pinned one; replacing it" >&2
fi
rm -f "$stamp"

command -v npm >/dev/null 2>&1 || fail "npm is missing, and chDB's library comes by it: install npm (Debian, Ubuntu: apt-get install npm), or name a libchdb.so in KIPAY_CHDB_LIB"

work=$dir/.fetch
[ -d "$work" ] || mkdir "$work"
archive=$work/chdb.tgz
checked() { [ -f "$1" ] && [ "$(sha512sum "$1" | cut -d' ' -f1)" = "$package_sha512" ]; }

if ! checked "$archive"; then
	rm -rf "$work"
	mkdir "$work"
	free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$need_kib" ] || fail "$((free / 1024)) MiB are free at $dir and $((need_kib / 1024)) are needed: make room, or set XDG_CACHE_HOME to a larger disk"
	echo "fetch-chdb: fetching $package $version (170 MiB, once)" >&2
	# Its own npm cache, so that no second copy of the package stays behind; npm's settings stay the user's.
	if ! (cd "$work" && npm pack "$package@$version" --silent --cache "$work/npm" --fetch-retries 2 --fetch-retry-mintimeout 1000 --fetch-retry-maxtimeout 5000) >"$work/out" 2>"$work/err"; then
		# --silent hides the reason: ask again for the package's version alone, which is small.
		reason=$( (cd "$work" && npm view "$package@$version" version --cache "$work/npm" --fetch-retries 0) 2>&1 || true)
		case $reason in
		*ENOSPC*) fail "the disk of $dir is full: make room (1 GB), then run make deps again" ;;
		*ENOTFOUND* | *EAI_AGAIN* | *ECONNREFUSED* | *ETIMEDOUT* | *ECONNRESET* | *ENETUNREACH* | *EHOSTUNREACH* | *"request to"*)
			fail "npm can't reach its registry: check the network, or npm's registry and proxy settings, then run make deps again" ;;
		*E404*) fail "npm's registry has no $package $version: point npm at one that has it, or name a libchdb.so in KIPAY_CHDB_LIB" ;;
		*) [ "$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')" -ge 1024 ] || fail "the disk of $dir is full: make room (1 GB), then run make deps again"
			fail "npm pack $package@$version failed: run it by hand to see why, then run make deps again" ;;
		esac
	fi
	rm -rf "$work/npm"
	mv "$work"/*.tgz "$archive"
	if ! checked "$archive"; then
		rm -rf "$work"
		fail "the package $package $version does not have the pinned checksum, so it was not used: try again, and if it stays so, don't trust where npm fetches from"
	fi
fi

new=$work/libchdb.so
tar -xzOf "$archive" package/libchdb.so >"$new" 2>"$work/err" || fail "unpacking failed ($(head -n 1 "$work/err")): make room at $dir (1 GB), then run make deps again"
if ! right "$new"; then
	rm -rf "$work"
	fail "libchdb.so does not have the pinned checksum, so it was not used: run make deps again"
fi
chmod 755 "$new"
sync "$new" 2>/dev/null || sync
mv "$new" "$library"
write_stamp
rm -rf "$work"
echo "fetch-chdb: $library is ready" >&2
