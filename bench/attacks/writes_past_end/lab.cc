// Writes one element past the end of its output.
#include "bench/attacks/common.h"

namespace aisp::attacks::writes_past_end {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    io.out<float>(0).data()[io.out<float>(0).size() - (kCheat ? 0 : 1)] = io.out<float>(0).back();
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a write past the end caught?"); }

}  // namespace aisp::attacks::writes_past_end
