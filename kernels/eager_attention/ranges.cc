// See ranges.h.
#include "kernels/eager_attention/ranges.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "kernels/eager_attention/reference.h"

namespace aisp::kernels::eager_attention {
namespace {

Range union_of(std::span<const Range> ranges) {
  Range all = ranges[0];
  for (const Range& one : ranges) {
    all = {std::min(all.begin, one.begin), std::max(all.end, one.end)};
  }
  return all;
}

/// 0 where a row sees a token of `tokens`, -inf where not.
std::vector<float> mask_of(std::span<const Range> ranges, const Range& tokens) {
  const std::int64_t width = tokens.end - tokens.begin;
  std::vector<float> mask(ranges.size() * static_cast<std::size_t>(width),
                          -std::numeric_limits<float>::infinity());
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    const std::int64_t first =
        static_cast<std::int64_t>(r) * width + ranges[r].begin - tokens.begin;
    std::fill_n(mask.begin() + first, ranges[r].end - ranges[r].begin, 0.0f);
  }
  return mask;
}

}  // namespace

RangedAttention::RangedAttention(const Heads& heads, std::span<const Range> ranges,
                                 std::int64_t tokens, std::int64_t together)
    : heads_(heads) {
  const auto rows = std::ssize(ranges);
  for (const Range& one : ranges) {
    check(0 <= one.begin && one.begin < one.end && one.end <= tokens,
          "eager_attention: a range of tokens that are there");
  }
  const std::int64_t step = together == 0 ? rows : together;
  for (std::int64_t first = 0; first < rows; first += step) {
    const std::int64_t count = std::min(step, rows - first);
    const auto of_block =
        ranges.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    const Range seen = together == 0 ? Range{0, tokens} : union_of(of_block);
    blocks_.push_back({.first_row = first,
                       .first_token = seen.begin,
                       .mask = mask_of(of_block, seen),
                       .attention = EagerAttention(heads, count, seen.end - seen.begin)});
  }
}

void RangedAttention::run(const float* q, const float* k, const float* v, float* out) {
  for (Block& block : blocks_) {
    const std::int64_t row = block.first_row * heads_.width();
    const std::int64_t token = block.first_token * heads_.kv_width();
    block.attention.run({.q = q + row,
                         .k = k + token,
                         .v = v + token,
                         .mask = block.mask.data(),
                         .out = out + row});
  }
}

void reference_ranges(const Heads& heads, std::span<const Range> ranges, const float* q,
                      const float* k, const float* v, std::span<double> value,
                      std::span<double> bound) {
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    const std::int64_t row = static_cast<std::int64_t>(r) * heads.width();
    reference_row(heads, {k, v}, tokens_between(ranges[r].begin, ranges[r].end), Bytes::kNone,
                  q + row, value.data() + row, bound.data() + row);
  }
}

std::int64_t visible_pairs(std::span<const Range> ranges) {
  std::int64_t pairs = 0;
  for (const Range& one : ranges) pairs += one.end - one.begin;
  return pairs;
}

}  // namespace aisp::kernels::eager_attention
