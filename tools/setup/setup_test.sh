#!/usr/bin/env bash
# Tests of the set-up scripts with stand-ins for dpkg-query, apt-get, apt-cache and sudo: nothing is
# installed. Prints what differs; exit 1 if anything does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

expect() { # what, expected status, pattern in the output, actual status
  if [ "$2" -ne "$4" ] || ! grep -qE -- "$3" "$scratch/output"; then
    echo "FAILED: $1: status $4 (want $2), pattern '$3' in:"
    sed 's/^/    /' "$scratch/output"
    failures=$((failures + 1))
  fi
}
stand_in() { # name, body: a program in front of the real one
  printf '#!/usr/bin/env bash\n%s\n' "$2" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}
deps() { # further VAR=value settings; stdin comes from nowhere
  rm -f "$scratch/installed"
  local status=0
  env -u CI -u YES PATH="$scratch/bin:$PATH" BUILD="$scratch/build" FAKE="$scratch" "$@" \
    "$here/deps.sh" </dev/null >"$scratch/output" 2>&1 || status=$?
  echo "$status"
}

mkdir "$scratch/bin"
stand_in apt-get 'case $1 in install) printf "%s\n" "$@" >>"$FAKE/installed";; esac'
stand_in apt-cache 'if [ "$1" = pkgnames ]; then
  printf "libdnnl2\nlibdnnl3.6\nlibdnnl-dev\n" | grep "^$2" || true
else echo "  Candidate: 1"; fi'
stand_in id 'echo "${FAKE_UID:-0}"'
stand_in sudo 'echo sudo >>"$FAKE/installed"; exec "$@"'

# Everything installed: silent.
stand_in dpkg-query 'case ${*: -1} in -*|*Package*) cat "$FAKE/all";; *) printf installed;; esac'
printf 'installed %s\n' libopenblas0-pthread libdnnl3.6 >"$scratch/all"
status=$(deps)
[ ! -s "$scratch/output" ] || { echo "FAILED: nothing missing, yet it speaks"; failures=1; }

# Nothing installed, root, nobody to ask: says what and why, installs, takes the newest peer.
stand_in dpkg-query 'exit 1'
status=$(deps)
expect 'root, no terminal' 0 'libhwloc-dev +cores, caches' "$status"
cp "$scratch/installed" "$scratch/output"
expect 'root installs the libraries' 0 '^libhwloc-dev$' 0
expect 'root installs the newest peer' 0 '^libdnnl3.6$' 0
if grep -q '^libdnnl-dev$\|^sudo$' "$scratch/installed"; then
  echo 'FAILED: root used sudo, or installed a package that only looks like the peer'
  failures=$((failures + 1))
fi

# The peer that apt does not have is left out with a note, and not asked for again.
status=$(deps)
expect 'peer not offered' 0 'Going on without OpenBLAS' "$status"

# Not root, nobody to ask: nothing happens but one line that says what to run.
for setting in FAKE_NONE=1 CI=true YES=1; do
  status=$(deps FAKE_UID=1000 "$setting")
  expect "user, $setting" 1 'run: sudo apt-get install .*libhwloc-dev' "$status"
  if [ -e "$scratch/installed" ]; then echo 'FAILED: installed unasked'; failures=1; fi
done

# apt-get fails: its own message, then one line.
stand_in apt-get '[ "$1" = update ] || { echo "E: disk full"; exit 100; }'
status=$(deps)
expect 'apt-get fails' 1 'E: disk full' "$status"
expect 'apt-get fails, said' 1 'could not install' "$status"

# The closing line of make test: honest counts, and a status that agrees.
case_of() { printf '<testcase name="%s" status="%s">%s</testcase>' "$1" "$2" "${3:-}"; }
summary() { # expected status, expected last line, ctest's status, test cases
  printf '<testsuite>%s</testsuite>' "$4" >"$scratch/ctest.xml"
  local status=0
  python3 "$here/test_summary.py" "$scratch/ctest.xml" "$3" >"$scratch/output" 2>/dev/null ||
    status=$?
  tail -n 1 "$scratch/output" >"$scratch/last" && cp "$scratch/last" "$scratch/output"
  expect "summary '$2'" "$1" "^$2\$" "$status"
}
passed=$(case_of a run)
failed=$(case_of b fail '<failure message=""/>')
skipped=$(case_of c notrun '<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>')
disabled=$(case_of e disabled)
lost=$(case_of d notrun '<skipped message="Unable to find executable"/>')
summary 0 '1 passed, 0 failed' 0 "$passed$skipped$disabled"
summary 1 '1 passed, 1 failed' 8 "$passed$failed"
summary 1 '1 passed, 1 failed' 8 "$passed$lost"
summary 1 '1 passed, 0 failed' 8 "$passed"
summary 1 '0 passed, 0 failed' 0 "$skipped"
summary 1 '0 passed, 0 failed' 8 ''

[ "$failures" -eq 0 ] || exit 1
echo 'set-up scripts: all as expected'
