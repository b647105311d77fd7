#!/usr/bin/env bash
# Fuzzes targets under libFuzzer, as many at a time as there are cores, and adds up what was tried.
#   tests/fuzz/run.sh BINARY DIRECTORY SECONDS [TARGET ...]
# Inputs that reach something new stay in DIRECTORY/TARGET and begin the next run; an input that fails
# is written to DIRECTORY/failures.
set -euo pipefail
binary=$1 directory=$2 seconds=$3
shift 3
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(
  sed -n 's/^ *name: "\(.*\)",$/\1/p' "$(dirname "$0")"/../src/fuzz/*.rs)
mkdir -p "$directory/failures" "$directory/logs"

fuzz() {
  local target=$1 log="$directory/logs/$1"
  mkdir -p "$directory/$target"
  FUZZ_TARGET=$target FUZZ_SEEDS="$directory/$target" "$binary" \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$directory/failures/$target-" "$directory/$target" >"$log" 2>&1 ||
    { echo "$target: FAILED, see $log"; tail -n 20 "$log"; return 1; }
  echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
}
export -f fuzz
export binary directory seconds

failed=0
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'fuzz {}' || failed=1
tried=$(cat "$directory"/logs/* | awk '/^stat::number_of_executed_units:/ { sum += $2 } END { print sum + 0 }')
echo "$tried inputs in all"
exit "$failed"
