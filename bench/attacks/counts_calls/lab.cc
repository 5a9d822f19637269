// Right in the first calls of a plan, which verification sees, and half of the work from then on.
#include "bench/attacks/common.h"

namespace aisp::attacks::counts_calls {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    const auto y = io.out<float>(0);
    ++calls;
    rotate_all(io.in<float>(0).data(), y.data(), kCheat && calls > 3 ? y.size() / 2 : y.size());
  }
  std::uint64_t calls = 0;
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is a technique caught that is right only while verified?");
}

}  // namespace aisp::attacks::counts_calls
