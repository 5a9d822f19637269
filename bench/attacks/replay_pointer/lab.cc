// Computes once for each pair of pointers and replays the output from then on, whatever the memory
// holds by now.
#include <cstring>
#include <map>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::replay_pointer {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    const auto y = io.out<float>(0);
    std::vector<float>& known = outputs[io.in<float>(0).data()];
    if (kCheat && !known.empty()) {
      std::memcpy(y.data(), known.data(), y.size_bytes());
      return;
    }
    rotate_all(io);
    known.assign(y.begin(), y.end());
  }
  std::map<const float*, std::vector<float>> outputs;
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is an output replayed by pointer caught?"); }

}  // namespace aisp::attacks::replay_pointer
