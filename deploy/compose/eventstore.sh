#!/bin/sh
# Start KurrentDB with its first passwords from files: it takes them from variables only.
set -eu
KURRENTDB_DEFAULT_ADMIN_PASSWORD=$(cat /run/secrets/eventstore/admin)
KURRENTDB_DEFAULT_OPS_PASSWORD=$(cat /run/secrets/eventstore/ops)
export KURRENTDB_DEFAULT_ADMIN_PASSWORD KURRENTDB_DEFAULT_OPS_PASSWORD
for program in /opt/kurrentdb/KurrentDB /opt/kurrentdb/kurrentd; do # the name changed between versions
	[ ! -x "$program" ] || exec "$program" "$@"
done
echo "eventstore: no KurrentDB in this image" >&2
exit 1
