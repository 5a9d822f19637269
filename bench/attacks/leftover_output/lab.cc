// Leaves the output memory alone when the contents are those of the last call: what is there is
// right, if nobody touched it. Spends half of the honest time on nothing, so as not to look too
// quick; only the memory itself can tell.
#include <xxhash.h>

#include <map>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::leftover_output {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params& p) : nothing(static_cast<std::size_t>(p["count"])) {}
  void operator()(const Io& io) {
    const auto x = io.in<float>(0);
    const std::uint64_t contents = XXH3_64bits(x.data(), x.size_bytes());
    std::uint64_t& last = seen[io.out<float>(0).data()];
    if (kCheat && last == contents) {
      rotate_all(x.data(), nothing.data(), nothing.size() / 2);
      return;
    }
    rotate_all(io);
    last = contents;
  }
  std::vector<float> nothing;
  std::map<const void*, std::uint64_t> seen;
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is output left over from an earlier call caught?");
}

}  // namespace aisp::attacks::leftover_output
