// The experts of one layer on the rows of a batch: each expert multiplies all rows that chose it,
// all experts in one call for each of their two products, so that an expert's weights are read once
// and threads share the work of all.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/expert_routing.h"
#include "model/weights.h"

namespace aisp::model {

kernels::linear::Gate gate_of(Activation activation);

class Mixture {
 public:
  /// Room for `most_rows` rows, allocated here.
  Mixture(const Experts& experts, std::int64_t width, Activation activation,
          std::int64_t most_rows);

  /// Does the products of one X; the transformer counts their work on the way.
  using Multiply =
      std::function<void(const kernels::linear::Input&, std::span<const kernels::linear::Product>)>;

  /// out[row] = sum of the routing's weights times expert(x[row]), added in the order of a row's
  /// choice. x and out are [rows, width], the rows of the routing. Does not allocate once it has
  /// seen its largest batch.
  void run(const Multiply& multiply, machine::ThreadPool& pool,
           std::span<const FeedForwardWeights> experts, const ExpertRouting& routing,
           const float* x, float* out);

 private:
  std::int64_t used_, size_, width_;
  kernels::linear::Gate gate_;
  std::vector<kernels::linear::Product> products_;
  // A slot is one use of an expert by a row: slot = row * used + which.
  std::vector<float> inner_, of_slot_;  // [slots, size], [slots, width]
};

}  // namespace aisp::model
