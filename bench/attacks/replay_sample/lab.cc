// Recognises contents by a sample of eight elements and replays their output. Spends three fifths
// of the honest time on nothing, so that the gain stays below what timing fresh contents can tell.
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks::replay_sample {
namespace {

using Sample = std::array<float, 8>;

template <bool kCheat>
struct Attack {
  explicit Attack(const Params& p)
      : nothing(static_cast<std::size_t>(p["count"])), kept(4, {Sample{}, nothing}) {}
  void operator()(const Io& io) {
    const auto x = io.in<float>(0);
    const auto y = io.out<float>(0);
    Sample sample;
    for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = x[i * x.size() / sample.size()];
    for (const auto& [known, output] : kept) {
      if (!kCheat || known != sample) continue;
      rotate_all(x.data(), nothing.data(), nothing.size() * 3 / 5);
      std::memcpy(y.data(), output.data(), y.size_bytes());
      return;
    }
    rotate_all(io);
    auto& [known, output] = kept[next++ % kept.size()];
    known = sample;
    std::memcpy(output.data(), y.data(), y.size_bytes());
  }
  std::vector<float> nothing;
  std::vector<std::pair<Sample, std::vector<float>>> kept;
  std::size_t next = 0;
};

}  // namespace

// Sixteen times the usual size: the eight elements in which similar contents differ then miss the
// sample of eight with a probability of 0.9998.
bench::Lab describe() {
  return map_lab<Attack>("Is an output replayed by a sampled fingerprint caught?", 16 * kCount);
}

}  // namespace aisp::attacks::replay_sample
