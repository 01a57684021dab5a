#!/usr/bin/env bash
# Walks docs/quickstart.md as a newcomer would: starts the program without any configuration on an empty directory, and
# goes from the set-up link to a token that is taken back; then people sign in to apps built with libraries of others, and
# to the examples.
# Prints each step; the first that fails ends it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

for profile in ci release debug; do
    [ -n "${OAUTHORITY_BIN:-}" ] || { [ -x "target/$profile/oauthority" ] && OAUTHORITY_BIN=$root/target/$profile/oauthority; } || true
done
[ -x "${OAUTHORITY_BIN:-}" ] || { echo "build the program first: cargo build --profile ci" >&2; exit 1; }
[ -x target/venv/bin/python ] || { echo "install what the tests need first: scripts/setup" >&2; exit 1; }

home=$(mktemp -d)
server=
finish() {
    status=$?
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    if [ "$status" != 0 ]; then
        echo "end to end: failed" >&2
        [ ! -s "$home/log" ] || { echo "the last lines of the server:" >&2; tail -n 20 "$home/log" >&2; }
    fi
    rm -rf "$home"
    exit "$status"
}
trap finish EXIT

# No configuration: only where a program finds its home. Another port only if somebody listens on 8080.
port=8080
settings=()
if (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    settings=("OAUTHORITY_LISTEN=127.0.0.1:$port")
    echo "  (port 8080 is taken, so this uses $port)"
fi
cd "$home"
env -i PATH="$PATH" HOME="$home" "${settings[@]}" "$OAUTHORITY_BIN" serve >"$home/out" 2>"$home/log" &
server=$!
cd "$root"
for _ in $(seq 300); do
    curl -sf "http://localhost:$port/health/ready" >/dev/null && break
    kill -0 "$server" 2>/dev/null || { echo "the server does not start" >&2; exit 1; }
    sleep 0.1
done
line=$(grep -m 1 '/setup/' "$home/out") || { echo "the first start printed no set-up link" >&2; exit 1; }
echo "✓ The program starts without any configuration on an empty directory, and prints a set-up link."

export PYTHON=$root/target/venv/bin/python
node tests/end-to-end/journey.mjs "http://localhost:$port" "$line"
# With the administrator that the journey has made.
node tests/end-to-end/people.mjs "http://localhost:$port" root plain-walnut-orbit-journey
node tests/end-to-end/snippets.mjs "http://localhost:$port" root plain-walnut-orbit-journey
node tests/end-to-end/examples.mjs "http://localhost:$port" root plain-walnut-orbit-journey "$OAUTHORITY_BIN"
echo 'All of it works.'
