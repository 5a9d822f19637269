// Batches are made ready and used, one a step: rows of 8-bit images are gathered in a shuffled
// order, scaled to f32, and multiplied by the first layer of a classifier.
//   batch[b][i] = (images[order[step * batch + b]][i] - 127.5) / 64,  out[step] = batch * weights
// Params: samples, steps, batch, hidden. Inputs: images[samples][3072] u8, order[steps * batch]
// i32, weights[3072][hidden] f32. Output: out[steps][batch][hidden] f32.
// Every technique makes the same batches by the same loop and multiplies them by the same kernel;
// they differ in where a batch is put, and in who makes it when.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bench/lab.h"
#include "kernels/gemm/gemm.h"
#include "machine/producer.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch03::kubernetes {

inline constexpr std::int64_t kPixels = 3 * 32 * 32;  // of one CIFAR image

/// Sizes of a case.
struct Sizes {
  std::int64_t samples, steps, batch, hidden;
  explicit Sizes(const bench::Params& p)
      : samples(p["samples"]), steps(p["steps"]), batch(p["batch"]), hidden(p["hidden"]) {}
  std::size_t batch_count() const { return static_cast<std::size_t>(batch * kPixels); }
};

/// Memory of one batch, not initialised: [batch][3072] f32.
using Batch = std::unique_ptr<float[]>;
Batch allocate_batch(const Sizes& sizes);

/// Makes rows [begin, end) of the batch of `step`. Exact: 8 bits, scaled by a power of two.
struct Rows {
  std::int64_t begin = 0, end = 0;
};
void fill_rows(const bench::Io& io, const Sizes& sizes, std::int64_t step, Rows rows, float* batch);

/// out[step] = batch * weights, on as many threads as the plan was made with.
class Layer {
 public:
  Layer(const Sizes& sizes, int threads);
  void run(const bench::Io& io, std::int64_t step, const float* batch);

 private:
  Sizes sizes_;
  kernels::gemm::GemmPlan plan_;
};

/// A technique in which a thread of its own fills `slots` batches ahead; the layer has the other
/// cores.
bench::Technique ring(const char* name, const char* summary, int slots);

bench::Technique allocate_per_step();
bench::Technique reused_buffer();
bench::Technique ring_two();
bench::Technique ring_four();
bench::Technique all_cores_inline();

}  // namespace aisp::labs::ch03::kubernetes
