#!/bin/sh
# The tests of the native protocol run a real ClickHouse server. Install Debian's when root may and it is missing; else say
# what to do.
set -eu
PATH=$PATH:/usr/sbin command -v clickhouse-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "make: installing ClickHouse for the tests of its native protocol" >&2
	log=$(mktemp)
	if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends clickhouse-server; } >"$log" 2>&1 </dev/null; then
		rm -f "$log"
		exit 0
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
fi
echo "make: the tests need clickhouse-server: install it (Debian 12: apt-get install clickhouse-server)" >&2
exit 1
