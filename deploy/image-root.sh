#!/bin/sh
# Lay out the root of the container image: the program, what it loads, and nothing else.
#
#   deploy/image-root.sh ROOT KIPAY HEALTHCHECK [LIBCHDB]
#
# The program is built without cgo, and still asks for glibc's loader: purego, which binds chDB, has the linker import
# dlopen from libdl.so.2. So an image from scratch needs glibc's files, with chDB and without. ldd tells which.
set -eu
root=${1:?the folder to fill} kipay=${2:?the program} healthcheck=${3:?the health check} library=${4:-}
certificates=/etc/ssl/certs/ca-certificates.crt # providers are called over TLS

mkdir -p "$root/etc/ssl/certs" "$root/data" "$root/tmp"
install -m 755 "$kipay" "$root/kipay"
install -m 755 "$healthcheck" "$root/healthcheck"
[ -s "$certificates" ] || { echo "image-root: $certificates is missing: install ca-certificates" >&2; exit 1; }
install -m 644 "$certificates" "$root$certificates"
echo 'kipay:x:65532:65532::/data:/kipay' >"$root/etc/passwd"
echo 'kipay:x:65532:' >"$root/etc/group"
if [ -n "$library" ]; then
	mkdir -p "$root/usr/lib/kipay"
	install -m 755 "$library" "$root/usr/lib/kipay/libchdb.so"
fi

for file in "$kipay" ${library:+"$library"}; do
	ldd "$file" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }'
done | sort -u | while read -r needed; do
	mkdir -p "$root$(dirname "$needed")"
	cp -L "$needed" "$root$needed"
done
# The paths that binaries name, where the builder has /lib and /lib64 as links into /usr.
mkdir -p "$root/lib64"
[ -e "$root/lib64/ld-linux-x86-64.so.2" ] || cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"

chown 65532:65532 "$root/data"
chmod 700 "$root/data"
chmod 1777 "$root/tmp"
