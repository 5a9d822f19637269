#!/usr/bin/env bash
# Checks what needs a card, in some minutes: every test suite whose name ends in Cuda but the
# planted attacks (they judge times: run bench/device_attacks/device_attacks_test alone), in
# parallel shards, then every lab at its small size under the instrument's own checks.
#
# Usage: tools/gpu_check.sh [BUILD] [OUT]     (build, artifacts/gpu-check-<time>)
# BUILD holds aisp and the *_test programs; neither the sources nor CMake are needed. Logs and the
# record stay in OUT; started again with the same OUT it goes on with the labs that are missing.
# Exit 0: something ran, and everything passed.
set -uo pipefail
build=${1:-build}
out=${2:-artifacts/gpu-check-$(date +%Y%m%d-%H%M%S)}
shards=${SHARDS:-8}  # most of a suite's time is its reference on the host: one core each
mkdir -p "$out"
failed=0 all_passed=0
begin=$(date +%s)

for test in "$build"/*_test; do
  name=$(basename "$test")
  [ -x "$test" ] || continue
  "$test" --gtest_list_tests --gtest_filter='*Cuda.*:*Cuda/*' 2>/dev/null | grep -q Cuda || continue
  from=$(date +%s)
  pids=()
  for ((i = 0; i < shards; i++)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i timeout -k 5 240 "$test" \
      --gtest_filter='*Cuda.*:*Cuda/*' >"$out/$name.$i.log" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  passed=$(grep -h '^\[  PASSED  \]' "$out/$name".*.log | awk '{sum += $4} END {print sum + 0}')
  all_passed=$((all_passed + passed))
  skipped=$(grep -h '^\[  SKIPPED \]' "$out/$name".*.log | grep -c '\.' || true)
  echo "$name: $passed passed, $((skipped / 2)) skipped, $(($(date +%s) - from)) s"
  grep -h '^\[  FAILED  \]' "$out/$name".*.log | grep '\.' | sort -u | head -20
done

from=$(date +%s)
"$build/aisp" bench run --device cuda --size smoke --profile none --out "$out/smoke" --resume |
  tee "$out/smoke.log" | grep --line-buffered '^\['  # the program's progress
[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
tail -n 2 "$out/smoke.log" | head -n 1
echo "labs: $(($(date +%s) - from)) s; all: $(($(date +%s) - begin)) s; logs in $out"
if [ "$all_passed" -eq 0 ]; then
  echo "no test ran: is there a GPU, and are the *_test programs in $build?"
  failed=1
fi
exit $failed
