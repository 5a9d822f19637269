// Tokens sorted by expert, then a product for each group: what sorted_grouped and its threaded form
// share. Source: Gale et al., "MegaBlocks", MLSys 2023; vLLM's fused_moe (moe_align_block_size).
#pragma once

#include <atomic>
#include <cstring>

#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch15::moe_inference {

class Grouped {
 public:
  Grouped(const Shape& shape, int threads)
      : shape_(shape),
        sorted_(shape),
        place_(static_cast<std::size_t>(shape.pairs())),
        x_(static_cast<std::size_t>(shape.pairs() * shape.c)),
        y_(x_.size()),
        pool_(threads) {
    for (int i = 0; i < pool_.size(); ++i) experts_.emplace_back(shape, shape.tokens);
  }
  void run(const bench::Io& io) {
    sorted_.sort(io.in<std::int32_t>(kIds));
    // An expert for each worker at a time: gather its rows while they are about to be used.
    std::atomic<std::int64_t> next{0};
    pool_.run([&](int worker) {
      Expert& expert = experts_[static_cast<std::size_t>(worker)];
      for (std::int64_t e; (e = next.fetch_add(1, std::memory_order_relaxed)) < shape_.experts;) {
        const std::int64_t first = sorted_.first[static_cast<std::size_t>(e)];
        const std::int64_t rows = sorted_.first[static_cast<std::size_t>(e) + 1] - first;
        if (rows == 0) continue;
        gather(io, first, rows);
        expert.run(io, e, rows, x_.data() + first * shape_.c, y_.data() + first * shape_.c);
      }
    });
    pool_.parallel_for(shape_.tokens, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) combine(io, t);
    });
  }

 private:
  void gather(const bench::Io& io, std::int64_t first, std::int64_t rows) {
    for (std::int64_t i = first; i < first + rows; ++i) {
      const std::int64_t pair = sorted_.pair[static_cast<std::size_t>(i)];
      place_[static_cast<std::size_t>(pair)] = i;
      std::memcpy(x_.data() + i * shape_.c, io.in<float>(kX).data() + pair / shape_.k * shape_.c,
                  static_cast<std::size_t>(shape_.c) * sizeof(float));
    }
  }
  /// The rows of a token's experts, each read once, added in the order of its choices.
  void combine(const bench::Io& io, std::int64_t t) {
    float* __restrict y = io.out<float>(kY).data() + t * shape_.c;
    for (std::int64_t i = 0; i < shape_.k; ++i) {
      const auto pair = static_cast<std::size_t>(t * shape_.k + i);
      const float gate = io.in<float>(kGates)[pair];
      const float* from = y_.data() + place_[pair] * shape_.c;
      if (i == 0) {
        for (std::int64_t j = 0; j < shape_.c; ++j) y[j] = gate * from[j];
      } else {
        for (std::int64_t j = 0; j < shape_.c; ++j) y[j] += gate * from[j];
      }
    }
  }

  Shape shape_;
  Sorted sorted_;
  std::vector<std::int64_t> place_;  // [pairs] where a pair's row lies in x and y
  std::vector<float> x_, y_;         // [pairs, C], sorted by expert
  machine::ThreadPool pool_;
  std::vector<Expert> experts_;  // one for each worker
};

inline std::unique_ptr<bench::Plan> plan_grouped(const bench::Params& params, int threads) {
  auto grouped = std::make_shared<Grouped>(Shape(params), threads);
  return bench::plan_of([grouped](const bench::Io& io) { grouped->run(io); });
}

}  // namespace aisp::labs::ch15::moe_inference
