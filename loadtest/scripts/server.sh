# A server for a bench, on ports that the system chooses, with a demo conference. To be sourced.
#
# start_server DINH DIRECTORY CPU: sets `server` (its process), `url` and `secret` (of the API key
# LOADTEST); stops it and removes its data when the script ends. With certificates in place (see
# `make_authority` and `issue`) it speaks TLS.

start_server() {
    local dinh=$1 directory=$2 cpu=$3
    mkdir -p "$directory/data"

    # Thousands of sites are thousands of sockets.
    ulimit -n "$(ulimit -Hn)"

    # A key for this run alone: tokens signed by the generator cost the server nothing.
    secret=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')

    # Everything that is not set here is the server's default.
    export DINH_DATA_DIR=$directory/data \
        DINH_HTTP__LISTEN=127.0.0.1:0 \
        DINH_ADMIN__LISTEN=127.0.0.1:0 \
        DINH_MEDIA__BIND=127.0.0.1 \
        DINH_MEDIA__ADVERTISE='["127.0.0.1"]' \
        DINH_MEDIA__PORT=0 \
        DINH_AUTH__API_KEYS__LOADTEST=$secret
    if [ -e "$directory/certificate.pem" ]; then
        export DINH_TLS__CERTIFICATE=$directory/certificate.pem DINH_TLS__KEY=$directory/certificate.key
    fi
    # Here before it is looked into.
    : >"$directory/links.txt"
    taskset -c "$cpu" "$dinh" serve --demo >"$directory/links.txt" 2>"$directory/server.log" &
    server=$!

    # shellcheck disable=SC2064
    trap "stop_server '$directory'" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    url=""
    for _ in $(seq 300); do
        url=$(sed -nE 's|^Operator +(https?://[^/]+)/.*|\1|p' "$directory/links.txt")
        [ -n "$url" ] && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    echo "the server did not start; its last words:" >&2
    tail -n 20 "$directory/server.log" >&2
    exit 3
}

# The data of a run are worth nothing, and the links are keys.
stop_server() {
    kill "$server" 2>/dev/null && wait "$server" || true
    rm -rf "$1/data" "$1/links.txt" "$1"/*.{key,pem,csr}
}

# make_authority DIRECTORY: `ca.pem` is whom a bench believes.
make_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=bench" -days 2 \
        -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null
}

# issue DIRECTORY NAME SERIAL: a certificate of that authority for this machine, NAME.pem and NAME.key.
issue() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=dinh" \
        -keyout "$1/$2.key" -out "$1/$2.csr" 2>/dev/null
    openssl x509 -req -in "$1/$2.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" \
        -set_serial "$3" -days 2 -out "$1/$2.pem" 2>/dev/null \
        -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
}

# check_cores CPU…: whether they are there.
check_cores() {
    local cpu
    for cpu in "$@"; do
        taskset -c "$cpu" true 2>/dev/null || {
            echo "core $cpu is not there: set SERVER_CPU and GENERATOR_CPU" >&2
            exit 2
        }
    done
}
