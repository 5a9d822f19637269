#!/usr/bin/env bash
# Installs what the build needs and this machine lacks; silent when nothing is missing.
# Lists every missing package with its reason first, asks before sudo, and never asks when nobody
# can answer (no terminal, CI=true, YES=1): root goes on, everybody else gets the line to run.
# Exit: 0 all there, 1 something is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-build}

# Removes the blanks around a field.
trim() { local field=${1#"${1%%[![:space:]]*}"}; echo "${field%"${field##*[![:space:]]}"}"; }
# "name<TAB>why" lines as an indented table.
show() { awk -F '\t' '{printf "  %-22s %s\n", $1, $2}' <<<"$1"; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Prints "package<TAB>why" for every required package that is not there.
missing_required() {
  local package command why
  while IFS='|' read -r package command why; do
    package=$(trim "$package") command=$(trim "$command") why=$(trim "$why")
    case $package in '' | '#'*) continue ;; esac
    if [ "$command" != - ] && command -v "$command" >/dev/null; then continue; fi
    if [ "$has_apt" = yes ] && installed "$package"; then continue; fi
    if [ "$has_apt" = no ] && [ "$command" = - ]; then continue; fi  # CMake will look for it
    printf '%s\t%s\n' "$package" "$why"
  done <"$here/packages.txt"
}

# Prints "pattern<TAB>why" for every peer of which no version is installed.
missing_peers() {
  local pattern why all
  all=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null || true)
  while IFS='|' read -r pattern why; do
    pattern=$(trim "$pattern") why=$(trim "$why")
    case $pattern in '' | '#'*) continue ;; esac
    if grep -qxE "installed $pattern" <<<"$all"; then continue; fi
    printf '%s\t%s\n' "$pattern" "$why"
  done <"$here/peers.txt"
}

# The newest package whose whole name matches the pattern and that apt can install; or nothing.
newest_match() {
  local name names
  names=$(apt-cache pkgnames "${1%%'['*}" 2>/dev/null | { grep -xE "$1" || true; } | sort -rV)
  for name in $names; do
    if grep -q '^  Candidate: [^(]' <<<"$(apt-cache policy "$name")"; then
      echo "$name"
      break
    fi
  done
}

list_without_apt() {
  echo "This system has no apt. aisp needs these (Debian's package names):"
  grep -vE '^(#|$)' "$here/packages.txt" | sed -E 's/ *\| *[^|]* *\| */ - /; s/^/  /'
  echo "CMake checks for the libraries next and names the first one that it cannot find."
}

has_apt=no
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then has_apt=yes; fi

required=$(missing_required)
if [ "$has_apt" = no ]; then
  [ -f "$build/build.ninja" ] || list_without_apt
  if [ -n "$required" ]; then
    names=$(cut -f1 <<<"$required" | tr '\n' ' ')
    echo "Not found here: $names- install them, then try again." >&2
    exit 1
  fi
  exit 0
fi

peers=$(missing_peers)
# A peer that was declined or is not available is not asked for again in this build folder.
if [ -z "$required" ] && [ -f "$build/.without_peers" ]; then peers=''; fi
if [ -z "$required$peers" ]; then exit 0; fi

packages=$(cut -f1 <<<"$required" | tr '\n' ' ')
if [ -n "$required" ]; then
  echo "Missing packages:"
  show "$required"
fi
if [ -n "$peers" ]; then
  echo "Optional, for comparisons with --peers (left out where apt has no such package):"
  show "$peers"
fi

sudo=''
if [ "$(id -u)" -ne 0 ]; then sudo=sudo; fi
interactive=yes
if [ ! -t 0 ] || [ "${CI:-}" = true ] || [ "${YES:-}" = 1 ]; then interactive=no; fi

if [ "$interactive" = no ] && [ -n "$sudo" ]; then
  if [ -z "$required" ]; then
    echo "Going on without the optional packages."
    exit 0
  fi
  echo "Nothing was installed; run: sudo apt-get install $packages" >&2
  exit 1
fi
if [ "$interactive" = yes ]; then
  read -r -p "Install them now with ${sudo:+sudo }apt-get? [y/N] " answer || answer=n
  case $answer in
    y | Y | yes) ;;
    *)
      if [ -z "$required" ]; then
        mkdir -p "$build" && touch "$build/.without_peers"
        echo "Going on without the optional packages."
        exit 0
      fi
      echo "Nothing was installed; run: ${sudo:+sudo }apt-get install $packages" >&2
      exit 1
      ;;
  esac
fi

echo "Installing; this takes a minute or two."
# A stale or unreachable mirror is told by the install below, in its own words.
$sudo apt-get update -qq || echo "apt-get update failed; trying with the package lists at hand." >&2
apt_install="$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq"
apt_install="$apt_install --no-install-recommends"
if [ -n "$required" ]; then
  log=$(mktemp)
  # shellcheck disable=SC2086
  if ! $apt_install $packages </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    echo "apt-get could not install: $packages- its own message stands above." >&2
    exit 1
  fi
  rm -f "$log"
fi
while IFS=$'\t' read -r pattern why; do
  [ -n "$pattern" ] || continue
  name=$(newest_match "$pattern")
  if [ -z "$name" ] || ! $apt_install "$name" </dev/null >/dev/null 2>&1; then
    echo "Going on without $why: apt offers no ${name:-$pattern}."
    mkdir -p "$build" && touch "$build/.without_peers"
  fi
done <<<"$peers"
[ -z "$required" ] || echo "Installed: $packages"
