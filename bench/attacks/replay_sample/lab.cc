// Recognises contents by a sample of eight elements and replays the output's last three fifths. The
// first two are computed, so that the gain stays below what timing fresh contents can tell.
#include <array>
#include <cstring>
#include <map>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::replay_sample {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    const auto x = io.in<float>(0);
    const auto y = io.out<float>(0);
    std::array<float, 8> sample;
    for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = x[i * x.size() / sample.size()];
    std::vector<float>& known = outputs[sample];
    const std::size_t computed = kCheat && !known.empty() ? y.size() * 2 / 5 : y.size();
    rotate_all(x.data(), y.data(), computed);
    if (computed < y.size()) {
      std::memcpy(&y[computed], &known[computed], (y.size() - computed) * sizeof(float));
    } else {
      known.assign(y.begin(), y.end());
    }
  }
  std::map<std::array<float, 8>, std::vector<float>> outputs;
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is an output replayed by a sampled fingerprint caught?");
}

}  // namespace aisp::attacks::replay_sample
