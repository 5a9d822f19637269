// Sort, then gather: the ids are brought into the order of their buckets by a radix sort, looked up
// in that order, and the rows scattered back. All of it is inside the clock. Neighbouring lookups
// then read neighbouring heads; the nodes still lie where they lie.
#include <array>
#include <utility>
#include <vector>

#include "labs/ch07_memory_access/lookup/problem.h"

namespace aisp::labs::ch07::lookup {
namespace {

struct Wanted {
  std::int64_t id = 0;
  std::uint32_t bucket = 0;
  std::uint32_t index = 0;
};

// 2^11 counters of 4 bytes are a quarter of L1; three passes cover 2^33 buckets.
constexpr int kDigitBits = 11;

/// One stable pass of a least-significant-digit radix sort by bucket.
void sort_by_digit(const std::vector<Wanted>& from, std::vector<Wanted>& to, int shift) {
  std::array<std::uint32_t, 1 << kDigitBits> start{};
  const auto digit = [shift](const Wanted& one) {
    return (one.bucket >> shift) & ((1u << kDigitBits) - 1);
  };
  for (const Wanted& one : from) ++start[digit(one)];
  std::uint32_t sum = 0;
  for (auto& entry : start) sum += std::exchange(entry, sum);
  for (const Wanted& one : from) to[start[digit(one)]++] = one;
}

}  // namespace

bench::Technique sorted() {
  return {
      .name = "sorted",
      .summary = "ids sorted by bucket, looked up in that order, rows scattered back",
      .plan = [](const bench::Params& params) {
        const auto count = static_cast<std::size_t>(params["ids"]);
        const int bits = std::countr_zero(static_cast<std::uint64_t>(bucket_count(params["rows"])));
        return bench::plan_of([bits, wanted = std::vector<Wanted>(count),
                               other = std::vector<Wanted>(count)](const bench::Io& io) mutable {
          const Batch batch = batch_of(io);
          for (std::uint32_t i = 0; i < batch.count; ++i) {
            const auto bucket = static_cast<std::uint32_t>(batch.bucket_of(batch.ids[i]));
            wanted[i] = {batch.ids[i], bucket, i};
          }
          for (int shift = 0; shift < bits; shift += kDigitBits) {
            sort_by_digit(wanted, other, shift);
            wanted.swap(other);
          }
          for (const Wanted& one : wanted) batch.rows[one.index] = find_row(batch, one.id);
        });
      }};
}

}  // namespace aisp::labs::ch07::lookup
