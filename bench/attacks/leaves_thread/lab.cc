// Starts a thread in every plan and lets it go on for good.
#include <unistd.h>

#include <thread>

#include "bench/attacks/common.h"

namespace aisp::attacks::leaves_thread {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {
    std::thread helper([] {
      while (kCheat) pause();
    });
    if (kCheat)
      helper.detach();
    else
      helper.join();
  }
  void operator()(const Io& io) const { rotate_all(io); }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a thread left running caught?"); }

}  // namespace aisp::attacks::leaves_thread
