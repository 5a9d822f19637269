// A group of ids goes through the lookup in step: all heads are asked for, then all first nodes,
// then all second nodes, until the group's last chain ends. Each step's reads wait together instead
// of one after the other.
// Source: S. Chen, A. Ailamaki, P. Gibbons, T. Mowry, "Improving Hash Join Performance through
// Prefetching", ICDE 2004 (group prefetching).
#include <algorithm>

#include "labs/ch07_memory_access/lookup/problem.h"

namespace aisp::labs::ch07::lookup {
namespace {

// More than the 24 lines that a Zen 4 core can wait for, so that none idles while a step begins or
// ends. From L3 a lookup took 12 ns with 32, 8.6 with 128, 9.0 with 256; from DRAM 26 with all
// three.
constexpr std::size_t kGroup = 128;

void find_group(const Batch& batch, std::size_t first, std::size_t count) {
  std::size_t bucket[kGroup];
  std::int32_t at[kGroup];        // by position in the group
  std::uint32_t waiting[kGroup];  // positions whose chains go on
  for (std::size_t k = 0; k < count; ++k) {
    bucket[k] = batch.bucket_of(batch.ids[first + k]);
    __builtin_prefetch(batch.heads + bucket[k], 0, 2);
  }
  std::size_t left = 0;
  for (std::size_t k = 0; k < count; ++k) {
    at[k] = batch.heads[bucket[k]];
    batch.rows[first + k] = -1;
    if (at[k] < 0) continue;
    __builtin_prefetch(batch.nodes + at[k], 0, 2);
    waiting[left++] = static_cast<std::uint32_t>(k);
  }
  while (left != 0) {
    std::size_t still = 0;
    for (std::size_t w = 0; w < left; ++w) {
      const std::uint32_t k = waiting[w];
      const Node& node = batch.nodes[at[k]];
      if (node.id == batch.ids[first + k]) {
        batch.rows[first + k] = node.row;
      } else if (node.next >= 0) {
        at[k] = node.next;
        __builtin_prefetch(batch.nodes + node.next, 0, 2);
        waiting[still++] = k;
      }
    }
    left = still;
  }
}

}  // namespace

bench::Technique group_prefetch() {
  return {.name = "group_prefetch",
          .summary = "128 ids in step: all heads, all first nodes, all second nodes",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const Batch batch = batch_of(io);
              for (std::size_t i = 0; i < batch.count; i += kGroup) {
                find_group(batch, i, std::min(kGroup, batch.count - i));
              }
            });
          }};
}

}  // namespace aisp::labs::ch07::lookup
