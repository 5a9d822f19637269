// What the doctor says about one item of the checklist: a verdict, the evidence it rests on, what
// it costs and what to do. Plain data; the same evidence gives the same finding.
#pragma once

#include <string>
#include <vector>

namespace aisp::doctor {

enum class Verdict {
  kOk,
  kWarn,           // costs something, or may
  kFail,           // wrong: costs much, or results cannot be trusted
  kNotApplicable,  // the question does not arise here; `says` tells why
  kCannotSee,      // the evidence is missing, forbidden or did not answer; `says` tells why
  kNotMeasured,    // a measurement that was not asked for
  kListed,         // advice, or a lab to run: nothing to decide
};
const char* name(Verdict verdict);  // "ok", "warn", "fail", "not applicable", ...

/// Where a value was read, and the value: {"/proc/sys/vm/swappiness", "60"}.
struct Reading {
  std::string source, value;
};

/// One step of a remedy that a script can take. `value` is what should be there afterwards.
struct Fix {
  enum class Kind {
    kWrite,  // write `value` to the file `target` (a sysctl or sysfs file); undone by the old text
    kVariable,  // export target=value in the environment of the job
    kCommand,   // run `target`; undone by `value` (both shell text; `value` may be empty)
  };
  Kind kind = Kind::kWrite;
  std::string target, value;
  bool operator==(const Fix&) const = default;
};

struct Finding {
  Verdict verdict = Verdict::kCannotSee;
  std::string says;               // one line: what was found, or why nothing could be
  std::vector<Reading> evidence;  // what it rests on
  std::string cost;               // a figure with its source, or the lab that measures it
  std::vector<Fix> fixes;         // concrete for this machine; the checklist has the words
};

inline Finding ok(std::string says, std::vector<Reading> evidence = {}) {
  return {Verdict::kOk, std::move(says), std::move(evidence), "", {}};
}
inline Finding warn(std::string says, std::vector<Reading> evidence, std::string cost = "",
                    std::vector<Fix> fixes = {}) {
  return {Verdict::kWarn, std::move(says), std::move(evidence), std::move(cost), std::move(fixes)};
}
inline Finding fail(std::string says, std::vector<Reading> evidence, std::string cost = "",
                    std::vector<Fix> fixes = {}) {
  return {Verdict::kFail, std::move(says), std::move(evidence), std::move(cost), std::move(fixes)};
}
inline Finding not_applicable(std::string why, std::vector<Reading> evidence = {}) {
  return {Verdict::kNotApplicable, std::move(why), std::move(evidence), "", {}};
}
inline Finding cannot_see(std::string why, std::vector<Reading> evidence = {}) {
  return {Verdict::kCannotSee, std::move(why), std::move(evidence), "", {}};
}

}  // namespace aisp::doctor
