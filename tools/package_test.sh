#!/usr/bin/env bash
# Installs the build into a temporary prefix, builds examples/own_lab against it as any project
# would, and runs its lab with the installed program. Usage: package_test.sh SOURCE BUILD
set -euo pipefail
source=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"
cp -r "$source/examples/own_lab" "$work/own_lab"
cmake -S "$work/own_lab" -B "$work/out" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
  >"$work/configure.log" || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/out" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
aisp=$work/prefix/bin/aisp
"$aisp" bench list-targets --labs "$work/out/own_labs.so" --chapter mine | tee "$work/list"
grep -q 'mine:axpy' "$work/list"
"$aisp" bench run --labs "$work/out/own_labs.so" --targets mine:axpy --profile none --budget 3 \
  --out "$work/run" | tee "$work/table"
grep -q '2 ok, 0 noisy' "$work/table" || grep -q '1 ok, 1 noisy' "$work/table"
