#!/bin/sh
# Holds a running server against its own OpenAPI document, with a token and without.
#
#   tests/schemathesis/run.sh [profile]      profile: debug (default), ci or release
#
# Needs schemathesis (`pip install schemathesis`), or SCHEMATHESIS naming it. Bounded by EXAMPLES for each operation and
# by SECONDS_EACH for each of the two runs.
set -eu
cd "$(dirname "$0")/../.."
profile=${1:-debug}
schemathesis=${SCHEMATHESIS:-schemathesis}
port=${PORT:-18089}
issuer=http://127.0.0.1:$port
data=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$data"' EXIT

"target/$profile/oauthority" serve --listen "127.0.0.1:$port" --issuer "$issuer" --data-dir "$data" \
    --set limits.requests_per_minute=0 >"$data/log" 2>&1 &
server=$!
tries=0
until curl -fs "$issuer/health/ready" >/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat "$data/log"; exit 1; }
    sleep 0.1
done
token=$(python3 tests/schemathesis/admin_token.py "$issuer" "$(cat "$data/setup-link")")

# Something to find, so that not every path ends in a 404. What one operation deletes is missing for the next.
made() {
    curl -fs -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2" "$issuer$1" |
        python3 -c "import json,sys; print(json.load(sys.stdin)$3)"
}
client=$(made /api/v1/orgs/main/clients \
    '{"name":"Probe","type":"web","grant_types":["client_credentials"],"scopes":["workspace:read"]}' \
    '["client"]["client_id"]')
api=$(made /api/v1/orgs/main/apis '{"name":"Probe","audience":"https://probe.example","scopes":
    [{"value":"probe:read","description":"Probe"}]}' '["id"]')
cat >"$data/schemathesis.toml" <<END
[parameters]
"path.org" = "main"
"path.client" = "$client"
"path.api" = "$api"
"path.scope" = "probe:read"
END

check() {
    timeout "${SECONDS_EACH:-300}" "$schemathesis" --config-file "$data/schemathesis.toml" run "$issuer/api/v1/openapi.json" \
        --max-examples "${EXAMPLES:-25}" --seed 1 --generation-database none --request-timeout 20 \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,ignored_auth \
        "$@"
}

# Signing keys are few and slow to make: tests of their own cover them. The admin client must not cut itself off.
check -H "Authorization: Bearer $token" --exclude-operation-id retireKey --exclude-operation-id rotateKey
check
if grep -E '"?status"?[=:]"?5[0-9][0-9]| ERROR ' "$data/log"; then
    echo "the log tells of failures" >&2
    exit 1
fi
