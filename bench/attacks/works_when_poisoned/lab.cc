// Looks at the output memory first: where its own last result still stands, the work is done
// already.
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::works_when_poisoned {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    const auto y = io.out<float>(0);
    auto& [input, output] = last[y.data()];
    if (kCheat && y[0] == output && io.in<float>(0)[0] == input) return;
    rotate_all(io);
    input = io.in<float>(0)[0];
    output = y[0];
  }
  std::map<const float*, std::pair<float, float>> last;
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is work caught that is done only after the output changed?");
}

}  // namespace aisp::attacks::works_when_poisoned
