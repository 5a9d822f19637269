// See fix_script.h. The fixed parts of both scripts are texts below; what is generated between them
// is calls of their functions with quoted words.
// Source: POSIX.1-2017, Shell Command Language, 2.2.2 (single quotes).
#include "doctor/fix_script.h"

#include <fmt/format.h>

#include <set>

namespace aisp::doctor {
namespace {

// Both scripts. A kernel file may show a choice as "always [madvise] never": writing that back is
// refused, so the word in brackets is written, and what can be read afterwards decides.
constexpr const char* kCommon = R"sh(set -u
ROOT=${ROOT:-}
UNDO=${UNDO:-./aisp-undo}
umask 077

say() { printf '%s\n' "$*"; }
)sh";

constexpr const char* kApplyHead = R"sh(#!/bin/sh
# Remedies that aisp doctor proposes for this machine. Read them first: each function names what it
# changes, and why. Nothing is changed unless DRY_RUN=0.
#   sh fix.sh                     shows what it would do
#   DRY_RUN=0 sh fix.sh           does it; old values go to the folder $UNDO
#   DRY_RUN=0 sh fix.sh ID ...    only these items
#   sh undo.sh                    restores the old values
)sh";

constexpr const char* kApplyFunctions = R"sh(DRY_RUN=${DRY_RUN:-1}

die() { printf '%s\n' "$*" >&2; exit 1; }

# keep STEP TARGET: the old content of a file, once; a second run keeps the first one's.
keep() {
  mkdir -p "$UNDO" || die "cannot make $UNDO"
  [ -e "$UNDO/$1.done" ] && return 0
  cat "$2" >"$UNDO/$1.old" || return 1
  : >"$UNDO/$1.done" || return 1
  sync
}

# write_file STEP FILE VALUE
write_file() {
  target=$ROOT$2
  if [ ! -f "$target" ]; then say "  missing: $target"; failed=1; return 0; fi
  say "  $target: $(cat "$target") -> $3"
  [ "$DRY_RUN" = 0 ] || return 0
  keep "$1" "$target" || { say "  not kept, so not changed: $target"; failed=1; return 0; }
  printf '%s\n' "$3" >"$target" || { say "  refused: $target"; failed=1; }
}

# set_variable STEP NAME VALUE: a line for the job's own script; no process can change its parent's.
set_variable() {
  say "  $2=$3 (a line of $UNDO/job.env: the job does . $UNDO/job.env)"
  [ "$DRY_RUN" = 0 ] || return 0
  mkdir -p "$UNDO" || die "cannot make $UNDO"
  [ -e "$UNDO/$1.done" ] && return 0
  was='' old=''
  eval "was=\${$2+set} old=\${$2-}"
  if [ "$was" = set ]; then
    printf '%s\n' "export $2=$(quote "$old")" >>"$UNDO/job.undo.env"
  else
    printf '%s\n' "unset $2" >>"$UNDO/job.undo.env"
  fi
  printf '%s\n' "export $2=$(quote "$3")" >>"$UNDO/job.env"
  : >"$UNDO/$1.done"
}

# quote TEXT: as one word of sh.
quote() { printf '%s\n' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"; }

# run_command STEP COMMAND
run_command() {
  say "  command: $2"
  [ "$DRY_RUN" = 0 ] || return 0
  if [ -n "$ROOT" ]; then say "  not run: ROOT is set"; return 0; fi
  mkdir -p "$UNDO" || die "cannot make $UNDO"
  : >"$UNDO/$1.done" || return 0
  sh -c "$2" || { say "  failed: $2"; failed=1; }
}
)sh";

constexpr const char* kApplyTail = R"sh(
failed=0
[ "$DRY_RUN" = 0 ] || say "dry run: nothing is changed (DRY_RUN=0 does it)"
# The names of items hold no blanks.
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $ALL
for item in "$@"; do
  case "$item" in
)sh";

constexpr const char* kApplyEnd = R"sh(    *) die "no such item: $item" ;;
  esac
done
exit "$failed"
)sh";

constexpr const char* kUndoHead = R"sh(#!/bin/sh
# Restores what fix.sh changed, from the old values in the folder $UNDO; the last change first.
#   sh undo.sh
)sh";

constexpr const char* kUndoFunctions = R"sh(failed=0

