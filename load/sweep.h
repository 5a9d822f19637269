// The highest rate that meets the objectives: a search whose steps are judged by intervals, so that
// the bracket it ends with holds at a stated level. Pure: the caller measures.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "load/statistics.h"

namespace aisp::load {

struct SweepRules {
  double first_rate = 1.0;
  double good_share = 0.9;  // of requests that must be good
  double ratio = 1.10;      // the bracket is narrow enough
  int most_steps = 16;
  int most_repeats = 3;  // measurements of one rate that stays undecided
  double level = 0.95;   // of the bracket as a whole
};

class Sweep {
 public:
  explicit Sweep(const SweepRules& rules) : rules_(rules) {}

  /// The rate to measure next; nothing when the search is over. Where no rate met yet and a rate's
  /// runs were too short to show it, lower rates would have fewer requests still: it is over too.
  std::optional<double> next() const;

  /// A measurement at the rate that next() said: which requests were good, by due time.
  /// Measurements of one rate add up.
  void add(std::span<const double> at_s, std::span<const char> good);

  enum class Verdict : std::uint8_t { kMet, kMissed, kUndecided };
  struct Step {
    double rate = 0.0;
    int repeats = 0;
    Interval good_share;
    Verdict verdict = Verdict::kUndecided;
    bool too_few = false;   // undecided, and would be with every request good
    double offset_s = 0.0;  // behind the measurements so far
    std::vector<double> at_s;
    std::vector<char> good;
  };
  const std::vector<Step>& steps() const { return steps_; }

  /// The highest rate that met and the lowest that missed; nothing where none did.
  std::optional<double> met() const;
  std::optional<double> missed() const;

  /// Requests that the last rate had, where the search ended for want of them; else nothing.
  std::optional<std::size_t> too_few() const;

  /// The fewest requests of a rate that can show that it meets the objectives.
  int least_requests() const;

  /// The lowest rate that missed or stayed undecided.
  std::optional<double> not_met() const;

 private:
  bool repeat() const;
  double level_of_a_look() const;

  SweepRules rules_;
  std::vector<Step> steps_;
};

const char* name_of(Sweep::Verdict verdict);

}  // namespace aisp::load
