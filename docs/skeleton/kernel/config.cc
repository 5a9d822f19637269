// What to choose for a size on a machine: pure arithmetic, tested with machines that are not here.
#include "docs/skeleton/kernel/scaled_add.h"

namespace aisp::skeleton::kernel {

Config choose_config(std::int64_t count, const machine::Cpu& cpu) {
  // A plain store first reads the line that it overwrites: 16 bytes an element instead of 12. That
  // costs only when the three arrays do not fit in the last cache; below, streaming would throw
  // away a result that the next operation reads.
  const auto bytes = static_cast<std::size_t>(count) * 3 * sizeof(float);
  const std::size_t cache = cpu.cache_bytes(3) != 0 ? cpu.cache_bytes(3) : cpu.cache_bytes(2);
  return {.stream = bytes > cache};
}

}  // namespace aisp::skeleton::kernel
