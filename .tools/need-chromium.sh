#!/bin/sh
# The tests of the pages drive a real Chromium. Install Debian's when root may and it is missing; else say what to do.
set -eu
for name in "${KIPAY_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
	if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
		exit 0
	fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "make: installing Chromium for the tests of the pages" >&2
	log=$(mktemp)
	if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >"$log" 2>&1 </dev/null; then
		rm -f "$log"
		exit 0
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
fi
echo "make: the tests need Chromium: install it (Debian, Ubuntu: apt-get install chromium), or name one in KIPAY_CHROMIUM" >&2
exit 1
