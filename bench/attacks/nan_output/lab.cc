// Writes NaN instead of computing the last half: `error > bound` is false for NaN, so a comparison
// written that way passes.
#include <limits>

#include "bench/attacks/common.h"

namespace aisp::attacks::nan_output {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const auto y = io.out<float>(0);
    const std::size_t computed = kCheat ? y.size() - y.size() / 2 : y.size();
    rotate_all(io.in<float>(0).data(), y.data(), computed);
    for (std::size_t i = computed; i < y.size(); ++i)
      y[i] = std::numeric_limits<float>::quiet_NaN();
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a technique that writes NaN caught?"); }

}  // namespace aisp::attacks::nan_output
