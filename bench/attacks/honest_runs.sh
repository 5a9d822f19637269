#!/bin/bash
# Runs honest techniques, with fresh secret seeds each time, and counts accusations: outcomes
# wrong, impossible or failed. Twins and baselines of the planted attacks take turns with the
# built-in labs.
#
#   bench/attacks/honest_runs.sh [-n RUNS] [-l LOAD] [-t TARGETS] [-- OPTIONS of aisp bench run]
#
# RUNS technique-runs at least (200); LOAD busy loops beside them (0); TARGETS: only these twins,
# and no built-in labs. Exit code 1 when anybody was accused.
set -u
runs=200 load=0 targets=
while getopts n:l:t: option; do
  case $option in
    n) runs=$OPTARG ;;
    l) load=$OPTARG ;;
    t) targets=$OPTARG ;;
    *) exit 4 ;;
  esac
done
shift $((OPTIND - 1))
root=$(cd "$(dirname "$0")/../.." && pwd)
aisp=${AISP:-$root/build/aisp}
attacks=${ATTACKS:-$root/build/bench/attacks/attacks.so}
for file in "$aisp" "$attacks"; do
  [ -e "$file" ] || { echo "$file is missing; build it first (make build)" >&2; exit 4; }
done

folder=$(mktemp -d)
busy=()
trap '[ ${#busy[@]} -gt 0 ] && kill "${busy[@]}" 2>/dev/null; rm -rf "$folder"' EXIT
for ((i = 0; i < load; ++i)); do
  while :; do :; done &
  busy+=($!)
done

all=0 accused=0
# One run of the program: adds to `all` and `accused`.
pass() {
  rm -rf "$folder/run"
  "$aisp" bench run --size smoke --processes 1 --out "$folder/run" "$@" >"$folder/log" 2>&1
  # "13 ok, 50 noisy, 1 wrong, 0 impossible, 0 failed, 0 skipped"
  local line
  line=$(grep -E '^[0-9]+ ok, [0-9]+ noisy' "$folder/log") || { cat "$folder/log" >&2; exit 4; }
  read -r ok noisy wrong impossible failed _ < <(tr -dc '0-9 \n' <<<"$line")
  all=$((all + ok + noisy + wrong + impossible + failed))
  if [ $((wrong + impossible + failed)) -gt 0 ]; then
    accused=$((accused + wrong + impossible + failed))
    cat "$folder/log" >&2
  fi
}

turn=0
while [ $all -lt "$runs" ]; do
  if [ -n "$targets" ]; then
    pass --labs "$attacks" --targets "$targets" --techniques honest --profile none --budget 8 "$@"
  elif [ $((turn++ % 2)) -eq 0 ]; then
    pass --labs "$attacks" --targets tag:twin --techniques honest --profile none --budget 20 "$@"
  else
    pass --profile none --budget 10 "$@"
  fi
done
echo "accused $accused of $all honest technique-runs (background load $load)"
[ $accused -eq 0 ]