# restore STEP FILE
restore() {
  target=$ROOT$2
  old=$UNDO/$1.old
  [ -e "$UNDO/$1.done" ] || return 0
  cat "$old" >"$target" 2>/dev/null
  if ! cmp -s "$old" "$target"; then
    # A choice shown as "always [madvise] never" is written as its word.
    word=$(sed -n 's/.*\[\([^]]*\)\].*/\1/p' "$old")
    [ -n "$word" ] && printf '%s\n' "$word" >"$target"
  fi
  if cmp -s "$old" "$target"; then
    say "restored: $target"
    rm -f "$UNDO/$1.done" "$old"
  else
    say "NOT restored: $target should hold $(cat "$old")"
    failed=1
  fi
}

# undo_command STEP COMMAND
undo_command() {
  [ -e "$UNDO/$1.done" ] || return 0
  if [ -n "$ROOT" ]; then say "not run: ROOT is set"; return 0; fi
  say "command: $2"
  if sh -c "$2"; then rm -f "$UNDO/$1.done"; else failed=1; fi
}

# undo_variable STEP NAME
undo_variable() {
  [ -e "$UNDO/$1.done" ] || return 0
  say "$2: the old values are in $UNDO/job.undo.env; the job no longer reads $UNDO/job.env"
  rm -f "$UNDO/$1.done" "$UNDO/job.env"
}
)sh";

// One line of a comment: no control character can end it.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 160)) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  return line;
}

// Letters, digits, '.', '-' and '_' alone: a word that can be part of a function's name.
std::string plain(std::string_view id) {
  std::string word;
  for (const char c : id) {
    const bool keeps = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    word += keeps || c == '-' || c == '.' ? c : '_';
  }
  return word;
}

std::string function_of(const std::string& id) {
  std::string name = "remedy_" + plain(id);
  for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
  return name;
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool keeps = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!keeps && c != '_') return false;
  }
  return true;
}

}  // namespace

std::string shell_quoted(std::string_view text) {
  std::string word = "'";
  for (const char c : text.substr(0, text.find('\0'))) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

FixScripts fix_scripts(const std::vector<Remedy>& remedies) {
  std::string functions, all, choices, undo;
  std::set<std::string> names;
  int step = 0;
  for (const Remedy& remedy : remedies) {
    if (remedy.fixes.empty() || !names.insert(function_of(remedy.id)).second) continue;
    all += (all.empty() ? "" : " ") + plain(remedy.id);
    choices += fmt::format("    {}) {} ;;\n", plain(remedy.id), function_of(remedy.id));
    functions += fmt::format("\n# {}: {}\n# Found: {}\n{}() {{\n  say {}\n", plain(remedy.id),
                             one_line(remedy.title), one_line(remedy.says), function_of(remedy.id),
                             shell_quoted(plain(remedy.id)));
    for (const Fix& fix : remedy.fixes) {
      const std::string number = fmt::format("{:04}", ++step);
      const std::string target = shell_quoted(fix.target), value = shell_quoted(fix.value);
      switch (fix.kind) {
        case Fix::Kind::kWrite:
          functions += fmt::format("  write_file {} {} {}\n", number, target, value);
          undo.insert(0, fmt::format("restore {} {}\n", number, target));
          break;
        case Fix::Kind::kVariable:
          // A name that is none would become part of an eval.
          if (!is_variable_name(fix.target)) break;
          functions += fmt::format("  set_variable {} {} {}\n", number, fix.target, value);
          undo.insert(0, fmt::format("undo_variable {} {}\n", number, fix.target));
          break;
        case Fix::Kind::kCommand:
          functions += fmt::format("  run_command {} {}\n", number, target);
          if (!fix.value.empty()) {
            undo.insert(0, fmt::format("undo_command {} {}\n", number, value));
          }
          break;
      }
    }
    functions += "}\n";
  }
  FixScripts scripts;
  scripts.apply = std::string(kApplyHead) + kCommon + kApplyFunctions + functions +
                  "\nALL=" + shell_quoted(all) + "\n" + kApplyTail + choices + kApplyEnd;
  scripts.undo =
      std::string(kUndoHead) + kCommon + kUndoFunctions + "\n" + undo + "exit \"$failed\"\n";
  return scripts;
}

}  // namespace aisp::doctor
