// Rotary positions of one batch: cosines and sines of every row once, for all layers and heads.
#pragma once

#include <cstdint>
#include <vector>

#include "model/batch.h"
#include "model/config.h"

namespace aisp::model {

class Rotation {
 public:
  Rotation(const ModelConfig& config, std::int64_t most_rows);

  /// Angles in double, rounded once to f32. Cost: about 40 ns a frequency and row.
  void prepare(const Batch& batch);

  /// Turns rows of `heads` heads in place. `local`: by the rope of layers with a window.
  void apply(float* x, std::int64_t heads, bool local) const;

 private:
  struct Table {
    RopePairs pairs = RopePairs::kHalves;
    std::vector<double> frequency;
    double magnitude = 1.0;
    std::vector<float> cosine, sine;  // [rows, frequencies]
  };
  void fill(Table& table) const;

  std::int64_t head_size_ = 0;
  bool one_table_ = true;  // all layers turn alike
  Table table_, local_;
  std::vector<std::int64_t> positions_;
};

}  // namespace aisp::model
