// Which stores, how many threads: pure arithmetic, tested with machines that are not here.
#include <algorithm>

#include "kernels/transpose/transpose.h"

namespace aisp::kernels::transpose {
namespace {

// A fork and a join cost about 1 us, in which one core turns some 40 KB. With 256 KiB of input for
// each thread the fork is below a tenth of the time.
constexpr double kBytesWorthAThread = 256.0 * 1024.0;

}  // namespace

Config choose_config(const Shape& shape, const machine::Cpu& cpu, int threads) {
  const double bytes = 4.0 * static_cast<double>(shape.rows) * static_cast<double>(shape.cols);
  Config config;
  config.threads =
      static_cast<int>(std::clamp(bytes / kBytesWorthAThread, 1.0, static_cast<double>(threads)));
  // Streaming pays when the output would not stay in a private cache anyway: on a Zen 4 core with 1
  // MiB of L2, cached stores won at 2 MiB of input and output (68 against 54 GB/s) and lost at 8
  // MiB. What fits the third level could be quicker through it, a copy of 2 x 9 MiB was (77 against
  // 56 GB/s); but a transpose that asks for the lines it will write came to 38 to 43, streaming 46.
  if (bytes > static_cast<double>(cpu.cache_bytes(2))) config.store = Store::kStreaming;
  return config;
}

}  // namespace aisp::kernels::transpose
