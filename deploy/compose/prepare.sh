#!/bin/sh
# Make the secrets and certificates that compose.yaml's services read, each service's in a folder of its own. What is
# there stays as it is, so that it can be run again; what is missing beside an existing master key stops it.
#
#   prepare.sh [FOLDER]   default /secrets; as root it gives each folder to its service's user
set -eu
umask 077
top=${1:-/secrets}
openssl version >/dev/null || { echo "prepare: openssl is missing" >&2; exit 1; }

once() { # FILE: write standard input to it, unless it is there
	if [ -s "$top/$1" ]; then cat >/dev/null; else cat >"$top/$1.new" && mv "$top/$1.new" "$top/$1"; fi
}
fresh() { openssl rand -hex 24; }
secret() { cat "$top/own/$1"; }
sha256() { printf %s "$1" | openssl dgst -sha256 -r | cut -d' ' -f1; }

for folder in own kipay eventstore clickhouse redis prometheus grafana; do mkdir -p "$top/$folder"; done
if [ -s "$top/own/eventstore-kipay" ] && [ ! -s "$top/kipay/master.key" ]; then
	echo "prepare: the master key is gone while the log may stand: bring it back from the safe, a new one opens nothing" >&2
	exit 1
fi

# The master key wraps all that is sealed in the log. Keep a copy in a safe: docs/production.md, section 2.
openssl rand -base64 32 | once kipay/master.key

for name in eventstore-admin eventstore-ops eventstore-kipay clickhouse-writer clickhouse-reader clickhouse-analyst redis; do
	fresh | once "own/$name"
done

# The store's certificate, from an authority whose key is used once and thrown away. Passwords go over TLS only: clients
# drop them without a word when it is off.
if [ ! -s "$top/eventstore/tls.crt" ]; then
	work=$(mktemp -d)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Kipay compose CA" \
		-addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
	openssl req -newkey rsa:3072 -nodes -subj "/CN=kurrentdb-node" -keyout "$work/tls.key" -out "$work/tls.csr" 2>/dev/null
	printf '%s\n' "subjectAltName=DNS:eventstore,DNS:localhost,IP:127.0.0.1" "extendedKeyUsage=serverAuth,clientAuth" \
		"keyUsage=critical,digitalSignature,keyEncipherment" "basicConstraints=critical,CA:FALSE" >"$work/ext"
	openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 3650 \
		-extfile "$work/ext" -out "$work/tls.crt" 2>/dev/null
	mkdir -p "$top/eventstore/ca"
	cp "$work/ca.crt" "$top/eventstore/ca/ca.crt"
	cp "$work/ca.crt" "$top/kipay/ca.crt"
	cp "$work/ca.crt" "$top/prometheus/ca.crt"
	cp "$work/tls.key" "$top/eventstore/tls.key"
	cp "$work/tls.crt" "$top/eventstore/tls.crt"
	rm -rf "$work"
fi

secret eventstore-admin | once eventstore/admin
secret eventstore-ops | once eventstore/ops
secret eventstore-kipay | once eventstore/kipay
secret eventstore-ops | once prometheus/eventstore-ops
fresh | once grafana/admin
printf 'requirepass %s\n' "$(secret redis)" | once redis/redis.conf

# ClickHouse gets hashes only; users.d/kipay.xml names them.
{
	echo '<clickhouse>'
	for user in writer reader analyst; do
		echo "    <kipay_${user}_sha256>$(sha256 "$(secret clickhouse-$user)")</kipay_${user}_sha256>"
	done
	echo '</clickhouse>'
} | once clickhouse/passwords.xml
secret clickhouse-analyst | once clickhouse/analyst

printf 'esdb://kipay:%s@eventstore:2113?tls=true&tlsCAFile=/run/secrets/kipay/ca.crt' "$(secret eventstore-kipay)" | once kipay/eventstore
printf 'clickhouse://kipay_writer:%s@clickhouse:9000/kipay' "$(secret clickhouse-writer)" | once kipay/clickhouse-writer
printf 'clickhouse://kipay_reader:%s@clickhouse:9000/kipay' "$(secret clickhouse-reader)" | once kipay/clickhouse-reader
printf 'redis://:%s@redis:6379/0' "$(secret redis)" | once kipay/redis

find "$top" -type d -exec chmod 700 {} +
find "$top" -type f -exec chmod 400 {} +
if [ "$(id -u)" = 0 ]; then
	chown -R 65532:65532 "$top/kipay"
	chown -R 1000:1000 "$top/eventstore"
	chown -R 101:101 "$top/clickhouse"
	chown -R 999:999 "$top/redis"
	chown -R 65534:65534 "$top/prometheus"
	chown -R 472:0 "$top/grafana"
fi
echo "prepare: secrets and certificates are there"
