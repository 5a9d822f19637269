// Block and streaming, from sizes and a description of a machine: pure arithmetic.
#include <algorithm>

#include "kernels/softmax/softmax.h"

namespace aisp::kernels::softmax {

Config choose_config(std::int64_t rows, std::int64_t n, const machine::Cpu& cpu) {
  // 4 KiB of input stay in L1 between the search for the block's maximum and its exponentials; 64
  // vectors of 16 lanes make the horizontal maximum cheap.
  constexpr std::int64_t kBlock = 1024;
  Config config{.block = std::max(kBlock, (n + kMaxBlocks - 1) / kMaxBlocks)};
  // A plain store first reads the line that it overwrites: a third of the traffic when input and
  // output leave the last cache anyway. Below, it would throw away what the next operation reads.
  const auto bytes = static_cast<std::size_t>(rows * n) * 2 * sizeof(float);
  const std::size_t last = std::max(cpu.cache_bytes(3, cpu.cores), cpu.cache_bytes(2, cpu.cores));
  config.stream = n <= kMaxStreamed && bytes > last;
  return config;
}

}  // namespace aisp::kernels::softmax
