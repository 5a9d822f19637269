// Streaming or not, from sizes and a description of a machine: pure arithmetic.
#include <algorithm>

#include "kernels/norm/norm.h"

namespace aisp::kernels::norm {

Config choose_config(std::int64_t rows, std::int64_t n, const machine::Cpu& cpu) {
  // A plain store first reads the line that it overwrites: 12 bytes an element instead of 8 when
  // input and output leave the last cache anyway. Below, streaming would throw away what the next
  // operation reads.
  const auto bytes = static_cast<std::size_t>(rows * n) * 2 * sizeof(float);
  return {.stream = bytes > std::max(cpu.cache_bytes(3, cpu.cores), cpu.cache_bytes(2, cpu.cores))};
}

}  // namespace aisp::kernels::norm
