// Filling a batch, and the layer that uses it. See problem.h.
#include "labs/ch03_system/kubernetes/problem.h"

#include <algorithm>

namespace aisp::labs::ch03::kubernetes {

Batch allocate_batch(const Sizes& sizes) {
  return std::make_unique_for_overwrite<float[]>(sizes.batch_count());
}

void fill_rows(const bench::Io& io, const Sizes& sizes, std::int64_t step, Rows rows,
               float* batch) {
  const std::uint8_t* images = io.in<std::uint8_t>(0).data();
  const std::int32_t* order = io.in<std::int32_t>(1).data() + step * sizes.batch;
  for (std::int64_t b = rows.begin; b < rows.end; ++b) {
    const std::uint8_t* from = images + std::int64_t{order[b]} * kPixels;
    float* to = batch + b * kPixels;
    for (std::int64_t i = 0; i < kPixels; ++i) {
      to[i] = static_cast<float>(from[i]) * (1.0f / 64) - 127.5f / 64;
    }
  }
}

Layer::Layer(const Sizes& sizes, int threads)
    : sizes_(sizes), plan_({sizes.batch, sizes.hidden, kPixels}, {.threads = threads}) {}

void Layer::run(const bench::Io& io, std::int64_t step, const float* batch) {
  plan_.run(batch, io.in<float>(2).data(),
            io.out<float>(0).data() + step * sizes_.batch * sizes_.hidden);
}

bench::Technique ring(const char* name, const char* summary, int slots) {
  return {.name = name, .summary = summary, .threads = 0, .plan = [slots](const bench::Params& p) {
            const Sizes sizes(p);
            std::vector<Batch> batches;
            for (int slot = 0; slot < slots; ++slot) {
              batches.push_back(allocate_batch(sizes));
              std::fill_n(batches.back().get(), sizes.batch_count(), 0.0f);  // resident
            }
            return bench::plan_of(
                [sizes, batches = std::move(batches),
                 producer = std::make_unique<machine::Producer>(slots),
                 layer = std::make_unique<Layer>(sizes, std::max(1, machine::cpu().cores - 1))](
                    const bench::Io& io) {
                  producer->run(
                      sizes.steps,
                      [&](std::int64_t step, int slot) {
                        fill_rows(io, sizes, step, {0, sizes.batch},
                                  batches[static_cast<std::size_t>(slot)].get());
                      },
                      [&](std::int64_t step, int slot) {
                        layer->run(io, step, batches[static_cast<std::size_t>(slot)].get());
                      });
                });
          }};
}

}  // namespace aisp::labs::ch03::kubernetes
