#!/bin/sh
# Make the user that kipay's nodes connect as. It reads the stream of all events, which administrators may by default;
# docs/kurrentdb.md has the narrower rights for production. Passwords reach curl on its standard input, not its command line.
set -eu
ask() { # JSON-FILE: prints the status
	printf 'user = "admin:%s"\n' "$(cat /run/secrets/eventstore/admin)" |
		curl --silent --show-error --max-time 10 --config - --cacert /run/secrets/eventstore/ca/ca.crt \
			--output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' \
			--data-binary "@$1" https://eventstore:2113/users/
}
body=$(mktemp)
trap 'rm -f "$body"' EXIT
printf '{"loginName":"kipay","fullName":"Kipay","groups":["$admins"],"password":"%s"}' "$(cat /run/secrets/eventstore/kipay)" >"$body"
status=$(ask "$body")
case $status in
200 | 201) echo "eventstore-user: kipay was made" ;;
409) echo "eventstore-user: kipay is there" ;;
*) echo "eventstore-user: KurrentDB answered $status" >&2 && exit 1 ;;
esac
