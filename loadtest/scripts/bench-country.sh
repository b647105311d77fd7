#!/bin/bash
# One server on one core, one simulated country on another: joins, watches, reports, takes all down.
#
# Usage: bench-country.sh DINH DINH_LOADTEST DIRECTORY
# Writes report.json, report.html and the logs of both into DIRECTORY.
#
# Variables: SCENARIO (a file of loadtest/scenarios); SITES, DURATION and RAMP (sites a second) go
# before what the scenario says; SERVER_CPU and GENERATOR_CPU are cores, as taskset counts them;
# TLS=1 has the server speak TLS; OPTIONS are further options of `dinh-loadtest run`, such as thresholds.
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

source "$(dirname "$0")/server.sh"
check_cores "$server_cpu" "$generator_cpu"

rm -rf "$directory"
mkdir -p "$directory"
directory=$(realpath "$directory")
if [ -n "${TLS:-}" ]; then
    make_authority "$directory"
    issue "$directory" certificate 4097
    options+=(--ca-file "$directory/ca.pem")
fi
start_server "$dinh" "$directory" "$server_cpu"

# Not exec'ed: the trap stops the server whatever comes of the run.
DINH_LOADTEST_API_KEY=loadtest:$secret taskset -c "$generator_cpu" "$loadtest" run \
    --scenario "$scenario" --server "$url" --conference demo --server-pid "$server" \
    --join-timeout 60s --report "$directory" "${options[@]}"
