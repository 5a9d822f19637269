// f32 matrix multiplication C[M,N] = A[M,K] B[K,N], row-major: the operation under most of a
// model's time. Goto/BLIS structure: blocks of B shared by all threads in L3, blocks of A in each
// core's L2, a register tile that streams both. Small and thin problems skip the packing that does
// not pay. Reading order: this contract, config.cc (blocking), gemm.cc (loops, threads), simd.inc
// (the tile). Source: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication",
// TOMS 34 (2008); Van Zee and van de Geijn, "BLIS", TOMS 41 (2015).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::gemm {

/// C is m x n, the dot products have length k. Zero is allowed everywhere; k = 0 gives C = 0.
struct Shape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
};

/// Elements from one row to the next; 0 means tight (k, n, n).
struct RowStrides {
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t c = 0;
};

/// One product of a batch. C must not overlap A or B, nor any other C of the batch.
struct Operands {
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
};

/// Contiguous slabs: matrix i starts i * stride elements after the first.
struct StridedBatch {
  Operands first;
  std::int64_t count = 0;
  std::int64_t stride_a = 0;
  std::int64_t stride_b = 0;
  std::int64_t stride_c = 0;
};

/// Blocking of one product; see config.cc for how it follows from the caches.
struct Config {
  int threads = 1;          // that the product is worth, at most those asked for
  std::int64_t cell_m = 0;  // C is cut into cells of at most cell_m x cell_n; one thread multiplies
  std::int64_t cell_n = 0;  // a cell from beginning to end. 0: all of it
  std::int64_t mc = 0;      // rows of an A block: mc x kc stays in L2
  std::int64_t kc = 0;      // length of one pass over k
  std::int64_t nc = 0;      // columns of a B block: kc x nc stays in this core's share of L3
  bool pack_a = true;       // copy A into tile order; else read it in place
  bool pack_b = true;       // copy B into tile order; else read it in place
  bool operator==(const Config&) const = default;
};

/// The register tile of a variant, which the blocking must respect.
struct TileSize {
  int rows = 0;
  int columns = 0;
};

/// Blocking for a shape on a machine; pure. `threads` >= 1 is the upper bound.
Config choose_config(const Shape& shape, const RowStrides& strides, const TileSize& tile,
                     const machine::Cpu& cpu, int threads);

/// How many of `threads` the work of `products` products is worth, at least 1; pure.
int threads_worth(const Shape& shape, std::int64_t products, int threads);

/// One implementation of the tile.
struct Variant;

struct Options {
  RowStrides strides;
  int threads = 1;           // 0: one for each usable core
  std::int64_t batch = 1;    // products of a usual call; from `threads` on, each thread takes
                             // whole products and packs for itself
  std::string_view variant;  // "avx512", "avx2", "portable"; "" chooses the widest that can run
  const Config* config = nullptr;  // overrides choose_config; for tests and tuning
  /// Threads to use instead of own ones; not owned, must outlive the plan, never used by two plans
  /// at once. The plan then uses at most pool->size() threads.
  machine::ThreadPool* pool = nullptr;
};

/// A product made ready: blocking chosen, scratch and threads allocated, nothing read yet. Calls do
/// not allocate. Not thread-safe: one call at a time. Accuracy: each element of C is a sum in f32
/// with fused multiply-add (portable: two roundings) in passes of kc: error <= dot_bound(k, 2^-24)
/// * sum |a b| with high probability; NaN and Inf propagate. The result does not depend on the
/// number of threads. Cost: 2 m n k flops.
class GemmPlan {
 public:
  /// Throws Error for a variant that does not exist or cannot run here, or when memory is refused.
  explicit GemmPlan(const Shape& shape, const Options& options = {});
  ~GemmPlan();
  GemmPlan(GemmPlan&&) noexcept;
  GemmPlan& operator=(GemmPlan&&) noexcept;

  /// One product. A: m x k, B: k x n, C: m x n with the plan's row strides, any alignment.
  void run(const float* a, const float* b, float* c);

  /// The first `rows` <= m rows of A and C: for a number of rows that only the data tell, as the
  /// tokens of an expert. The blocking stays that of m rows.
  void run_rows(std::int64_t rows, const float* a, const float* b, float* c);

  /// Products of one shape at arbitrary places, with one fork and join of the threads.
  void run_batch(std::span<const Operands> batch);

  /// Products in contiguous slabs.
  void run_strided(const StridedBatch& batch);

  const Config& config() const;
  std::string_view variant() const;
  int threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The formula with double accumulation, for tests: c and scale = sum |a b| are m x n, tight.
/// `scale` may be nullptr.
void reference(const Shape& shape, const RowStrides& strides, const float* a, const float* b,
               double* c, double* scale);

}  // namespace aisp::kernels::gemm
