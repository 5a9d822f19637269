// The judge: a model's logits in double, by naive loops straight from the stored tensors. It shares
// no kernel, no packing and no cache with what it judges, and keeps nothing between calls. Source:
// transformers (models/*/modeling_*.py) for what each architecture computes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/layer_tensors.h"

namespace aisp::model {

struct ReferenceOptions {
  std::int64_t first = 0;  // logits from this position on
  /// Called after each layer with the hidden states [tokens, width], and once before the first with
  /// layer -1 (the embedding).
  std::function<void(std::int64_t layer, std::span<const double> hidden)> on_layer;
  /// Called with the experts that each token of a layer uses, [tokens, used].
  std::function<void(std::int64_t layer, std::span<const std::int64_t> experts)> on_experts;
};

/// Logits [tokens - first, vocab] of a sequence that begins at position 0. Tokens are below vocab.
/// Cost: about 2 ns a parameter and token.
std::vector<double> reference_logits(const ModelTensors& tensors, const ModelConfig& config,
                                     std::span<const std::int32_t> tokens,
                                     const ReferenceOptions& options = {});

/// The states behind the last norm, [tokens, width], of such a sequence.
std::vector<double> reference_states(const ModelTensors& tensors, const ModelConfig& config,
                                     std::span<const std::int32_t> tokens);

}  // namespace aisp::model
