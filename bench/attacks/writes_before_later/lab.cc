// Writes in front of its output from its thousandth call on, when verification is over and the
// buffers are shared with the other techniques. It alone must be accused, not those who come after.
#include "bench/attacks/common.h"

namespace aisp::attacks::writes_before_later {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    rotate_all(io);
    volatile float* y = io.out<float>(0).data();
    y[kCheat && ++calls > 3 ? -1 : 0] = y[0];
  }
  std::uint64_t calls = 0;
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a write in front of a shared output caught?"); }

}  // namespace aisp::attacks::writes_before_later
