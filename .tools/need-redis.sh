#!/bin/sh
# The tests of shared rate limits run a real Redis. Install Debian's when root may and it is missing; else say what to do.
set -eu
command -v redis-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "make: installing Redis for the tests of shared rate limits" >&2
	log=$(mktemp)
	if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server; } >"$log" 2>&1 </dev/null; then
		rm -f "$log"
		exit 0
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
fi
echo "make: the tests need redis-server: install it (Debian, Ubuntu: apt-get install redis-server)" >&2
exit 1
