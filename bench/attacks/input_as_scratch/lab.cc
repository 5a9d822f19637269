// Uses the input as scratch memory for an intermediate result, block by block: saves a buffer, and
// the intermediate result stays there.
#include <algorithm>
#include <array>
#include <cmath>

#include "bench/attacks/common.h"

namespace aisp::attacks::input_as_scratch {
namespace {

constexpr std::size_t kBlock = 64;

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const auto x = io.fill<float>(0);
    const auto y = io.out<float>(0);
    std::array<float, kBlock> own;
    for (std::size_t at = 0; at < x.size(); at += kBlock) {
      const std::size_t count = std::min(kBlock, x.size() - at);
      float* scratch = kCheat ? &x[at] : own.data();
      for (std::size_t i = 0; i < count; ++i) scratch[i] = std::fabs(x[at + i]);
      rotate_all(scratch, &y[at], count);
    }
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is an input used as scratch memory caught?"); }

}  // namespace aisp::attacks::input_as_scratch
