// Allocates until it is refused; gives up by itself at 3 GiB, untouched, so that the attack is
// harmless where nothing stops it.
#include <memory>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::allocates_endlessly {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    constexpr std::size_t kBlock = 64u << 20, kEnough = 48;
    std::vector<std::unique_ptr<char[]>> blocks;
    for (std::size_t i = 0; i < (kCheat ? kEnough : 1); ++i) {
      blocks.emplace_back(new char[kBlock]);
      static_cast<volatile char&>(blocks.back()[0]) = 1;
    }
    rotate_all(io);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is endless allocation caught?"); }

}  // namespace aisp::attacks::allocates_endlessly
