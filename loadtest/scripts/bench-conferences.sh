#!/bin/bash
# Conference after conference on one server: does the last join like the first, and what is left?
#
# Usage: bench-conferences.sh DINH DINH_LOADTEST DIRECTORY
# Prints a line for each conference, and writes its report.json and report.html into DIRECTORY/N.
# Ends with 1 when a site was refused, or when over 5 % more memory is left after the last than after
# the first, each once the server has put the ended conference away.
#
# Variables: COUNT (conferences), SITES (in each), DURATION (of watching together), RAMP (sites a
# second), REST (seconds between the end of one and the next), SETTLE (seconds after which an ended
# conference is put away); SERVER_CPU and GENERATOR_CPU are cores, as taskset counts them.
set -euo pipefail

dinh=$(realpath "$1")
loadtest=$(realpath "$2")
directory=$3

count=${COUNT:-20}
sites=${SITES:-3400}
duration=${DURATION:-10s}
ramp=${RAMP:-$(((sites + 9) / 10))}
rest=${REST:-5}
settle=${SETTLE:-15}
server_cpu=${SERVER_CPU:-0}
generator_cpu=${GENERATOR_CPU:-1}
scenario=$(realpath "$(dirname "$0")/../scenarios/country.toml")

source "$(dirname "$0")/server.sh"
check_cores "$server_cpu" "$generator_cpu"

rm -rf "$directory"
mkdir -p "$directory"
directory=$(realpath "$directory")
start_server "$dinh" "$directory" "$server_cpu"
admin=$("$dinh" token create --role admin 2>/dev/null)

# ask METHOD PATH [BODY]: one request to the REST interface, which must succeed.
ask() {
    curl --silent --show-error --fail-with-body --output /dev/null -X "$1" "$url/api/v1$2" \
        -H "Authorization: Bearer $admin" -H "Content-Type: application/json" ${3:+-d "$3"}
}

resident() {
    sed -nE 's/^VmRSS:\s+([0-9]+) kB/\1/p' "/proc/$server/status"
}

row='%10s %8s %8s %9s %8s %8s %12s %12s\n'
# shellcheck disable=SC2059
printf "$row" conference joined refused "all in s" "p50 ms" "p99 ms" "RSS busy KiB" "RSS after KiB"
for n in $(seq "$count"); do
    ask POST /conferences "{\"id\": \"bench-$n\", \"title\": \"Bench $n\"}"
    ask POST "/conferences/bench-$n/start"
    # What the sites' thresholds say is for bench-country; here a conference counts that all are in.
    DINH_LOADTEST_API_KEY=loadtest:$secret taskset -c "$generator_cpu" "$loadtest" run \
        --scenario "$scenario" --server "$url" --conference "bench-$n" --server-pid "$server" \
        --sites "$sites" --ramp "$ramp/s" --duration "$duration" --join-timeout 60s \
        --report "$directory/$n" >"$directory/$n.txt" 2>&1 || [ $? = 1 ] || {
        tail -n 20 "$directory/$n.txt" >&2
        exit 3
    }
    ask POST "/conferences/bench-$n/end"
    if [ "$n" = 1 ] || [ "$n" = "$count" ]; then sleep "$settle"; else sleep "$rest"; fi
    read -r joined failed all p50 p99 busy < <(jq -r '[.sites.joined, .sites.failed,
        .sites.allJoinedSeconds, .join.total.p50, .join.total.p99, .server.rssKib]
        | map(. // "-") | join(" ")' "$directory/$n/report.json")
    after=$(resident)
    # shellcheck disable=SC2059
    printf "$row" "$n" "$joined" "$failed" "$all" "$p50" "$p99" "$busy" "$after"
    echo "$joined $after" >>"$directory/rows.txt"
done

awk -v sites="$sites" '
    $1 != sites { refused = 1 }
    NR == 1 { first = $2 }
    END {
        printf "memory left after the last beside the first: %+.1f %%\n", ($2 / first - 1) * 100
        exit refused || $2 > first * 1.05
    }' "$directory/rows.txt"
