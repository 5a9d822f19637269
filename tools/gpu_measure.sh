#!/usr/bin/env bash
# Measures every lab on the card, in four pieces of less than ten minutes each.
#
# Usage: tools/gpu_measure.sh [BUILD] [OUT] [PIECE...]     (build, artifacts/gpu, all pieces)
# A piece's record is OUT/<piece>. Started again with the same OUT, a piece goes on where it was
# interrupted, and one that is complete takes a second. Afterwards:
#   tools/labs_table.py OUT/*/                                              the table of all labs
#   aisp bench run --device cuda --targets ... --out OUT/<piece> --resume --update-expectations
set -uo pipefail
build=${1:-build}
out=${2:-artifacts/gpu}
shift $(($# < 2 ? $# : 2))
declare -A chapters=([a]="ch01,ch02,ch05,ch06" [b]="ch07,ch08" [c]="ch09,ch10" [d]="ch11,ch12")
failed=0
for piece in "${@:-a b c d}"; do
  for one in $piece; do
    echo "piece $one: ${chapters[$one]}"
    mkdir -p "$out"
    # 420 s for trials, checks and references; worker starts and ceilings come on top.
    timeout -s INT 570 "$build/aisp" bench run --device cuda --targets "${chapters[$one]}" --peers \
      --budget 420 --processes "${PROCESSES:-2}" --out "$out/$one" --resume
    status=$?
    [ "$status" -eq 0 ] || failed=$status
  done
done
exit $failed
