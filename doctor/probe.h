// The tables that connect the checklist with code. A probe is one row of one table in
// doctor/probes/*.cc; adding one touches that file alone (and the checklist, for a new item).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

/// Reads evidence and decides; a few milliseconds. Pure: the same evidence, the same finding.
struct Probe {
  const char* id;  // of the checklist
  Finding (*decide)(const Evidence&);
  /// Files whose growth over the window it looks at: patterns of Evidence::counter_paths.
  std::vector<const char*> counters = {};
};

/// A setting of the kernel with an expected relation: the data-driven probe.
struct Setting {
  enum class Relation { kAtLeast, kAtMost, kEquals, kOneOf, kChosen };
  const char* id;
  const char* path;  // one "*" stands for one part: every match must hold
  Relation relation;
  const char* expected;  // a number, a word, or words separated by '|'
  Verdict otherwise;     // kWarn or kFail
  const char* says_bad;  // one line; {} is the value found
  const char* cost = "";
  const char* write = nullptr;  // the value a fix would write; null: no fix by a write
};
/// kChosen: the word in brackets of "always [madvise] never" is one of `expected`.
Finding decide(const Setting& setting, const Evidence& evidence);

/// A short measurement, made when asked (--measure), and the decision on what it found. The
/// decision is pure, so that recorded measurements are judged by the same code.
struct Measure {
  const char* id;
  /// Why it cannot be made here; empty: it can.
  std::string (*needs)(const Evidence&);
  /// At most `seconds`. Throws Error when it cannot be finished.
  Json (*measure)(const Evidence&, double seconds);
  Finding (*decide)(const Evidence&, const Json& found);
  double seconds = 1.0;  // what it takes by default
  bool always = false;   // only reads: made without --measure too
};

/// All tables, gathered in tables.cc from doctor/probes/*.cc and doctor/measures/*.cc.
const std::vector<Probe>& probes();
const std::vector<Setting>& settings();
const std::vector<Measure>& measures();

}  // namespace aisp::doctor
