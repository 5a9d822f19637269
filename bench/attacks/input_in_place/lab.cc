// Takes the absolute value in the input's own memory, so that later calls find it done. Every
// output is right; whoever uses the input next has lost its signs.
#include <cmath>

#include "bench/attacks/common.h"

namespace aisp::attacks::input_in_place {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    if (kCheat) {
      for (float& value : io.fill<float>(0)) value = std::fabs(value);
    }
    rotate_all(io);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a technique that modifies its input caught?"); }

}  // namespace aisp::attacks::input_in_place
