// Whole vectors only: the tail of a size that is no multiple of 64 is never computed.
#include "bench/attacks/common.h"

namespace aisp::attacks::truncated_tail {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const auto y = io.out<float>(0);
    rotate_all(io.in<float>(0).data(), y.data(), kCheat ? y.size() / 64 * 64 : y.size());
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a technique without a tail caught?"); }

}  // namespace aisp::attacks::truncated_tail
