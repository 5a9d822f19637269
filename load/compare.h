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
  int pairs = 0;                                           // that had both sides
};

/// a[i] and b[i] are the blocks of one pair. At least 9 pairs can give a verdict at 95 %.
std::vector<ComparedRow> compare(std::span<const Summary> a, std::span<const Summary> b,
                                 double margin, double level);

/// Blocks as one run, one behind the other.
DriveResult joined(std::span<const DriveResult> blocks);

}  // namespace aisp::load
