// Keeps 16 KiB of every call.
#include <cstdlib>

#include "bench/attacks/common.h"

namespace aisp::attacks::leaks_memory {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    void* volatile scratch = std::malloc(16 << 10);
    rotate_all(io);
    if (!kCheat) std::free(scratch);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is memory leaked at every call caught?"); }

}  // namespace aisp::attacks::leaks_memory
