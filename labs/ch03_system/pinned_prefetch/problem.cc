// Reading a block, and the head that uses it. See problem.h.
#include "labs/ch03_system/pinned_prefetch/problem.h"

#include <fcntl.h>

#include <algorithm>

namespace aisp::labs::ch03::pinned_prefetch {

std::vector<float> allocate_block(const Sizes& sizes) {
  return std::vector<float>(sizes.block_count());
}

std::size_t offset_of(const bench::Io& io, const Sizes& sizes, std::int64_t step) {
  const auto block = io.in<std::int32_t>(1)[static_cast<std::size_t>(step)];
  return static_cast<std::size_t>(block) * sizes.block_bytes();
}

void read_block(const bench::Io& io, const Sizes& sizes, const machine::File& file,
                std::int64_t step, std::vector<float>& block) {
  machine::read_at(file, std::as_writable_bytes(std::span(block)), offset_of(io, sizes, step));
}

Head::Head(const Sizes& sizes)
    : sizes_(sizes),
      activations_(static_cast<std::size_t>(sizes.batch * sizes.hidden)),
      first_({sizes.batch, sizes.hidden, sizes.width}, {.threads = 0}),
      second_({sizes.batch, sizes.classes, sizes.hidden}, {.threads = 0}) {}

void Head::run(const bench::Io& io, std::int64_t step, const float* block) {
  first_.run(block, io.in<float>(2).data(), activations_.data());
  for (float& value : activations_) value = std::max(value, 0.0f);
  second_.run(activations_.data(), io.in<float>(3).data(),
              io.out<float>(0).data() + step * sizes_.batch * sizes_.classes);
}

bench::Technique loader(const char* name, const char* summary, int slots) {
  return {
      .name = name,
      .summary = summary,
      .threads = 0,
      .blocks = true,
      .plan = [slots](const bench::Params& p) {
        const Sizes sizes(p);
        std::vector<std::vector<float>> ring(static_cast<std::size_t>(slots),
                                             allocate_block(sizes));
        return bench::plan_of([sizes, ring = std::move(ring),
                               producer = std::make_unique<machine::Producer>(slots),
                               head = std::make_unique<Head>(sizes)](const bench::Io& io) mutable {
          const machine::File file(io.in_path(0), O_RDONLY);
          producer->run(
              sizes.blocks,
              [&](std::int64_t step, int slot) {
                read_block(io, sizes, file, step, ring[static_cast<std::size_t>(slot)]);
              },
              [&](std::int64_t step, int slot) {
                head->run(io, step, ring[static_cast<std::size_t>(slot)].data());
              });
        });
      }};
}

}  // namespace aisp::labs::ch03::pinned_prefetch
