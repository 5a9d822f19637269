// How quickly a model runs here: steps of prompts and of streams through the engine's own executor,
// in rounds that take every cell in turn, each beside what the machine's memory and arithmetic give
// in the same round. `aisp bench model` prints it.
// The floor of a cell is the longer of two times: its bytes (matrices that were read, keys and
// values) at the probed read bandwidth, its operations at the probed peaks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/interval.h"

namespace aisp::app {

struct ModelRatesOptions {
  std::string model;
  std::vector<int> prompts = {128, 512};  // tokens
  std::vector<int> rows = {1, 4, 16};     // streams that each get a token in a step
  int context = 256;                      // tokens that each stream has behind it
  std::string kv = "bf16";
  int threads = 0;         // 0: one per core
  double budget_s = 60.0;  // rounds go on as long as they fit
  bool packed_cache = true;
  std::int64_t probe_bytes = std::int64_t{1} << 30;  // read by a probe: more than caches hold
};

/// What the machine gives. GB/s over more memory than caches hold, and 1e9 operations a second.
struct ModelProbe {
  double read_gb_per_s = 0.0, i8_gop_per_s = 0.0, f32_gflop_per_s = 0.0;
};

/// Of each number on its own. Throws nothing; of no probes it is NaN.
ModelProbe median_of(const std::vector<ModelProbe>& probes);

struct ModelCell {
  bool prompt = false;
  int count = 0;                 // tokens of the prompt, or rows
  Interval tokens_per_s;         // median of the rounds with its 95 % interval
  Interval share;                // floor / time, in the same round
  double gb_per_token = 0.0;     // weights, keys and values, divided among the rows of a step
  double weight_gb = 0.0;        // matrices read by a step
  double kv_gb = 0.0;            // keys and values read by a step
  double gop = 0.0;              // operations of a step or prompt
  bool bound_by_memory = false;  // which of the two floors is the longer
};

struct ModelRates {
  std::string architecture;
  std::int64_t parameters = 0, packed_bytes = 0;
  bool mapped = false;  // packed weights from the file beside the model
  int threads = 0, rounds = 0;
  ModelProbe before, after;        // medians of some probes
  std::vector<ModelProbe> during;  // of each round
  std::vector<ModelCell> cells;    // prompts, then rows
  std::string note;                // of loading; empty: none

  /// The largest relative difference between the probes before and after, of any of the three.
  double disagreement() const;
};

/// Called before each round. Throws Error as loading does, and when it returns false.
using RoundProgress = std::function<bool(int round, double seconds)>;
ModelRates measure_model(const ModelRatesOptions& options, const RoundProgress& progress);

}  // namespace aisp::app
