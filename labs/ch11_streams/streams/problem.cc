// How n values are cut into chunks. See problem.h.
#include <algorithm>
#include <cmath>

#include "labs/ch11_streams/streams/problem.h"

namespace aisp::labs::ch11::streams {

std::vector<Chunk> cut(std::int64_t n, std::int64_t chunks) {
  const std::int64_t each = std::max<std::int64_t>(4, ((n + chunks - 1) / chunks + 3) / 4 * 4);
  std::vector<Chunk> all;
  for (std::int64_t begin = 0; begin < n; begin += each) {
    all.push_back({begin, std::min(each, n - begin)});
  }
  return all;
}

std::int64_t best_chunks(double stage_us, double issue_us) {
  return std::clamp<std::int64_t>(std::llround(std::sqrt(2.0 * stage_us / issue_us)), 1, 64);
}

}  // namespace aisp::labs::ch11::streams
