#!/usr/bin/env bash
# Configures a Release build with Ninja in $BUILD (build/) and builds the given targets (default:
# everything). Quiet about configuring unless it fails; Ninja shows its own progress.
# Jobs: one per core, but no more than one per GiB of memory (the largest file needs about that).
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}

jobs=$(nproc)
memory_gib=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
for limit in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  bytes=$(cat "$limit" 2>/dev/null || echo max)
  if [[ $bytes =~ ^[0-9]+$ ]] && [ "${#bytes}" -lt 16 ]; then
    gib=$((bytes / 1073741824))
    [ "$gib" -ge "$memory_gib" ] || memory_gib=$gib
  fi
done
[ "$jobs" -le "$memory_gib" ] || jobs=$memory_gib
[ "$jobs" -ge 1 ] || jobs=1
jobs=${JOBS:-$jobs}

if [ -f "$build/CMakeCache.txt" ] && [ ! -f "$build/build.ninja" ] &&
  ! grep -q '^CMAKE_GENERATOR:INTERNAL=Ninja$' "$build/CMakeCache.txt"; then
  echo "$build/ was configured for another build tool; remove it or choose BUILD=<folder>" >&2
  exit 1
fi
mkdir -p "$build"
# Every option is given, so that a folder configured for something else is set right again.
if ! cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DAISP_TESTS=ON '-DAISP_LABS=*' \
  -DAISP_SANITIZE= >"$build/configure.log" 2>&1; then
  cat "$build/configure.log" >&2
  echo "CMake could not configure; its message stands above (and in $build/configure.log)" >&2
  exit 1
fi
ninja -C "$build" -j "$jobs" "$@"
