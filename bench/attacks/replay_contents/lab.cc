// Hashes the whole input and replays the output of contents that came before: right for every input
// there is, and useless for anyone whose inputs are new.
#include <xxhash.h>

#include <cstring>
#include <map>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::replay_contents {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    const auto x = io.in<float>(0);
    const auto y = io.out<float>(0);
    std::vector<float>& known = outputs[XXH3_64bits(x.data(), x.size_bytes())];
    if (kCheat && !known.empty()) {
      std::memcpy(y.data(), known.data(), y.size_bytes());
      return;
    }
    rotate_all(io);
    known.assign(y.begin(), y.end());
  }
  std::map<std::uint64_t, std::vector<float>> outputs;
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is an output replayed by a hash of the contents caught?");
}

}  // namespace aisp::attacks::replay_contents
