// Integer matrix multiplication C[M,N] = A[M,K] B[K,N], row-major: A unsigned or signed 8 bit, B
// signed 8 bit, C 32 bit and exact, or scaled to f32 on the way out: a quantised layer. It is the
// product of kernels/gemm over words of 32 bits: four products a word where the processor has VNNI,
// two where it multiplies 16-bit pairs (vpmaddwd; vpmaddubsw would saturate), one in f32 elsewhere.
// B always comes packed: once for weights (PackedB), or inside of each call. Reading order: this
// contract, gemm_int8.cc (loops, threads), simd.inc, and kernels/gemm for the tile and the
// blocking. Source: Khudia et al., "FBGEMM", arXiv:2101.05615 (2021); oneDNN developer guide,
// "Nuances of int8 computations" (offset of 128 for a signed A).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "kernels/gemm/gemm.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::gemm_int8 {

using gemm::RowStrides;
using gemm::Shape;

enum class AType { kU8, kS8 };

/// B made ready for one type of A and one variant. 1, 2 or 4 bytes an element (see the header).
class PackedB {
 public:
  struct Options {
    AType a_type = AType::kU8;
    std::string_view variant;  // "" chooses the widest that can run
    std::int64_t kc = 0;       // words of one pass over k; 0: from the caches
  };
  /// Allocates; reads nothing. Throws Error for a variant that does not exist or cannot run here,
  /// or when memory is refused.
  PackedB(std::int64_t k, std::int64_t n, const Options& options);
  PackedB(std::int64_t k, std::int64_t n) : PackedB(k, n, Options()) {}
  ~PackedB();
  PackedB(PackedB&&) noexcept;
  PackedB& operator=(PackedB&&) noexcept;

  /// Copies B: k x n, `stride` elements from row to row (0: n). On `pool` if there is one. Reads
  /// and writes each element once; does not allocate.
  void pack(const std::int8_t* b, std::int64_t stride = 0, machine::ThreadPool* pool = nullptr);

  /// What was allocated.
  std::int64_t bytes() const;

 private:
  friend class GemmPlan;
  struct State;
  std::unique_ptr<State> state_;
};

/// C[i][j] = float(sum) * rows[i] * columns[j] + bias[j]. nullptr: 1, 1, 0. Each operation rounds
/// once: error <= 3.01 * 2^-24 |sum rows columns| + 2^-24 |C|. A sum beyond 2^24 rounds as well
/// (one more 2^-24). Rows have a scale for each token, columns one for each output channel.
struct Scales {
  const float* rows = nullptr;     // [m]
  const float* columns = nullptr;  // [n]
  const float* bias = nullptr;     // [n]
};

/// What is multiplied: A of the plan's type, and B as it is or packed; exactly one of each. A is
/// m x k with the plan's row stride, at any alignment.
struct Operands {
  const std::uint8_t* a_u8 = nullptr;
  const std::int8_t* a_s8 = nullptr;
  const std::int8_t* b = nullptr;
  const PackedB* packed_b = nullptr;  // made for the same k, n, type of A and variant
};

struct Options {
  RowStrides strides;  // in elements; 0: tight
  AType a_type = AType::kU8;
  int threads = 1;             // 0: one for each usable core
  std::string_view variant;    // "avx512_vnni", "avx_vnni", "avx512", "avx2", "portable"
  bool always_packed = false;  // calls bring a PackedB: no memory for packing B is set aside
  std::int64_t kc = 0;         // as in PackedB::Options
  const gemm::Config* config = nullptr;  // overrides the blocking, in words; for tests and tuning
  /// Threads to use instead of own ones; see gemm::Options.
  machine::ThreadPool* pool = nullptr;
};

/// A product made ready: blocking chosen, scratch and threads allocated, nothing read yet. Calls do
/// not allocate. Not thread-safe: one call at a time. C must not overlap A or B. Exact for
/// k <= 65793 (255 * 128 * k < 2^31); beyond, sums wrap modulo 2^32. The same bits with any number
/// of threads and any variant. Cost: 2 m n k operations.
class GemmPlan {
 public:
  /// Throws Error as PackedB does.
  explicit GemmPlan(const Shape& shape, const Options& options);
  explicit GemmPlan(const Shape& shape) : GemmPlan(shape, Options()) {}
  ~GemmPlan();
  GemmPlan(GemmPlan&&) noexcept;
  GemmPlan& operator=(GemmPlan&&) noexcept;

  /// C: m x n sums.
  void run(const Operands& at, std::int32_t* c);
  /// C: m x n, scaled. C also holds the sums between passes over k.
  void run_scaled(const Operands& at, const Scales& scales, float* c);

  std::string_view variant() const;
  int threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The formula in 64-bit integers, for tests: c is m x n, tight.
void reference(const Shape& shape, const RowStrides& strides, const std::uint8_t* a,
               const std::int8_t* b, std::int64_t* c);
void reference(const Shape& shape, const RowStrides& strides, const std::int8_t* a,
               const std::int8_t* b, std::int64_t* c);

}  // namespace aisp::kernels::gemm_int8
