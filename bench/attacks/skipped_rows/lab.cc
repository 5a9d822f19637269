// Computes seven rows of eight and copies the eighth from its neighbour: every element is written
// and looks plausible.
#include "bench/attacks/common.h"

namespace aisp::attacks::skipped_rows {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const auto b = io.in<float>(1);
    const auto y = io.out<float>(0);
    for (std::size_t row = 0; row < y.size(); ++row) {
      const bool skip = kCheat && row % 8 == 7;
      y[row] = skip ? y[row - 1] : dot(io.in<float>(0).data() + row * b.size(), b.data(), b.size());
    }
  }
};

}  // namespace

bench::Lab describe() { return row_lab<Attack>("Is a technique that skips rows caught?"); }

}  // namespace aisp::attacks::skipped_rows
