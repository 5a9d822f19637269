// Writes four bytes in front of its output, where no guard page can stand because outputs end, not
// begin, at a page's edge.
#include "bench/attacks/common.h"

namespace aisp::attacks::writes_before {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    volatile float* y = io.out<float>(0).data();
    y[kCheat ? -1 : 0] = y[0];
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a write in front of the output caught?"); }

}  // namespace aisp::attacks::writes_before
