#!/bin/bash
# One server on one core, one simulated country on another: joins, watches, reports, takes all down.
#
# Usage: bench-country.sh DINH DINH_LOADTEST DIRECTORY
# Writes report.json, report.html and the logs of both into DIRECTORY.
#
# Variables: SITES, DURATION, PROFILE (country: 360p at 15 frames/s and 60 ms sound; hd: 720p at
# 30 frames/s and 20 ms sound), RAMP (sites a second), SERVER_CPU and GENERATOR_CPU (cores, as
# taskset counts them), THRESHOLDS (options that decide the exit code), OPTIONS (further options of
# `dinh-loadtest run`).
set -euo pipefail

dinh=$(realpath "$1")
loadtest=$(realpath "$2")
directory=$3

sites=${SITES:-3400}
duration=${DURATION:-60s}
profile=${PROFILE:-country}
ramp=${RAMP:-$(((sites + 9) / 10))}
server_cpu=${SERVER_CPU:-0}
generator_cpu=${GENERATOR_CPU:-1}
read -ra thresholds <<<"${THRESHOLDS:---max-loss 0 --max-latency-p99 50 --max-server-cores 1}"
read -ra options <<<"${OPTIONS:-}"

case $profile in
country) media=(--layers m --audio-frame 60) ;;
hd) media=(--layers h --audio-frame 20) ;;
*)
    echo "PROFILE=$profile: it is country or hd" >&2
    exit 2
    ;;
esac

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
    --server "$url" --conference demo --server-pid "$server" \
    --sites "$sites" --ramp "$ramp/s" --duration "$duration" --join-timeout 60s \
    "${media[@]}" --decrypt sample:50 --report "$directory" "${thresholds[@]}" "${options[@]}"
