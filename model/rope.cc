// See rope.h.
#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace aisp::model {
namespace {

// The pair that turns `turns` times within the original context.
double pair_of_turns(const Rope& rope, double turns) {
  return static_cast<double>(rope.size) *
         std::log(static_cast<double>(rope.original_context) / (turns * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(rope.theta));
}

// Pairs that turn often keep their frequency, those that turn less than once are stretched, with a
// ramp between.
void stretch_yarn(const Rope& rope, RopeTable& table) {
  const double low = std::max(0.0, std::floor(pair_of_turns(rope, rope.kept_turns)));
  const double high = std::min(static_cast<double>(rope.size - 1),
                               std::ceil(pair_of_turns(rope, rope.stretched_turns)));
  for (std::size_t i = 0; i < table.frequency.size(); ++i) {
    const double at = (static_cast<double>(i) - low) / std::max(0.001, high - low);
    const double keep = (1.0 - std::clamp(at, 0.0, 1.0)) * rope.extrapolation;
    table.frequency[i] *= keep + (1.0 - keep) / rope.factor;
  }
  table.magnitude = rope.attention_factor > 0.0 ? rope.attention_factor
                                                : 0.1 * std::log(std::max(1.0, rope.factor)) + 1.0;
}

// The same idea by wavelength.
void stretch_llama3(const Rope& rope, RopeTable& table) {
  const auto context = static_cast<double>(rope.original_context);
  for (double& frequency : table.frequency) {
    const double turns = context * frequency / (2.0 * std::numbers::pi);
    const double keep =
        std::clamp((turns - rope.low_factor) / (rope.high_factor - rope.low_factor), 0.0, 1.0);
    frequency *= keep + (1.0 - keep) / rope.factor;
  }
}

}  // namespace

RopeTable rope_table(const Rope& rope, std::int64_t context) {
  check(rope.size > 0 && rope.size % 2 == 0, "rope turns pairs");
  const auto size = static_cast<double>(rope.size);
  double theta = rope.theta;
  if (rope.scaling == RopeScaling::kDynamic && context > rope.original_context && rope.size > 2) {
    const double longer = static_cast<double>(context) / static_cast<double>(rope.original_context);
    theta *= std::pow(rope.factor * longer - (rope.factor - 1.0), size / (size - 2.0));
  }
  RopeTable table;
  for (std::int64_t i = 0; i < rope.size / 2; ++i) {
    table.frequency.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / size));
  }
  for (std::size_t i = 0; i < rope.divisors.size(); ++i) table.frequency[i] /= rope.divisors[i];
  if (rope.scaling == RopeScaling::kLinear) {
    for (double& frequency : table.frequency) frequency /= rope.factor;
  }
  if (rope.scaling == RopeScaling::kYarn) stretch_yarn(rope, table);
  if (rope.scaling == RopeScaling::kLlama3) stretch_llama3(rope, table);
  return table;
}

}  // namespace aisp::model
