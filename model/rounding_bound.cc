// See rounding_bound.h.
#include "model/rounding_bound.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/numeric.h"
#include "base/rng.h"
#include "model/reference.h"

namespace aisp::model {
namespace {

constexpr double kStep = 0x1p-14;

// The model in f32 with every weight off by a relative kStep. Weights of routers move too.
class Perturbed {
 public:
  Perturbed(const ModelTensors& from, std::uint64_t seed) : tensors(from), rng_(seed) {
    move(tensors.embedding);
    for (LayerTensors& layer : tensors.layers) {
      for (Weight* w :
           {&layer.q, &layer.k, &layer.v, &layer.o, &layer.router, &layer.shared_gate,
            &layer.attention_norm, &layer.ff_norm, &layer.dense.gate, &layer.dense.up,
            &layer.dense.down, &layer.shared.gate, &layer.shared.up, &layer.shared.down}) {
        move(*w);
      }
      for (FeedForward& expert : layer.experts) {
        move(expert.gate);
        move(expert.up);
        move(expert.down);
      }
    }
    move(tensors.output);
  }

  ModelTensors tensors;

 private:
  void move(Weight& weight) {
    if (!weight) return;
    const auto columns = static_cast<std::size_t>(weight.columns);
    auto& moved = memory_.emplace_back(static_cast<std::size_t>(weight.rows) * columns);
    for (std::int64_t row = 0; row < weight.rows; ++row) {
      weight.dequantize_row(
          row, std::span(moved).subspan(static_cast<std::size_t>(row) * columns, columns));
    }
    for (float& value : moved) value *= static_cast<float>(rng_.below(2) ? 1 + kStep : 1 - kStep);
    weight.type = BlockType::kF32;
    weight.bytes = std::as_bytes(std::span(moved));
  }

  Rng rng_;
  std::deque<std::vector<float>> memory_;
};

}  // namespace

double rounding_bound(const ModelTensors& tensors, const ModelConfig& config,
                      std::span<const std::int32_t> tokens, std::span<const double> logits,
                      std::uint64_t seed) {
  const auto positions = static_cast<std::int64_t>(logits.size()) / config.vocab;
  const std::vector<double> moved =
      reference_logits(Perturbed(tensors, seed).tensors, config, tokens,
                       {.first = static_cast<std::int64_t>(tokens.size()) - positions});
  double square = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    square += (moved[i] - logits[i]) * (moved[i] - logits[i]);
  }
  const double response = std::sqrt(square / static_cast<double>(logits.size()));
  const auto k = static_cast<double>(std::max(config.width, config.ff_size));
  return 2.0 * 6.0 * response * dot_bound(k, 0x1p-24) / kStep;
}

}  // namespace aisp::model
