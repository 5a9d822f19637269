// The exchanged loops with reads into one buffer instead of a mapping: no page faults, and the
// kernel's read-ahead works in the page cache behind us, whose pages the limit lets go as clean.
#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "labs/ch03_system/docker_memory/problem.h"

namespace aisp::labs::ch03::docker_memory {

bench::Technique read_by_block() {
  return contained(
      "read_by_block", "all questions on a block that was read into a buffer, under the limit",
      true, [](const Call& call) {
        const machine::File file(call.path, O_RDONLY);
        const std::int64_t width = call.sizes.width;
        std::vector<float> block(static_cast<std::size_t>(kBlockRows * width));
        for (std::int64_t row = 0; row < call.sizes.rows; row += kBlockRows) {
          const std::int64_t end = std::min(row + kBlockRows, call.sizes.rows);
          const auto wanted = std::span(block).first(static_cast<std::size_t>((end - row) * width));
          machine::read_at(file, std::as_writable_bytes(wanted),
                           static_cast<std::size_t>(row * width) * sizeof(float));
          for (std::int64_t q = 0; q < call.sizes.questions; ++q) {
            call.score(q, row, end, block.data());
          }
        }
      });
}

}  // namespace aisp::labs::ch03::docker_memory
