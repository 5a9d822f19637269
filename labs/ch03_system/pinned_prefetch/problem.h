// Training or scoring a small head on embeddings that were computed before and lie in a file: each
// step reads one block of the file, in a shuffled order, and runs a two-layer perceptron on it.
//   out[step] = relu(block[order[step]] * first) * second
// Params: blocks, batch, width, hidden, classes, cold. Inputs: embeddings[blocks][batch][width] f32
// (a file), order[blocks] i32, first[width][hidden], second[hidden][classes] f32. Output:
// out[blocks][batch][classes] f32.
// Every technique reads with the same calls and computes with the same kernels on every core; they
// differ in when a block is read.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/lab.h"
#include "kernels/gemm/gemm.h"
#include "machine/page_cache.h"
#include "machine/producer.h"

namespace aisp::labs::ch03::pinned_prefetch {

/// Sizes of a case.
struct Sizes {
  std::int64_t blocks, batch, width, hidden, classes;
  explicit Sizes(const bench::Params& p)
      : blocks(p["blocks"]),
        batch(p["batch"]),
        width(p["width"]),
        hidden(p["hidden"]),
        classes(p["classes"]) {}
  std::size_t block_count() const { return static_cast<std::size_t>(batch * width); }
  std::size_t block_bytes() const { return block_count() * sizeof(float); }
};

/// One block in memory, its pages resident.
std::vector<float> allocate_block(const Sizes& sizes);

/// Where the block of `step` begins in the file.
std::size_t offset_of(const bench::Io& io, const Sizes& sizes, std::int64_t step);

/// Reads the block of `step`.
void read_block(const bench::Io& io, const Sizes& sizes, const machine::File& file,
                std::int64_t step, std::vector<float>& block);

/// The perceptron on every core; writes out[step].
class Head {
 public:
  explicit Head(const Sizes& sizes);
  void run(const bench::Io& io, std::int64_t step, const float* block);

 private:
  Sizes sizes_;
  std::vector<float> activations_;  // [batch][hidden]
  kernels::gemm::GemmPlan first_, second_;
};

/// A technique with a loader thread that reads up to `slots` blocks ahead.
bench::Technique loader(const char* name, const char* summary, int slots);

bench::Technique inline_load();
bench::Technique readahead_hint();
bench::Technique loader_two();
bench::Technique loader_four();

}  // namespace aisp::labs::ch03::pinned_prefetch
