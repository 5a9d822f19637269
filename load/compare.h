// Two servers or settings in one interleaved run: from pairs of blocks with the same requests to
// ratios, intervals and verdicts, by the instrument's own statistics (bench/pairing.h). Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bench/pairing.h"
#include "load/driver.h"
#include "load/summary.h"

namespace aisp::load {

struct ComparedRow {
  std::string name;  // "TTFT p50"
  Interval ratio;    // B over A; of goodput A over B: below 1 is better for B in every row
  bench::Verdict verdict = bench::Verdict::kInconclusive;  // kFaster: B is better
  int pairs = 0;  // in which a side had the figure; one without it counts as the worse
};

/// a[i] and b[i] are the blocks of one pair; least_pairs() of them can give a verdict.
std::vector<ComparedRow> compare(std::span<const Summary> a, std::span<const Summary> b,
                                 double margin, double level);

/// The fewest pairs that have an interval at this level: 9 at 95 %.
int least_pairs(double level);

/// Blocks as one run, one behind the other.
DriveResult joined(std::span<const DriveResult> blocks);

}  // namespace aisp::load
