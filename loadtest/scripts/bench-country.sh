#!/bin/bash
# One server on one core, one simulated country on another: joins, watches, reports, takes all down.
#
# Usage: bench-country.sh DINH DINH_LOADTEST DIRECTORY
# Writes report.json, report.html and the logs of both into DIRECTORY.
#
# Variables: SCENARIO (a file of loadtest/scenarios); SITES, DURATION and RAMP (sites a second) go
# before what the scenario says; SERVER_CPU and GENERATOR_CPU are cores, as taskset counts them;
# OPTIONS are further options of `dinh-loadtest run`, such as thresholds.
set -euo pipefail

dinh=$(realpath "$1")
loadtest=$(realpath "$2")
directory=$3

scenario=$(realpath "${SCENARIO:-$(dirname "$0")/../scenarios/country.toml}")
server_cpu=${SERVER_CPU:-0}
generator_cpu=${GENERATOR_CPU:-1}
options=()
# As many as there are, they come within ten seconds.
ramp=${RAMP:-${SITES:+$(((SITES + 9) / 10))}}
[ -z "${SITES:-}" ] || options+=(--sites "$SITES")
[ -z "$ramp" ] || options+=(--ramp "$ramp/s")
[ -z "${DURATION:-}" ] || options+=(--duration "$DURATION")
read -ra further <<<"${OPTIONS:-}"
options+=("${further[@]}")

if ! taskset -c "$server_cpu" true 2>/dev/null || ! taskset -c "$generator_cpu" true 2>/dev/null; then
    echo "cores $server_cpu and $generator_cpu are not both there: set SERVER_CPU and GENERATOR_CPU" >&2
    exit 2
fi

rm -rf "$directory"
mkdir -p "$directory/data"
directory=$(realpath "$directory")

# Thousands of sites are thousands of sockets.
ulimit -n "$(ulimit -Hn)"

# A key for this run alone: tokens signed by the generator cost the server nothing.
secret=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')

# The system chooses free ports; everything else is the server's default.
DINH_DATA_DIR=$directory/data \
    DINH_HTTP__LISTEN=127.0.0.1:0 \
    DINH_ADMIN__LISTEN=127.0.0.1:0 \
    DINH_MEDIA__BIND=127.0.0.1 \
    DINH_MEDIA__ADVERTISE='["127.0.0.1"]' \
    DINH_MEDIA__PORT=0 \
    DINH_AUTH__API_KEYS__LOADTEST=$secret \
    taskset -c "$server_cpu" "$dinh" serve --demo >"$directory/links.txt" 2>"$directory/server.log" &
server=$!

stop() {
    # The data of the run are worth nothing, and the links are keys.
    kill "$server" 2>/dev/null && wait "$server" || true
    rm -rf "$directory/data" "$directory/links.txt"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

url=""
for _ in $(seq 300); do
    url=$(sed -nE 's|^Operator +(http://[^/]+)/.*|\1|p' "$directory/links.txt")
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if [ -z "$url" ]; then
    echo "the server did not start; its last words:" >&2
    tail -n 20 "$directory/server.log" >&2
    exit 3
fi

# Not exec'ed: the trap stops the server whatever comes of the run.
DINH_LOADTEST_API_KEY=loadtest:$secret taskset -c "$generator_cpu" "$loadtest" run \
    --scenario "$scenario" --server "$url" --conference demo --server-pid "$server" \
    --join-timeout 60s --report "$directory" "${options[@]}"
