// The two loops exchanged: every question is asked of a block before the next block is touched. The
// file is read once, and only one block of it is needed at a time.
#include <algorithm>

#include "labs/ch03_system/docker_memory/problem.h"

namespace aisp::labs::ch03::docker_memory {

bench::Technique mapped_by_block() {
  return contained("mapped_by_block",
                   "all questions on a block of the mapped file before the next, under the limit",
                   true, [](const Call& call) {
                     const MappedFile file(call.path, call.sizes.file_bytes());
                     for (std::int64_t row = 0; row < call.sizes.rows; row += kBlockRows) {
                       const std::int64_t end = std::min(row + kBlockRows, call.sizes.rows);
                       for (std::int64_t q = 0; q < call.sizes.questions; ++q) {
                         call.score(q, row, end, file.data() + row * call.sizes.width);
                       }
                     }
                   });
}

}  // namespace aisp::labs::ch03::docker_memory
