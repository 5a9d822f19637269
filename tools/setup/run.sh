#!/usr/bin/env bash
# `make run`: set-up, build, then the main job: the first case of every lab, within 5 minutes on 2
# cores. ARGS replace its options: make run ARGS="--targets ch07".
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/setup/deps.sh
tools/setup/build.sh aisp
# ARGS is the user's own command line: split into words as the shell would, quotes included.
set -f
eval "set -- ${ARGS:---cases first}"
exec "${BUILD:-build}/aisp" bench run "$@"
