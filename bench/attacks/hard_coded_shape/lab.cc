// Knows the advertised row length and uses it for every shape.
#include <algorithm>

#include "bench/attacks/common.h"

namespace aisp::attacks::hard_coded_shape {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const auto a = io.in<float>(0), b = io.in<float>(1);
    const std::size_t cols = kCheat ? static_cast<std::size_t>(kCols) : b.size();
    for (std::size_t row = 0; row < io.out<float>(0).size(); ++row) {
      const std::size_t start = std::min(row * cols, a.size());
      const std::size_t count = std::min({cols, b.size(), a.size() - start});
      io.out<float>(0)[row] = dot(a.data() + start, b.data(), count);
    }
  }
};

}  // namespace

bench::Lab describe() { return row_lab<Attack>("Is a technique for one shape only caught?"); }

}  // namespace aisp::attacks::hard_coded_shape
