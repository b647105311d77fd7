#!/bin/bash
# A server is killed, upgraded and reloaded while a country watches: who is gone, and when do all hear
# again?
#
# Usage: bench-restart.sh DINH DINH_LOADTEST DIRECTORY
# Writes report.json, report.html and the server's log into DIRECTORY. The server is looked after as
# systemd looks after it with packaging/systemd/dinh.service, its listening sockets included, and speaks
# TLS. Ends with 1 when somebody is gone or does not hear within the scenario's thresholds.
#
# Variables: SITES and RAMP (sites a second) go before what the scenario says; FORGETS=1 leaves the
# listening sockets to each process, as where no service manager keeps them; SCENARIO (a file of
# loadtest/scenarios); SERVER_CPU and GENERATOR_CPU are cores, as taskset counts them; OPTIONS are
# further options of `dinh-loadtest run`, such as thresholds.
set -euo pipefail

dinh=$(realpath "$1")
loadtest=$(realpath "$2")
directory=$3

scenario=$(realpath "${SCENARIO:-$(dirname "$0")/../scenarios/restart.toml}")
server_cpu=${SERVER_CPU:-0}
generator_cpu=${GENERATOR_CPU:-1}
options=()
ramp=${RAMP:-${SITES:+$(((SITES + 9) / 10))}}
[ -z "${SITES:-}" ] || options+=(--sites "$SITES")
[ -z "$ramp" ] || options+=(--ramp "$ramp/s")
read -ra further <<<"${OPTIONS:-}"
options+=("${further[@]}")

source "$(dirname "$0")/server.sh"
check_cores "$server_cpu" "$generator_cpu"

rm -rf "$directory"
mkdir -p "$directory/data"
directory=$(realpath "$directory")
ulimit -n "$(ulimit -Hn)"

# Two certificates, one after the other.
make_authority "$directory"
issue "$directory" first 4097
issue "$directory" second 4098
cp "$directory/first.pem" "$directory/certificate.pem"
cp "$directory/first.key" "$directory/certificate.key"

# A port that stays the same from one process to the next, outside those that the system gives away.
port=""
for candidate in $(shuf -i 20000-30000 -n 50); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
        port=$candidate
        break
    fi
done
[ -n "$port" ] || { echo "no port is free" >&2 && exit 3; }

secret=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
export DINH_DATA_DIR=$directory/data \
    DINH_HTTP__LISTEN=127.0.0.1:$port \
    DINH_ADMIN__LISTEN=127.0.0.1:0 \
    DINH_MEDIA__BIND=127.0.0.1 \
    DINH_MEDIA__ADVERTISE='["127.0.0.1"]' \
    DINH_MEDIA__PORT=0 \
    DINH_TLS__CERTIFICATE=$directory/certificate.pem \
    DINH_TLS__KEY=$directory/certificate.key \
    DINH_AUTH__API_KEYS__LOADTEST=$secret

# What the scenario's restarts are.
cat >"$directory/restart" <<SCRIPT
#!/bin/bash
set -euo pipefail
case "\$1" in
kill) kill -KILL "\$(<'$directory/pid')" ;;
upgrade)
    cp '$dinh' '$directory/dinh.new' && mv '$directory/dinh.new' '$directory/dinh'
    kill -TERM "\$(<'$directory/pid')"
    ;;
reload)
    for part in pem key; do
        cp '$directory/'"second.\$part" '$directory/new' && mv '$directory/new' '$directory/'"certificate.\$part"
    done
    '$directory/dinh' reload
    openssl s_client -connect 127.0.0.1:$port </dev/null 2>/dev/null | openssl x509 -noout -serial | grep -q 1002
    ;;
*) echo "nobody knows how to \$1" >&2 && exit 2 ;;
esac
SCRIPT
chmod +x "$directory/restart"
cp "$dinh" "$directory/dinh"

: >"$directory/links.txt"
keep=(taskset -c "$server_cpu" "$loadtest" keep --directory "$directory")
[ -z "${FORGETS:-}" ] || keep+=(--forgets)
"${keep[@]}" -- "$directory/dinh" serve --demo >"$directory/links.txt" 2>"$directory/server.log" &
server=$!

clean_up() {
    kill "$server" 2>/dev/null && wait "$server" || true
    rm -rf "$directory"/{data,links.txt,restart,dinh,pid,notify} "$directory"/*.{key,pem,csr}
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for _ in $(seq 300); do
    grep -q '^Operator' "$directory/links.txt" && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
grep -q '^Operator' "$directory/links.txt" || {
    echo "the server did not start; its last words:" >&2
    tail -n 20 "$directory/server.log" >&2
    exit 3
}

DINH_LOADTEST_API_KEY=loadtest:$secret taskset -c "$generator_cpu" "$loadtest" run \
    --scenario "$scenario" --server "https://127.0.0.1:$port" --ca-file "$directory/ca.pem" \
    --conference demo --restart-with "$directory/restart" --join-timeout 60s --report "$directory" \
    "${options[@]}"
