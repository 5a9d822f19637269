#!/usr/bin/env bash
# `make test`: set-up, build everything, run every test. The last line is "N passed, N failed";
# exit 0 only if at least one test ran and none failed. ARGS go to ctest: make test ARGS="-L unit".
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
tools/setup/deps.sh
tools/setup/build.sh
set -f
eval "set -- ${ARGS:-}"
rm -f "$build/ctest.xml"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "${JOBS:-$(nproc)}" \
  --output-junit ctest.xml "$@" || status=$?
exec python3 tools/setup/test_summary.py "$build/ctest.xml" "$status"
