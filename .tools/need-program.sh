#!/bin/sh
# Some tests run programs beside Go's. Given the name of a Debian package, install it when root may and what it has is
# missing; else say what to do.
set -eu
PATH=$PATH:/usr/sbin
package=$1
debian="Debian, Ubuntu: apt-get install $package"
case $package in
chromium)
	title=Chromium use="the pages" advice="install it ($debian), or name one in KIPAY_CHROMIUM"
	set -- "${KIPAY_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable
	;;
clickhouse-server)
	title=$package use="ClickHouse's native protocol" advice="install it (Debian 12: apt-get install $package)"
	;;
redis-server)
	title=$package use="shared rate limits" advice="install it ($debian)"
	;;
*)
	echo "need-program.sh: no test runs $package" >&2
	exit 2
	;;
esac
for name; do
	if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
		exit 0
	fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "make: installing $title for the tests of $use" >&2
	log=$(mktemp)
	if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"; } >"$log" 2>&1 </dev/null; then
		rm -f "$log"
		exit 0
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
fi
echo "make: the tests need $title: $advice" >&2
exit 1
