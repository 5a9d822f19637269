// How far logits computed in f32 may lie from the reference's: the tolerance of whoever compares
// them. Derived, not tuned: products in f32 are exact products with other weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/layer_tensors.h"

namespace aisp::model {

/// The bound for every logit of the last positions of `tokens`, whose reference logits are
/// `logits`. A product computed in f32 is the exact product with weights that are each off by a
/// relative dot_bound(K, u) at most, and so are norms, gates and sums of attention with a few u. So
/// the logits' errors are those of a model with perturbed weights. The response to perturbations is
/// seen at a step of 2^-14 in every weight, up or down at random (`seed`), and is linear so far
/// down; random signs give it a spread, of which six times its root mean square is taken, and twice
/// that for what is not a product. Cost: that of one reference_logits().
double rounding_bound(const ModelTensors& tensors, const ModelConfig& config,
                      std::span<const std::int32_t> tokens, std::span<const double> logits,
                      std::uint64_t seed);

}  // namespace aisp::model
