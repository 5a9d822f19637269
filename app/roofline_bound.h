// The least time that a pair of flops and bytes can take on this machine, and what sets it.
// Source: Williams, Waterman and Patterson, CACM 52 (2009).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "machine/ceilings.h"

namespace aisp::app {

struct BoundQuestion {
  double flops = 0.0, bytes = 0.0;  // of the whole work
  std::string dtype = "f32";
  int threads = 0;    // 0: all usable cores
  std::string level;  // "L1", "L2", "L3", "DRAM"; empty: the one that holds `bytes`
};

struct LevelBound {
  std::string level;
  double gb_per_s = 0.0, seconds = 0.0;  // seconds: of moving the bytes
};

struct Bound {
  int threads = 1;
  std::string on;                                   // the GPU's name; "": the processor's threads
  double gflop_per_s = 0.0, compute_seconds = 0.0;  // of the arithmetic alone
  std::vector<LevelBound> levels;                   // every level with a ceiling
  std::size_t chosen = 0;                           // the level that serves the bytes
  bool memory_bound = false;
  double seconds() const;
};

/// The type asked for. Throws UsageError for numbers that are not positive and for an unknown type.
DType check_amounts(const BoundQuestion& question);

/// What can be known to be wrong before anything is measured. Throws UsageError, one line each:
/// numbers that are not positive, an unknown type, more threads than cores.
void check_question(const BoundQuestion& question, const machine::Cpu& cpu);

/// At the medians of the ceilings. Throws UsageError as check_question(), and for a type that was
/// not measured or a level that is not there.
Bound find_bound(const machine::Ceilings& ceilings, const machine::Cpu& cpu,
                 const BoundQuestion& question);

std::string render_bound(const Bound& bound, const BoundQuestion& question);
nlohmann::ordered_json to_json(const Bound& bound, const BoundQuestion& question);

}  // namespace aisp::app
