// Y[M,N] = X[M,K] W[N,K]^T for the layers of a language model: X and Y in f32, M from one row
// (decoding) to thousands (a prompt), W packed once from the block types of model files. One packed
// form serves both ends: a row streams it from memory, many rows multiply register tiles.
// 8-, 6- and 4-bit weights multiply in integers: each row of X is rounded to 8 bits in groups of 32
// with an f32 scale, sums within a group are exact, groups are added in order in f32. f32, f16 and
// bf16 weights widen to f32 and X keeps its precision (a bf16 dot product would round X).
// The bits of a row of Y depend on that row of X and on W alone: not on M, on neighbours, on the
// number of threads; for integer types not on the instruction set either.
// Reading order: this contract, layout.h (what packed means), simd.inc and floats.inc (the tiles),
// linear.cc (rows, threads). Source: block types as in ggml's ggml-quants.h (format facts); Intel
// SDM, VPDPBUSD; KleidiAI and llama.cpp's repack.cpp for weights interleaved by output column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "machine/crew.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::linear {

/// How a weight is stored. Rows of the source are whole blocks, one after the other:
/// kQ8_0  32 weights, 34 bytes: f16 d, 32 x s8 q; w = d q
/// kQ4_0  32 weights, 18 bytes: f16 d, 16 bytes; low nibbles are weights 0-15; w = d (q - 8)
/// kQ4_K  256 weights, 144 bytes: f16 d, f16 dmin, 8 pairs of 6-bit s and m, 128 bytes;
///        w = d s q - dmin m
/// kQ6_K  256 weights, 210 bytes: 128 low and 64 high bytes, 16 x s8 s, f16 d; w = d s (q - 32)
enum class Type { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K, kQ6_K };

struct SourceBlock {
  std::int64_t weights = 1;
  std::int64_t bytes = 4;
};
SourceBlock source_block(Type type);

/// Packed weights: a view. Whoever packed them, or mapped a file of them, owns the memory.
struct Matrix {
  Type type = Type::kF32;
  std::int64_t n = 0;               // outputs
  std::int64_t k = 0;               // inputs; a multiple of source_block(type).weights
  const std::byte* data = nullptr;  // packed_bytes(type, n, k), aligned to 64
};

/// Changes whenever the bytes that pack() writes change: for packed weights kept in files.
inline constexpr int kLayoutVersion = 1;

/// n rounds up to 16 (32 for the float types). Beside that, against the source: Q8_0, Q4_0 and the
/// float types equal, Q4_K + 2.8 % (its 6-bit numbers take 8), Q6_K + 0.9 %.
std::int64_t packed_bytes(Type type, std::int64_t n, std::int64_t k);

/// Packs n rows of k weights into `to` (packed_bytes of it, aligned to 64, zero or not). Exact: no
/// weight changes. Reads and writes each byte once, on `pool`.
Matrix pack(Type type, std::int64_t n, std::int64_t k, const std::byte* source,
            std::span<std::byte> to, machine::ThreadPool& pool);

/// The same with memory of its own, on huge pages where the system grants them. Throws Error when
/// memory is refused.
class OwnedMatrix {
 public:
  OwnedMatrix(Type type, std::int64_t n, std::int64_t k, const std::byte* source,
              machine::ThreadPool& pool);
  const Matrix& view() const { return view_; }

 private:
  machine::PageBuffer memory_;
  Matrix view_;
};

/// Row `row` of W in f32, from the packed form: an embedding that shares its matrix with the output
/// layer. Each weight rounds at most twice (w = d s q - dmin m), else once.
void unpack_row(const Matrix& w, std::int64_t row, float* out);

/// What becomes of two products of the same row: y = f(gate) * up.
enum class Gate { kNone, kSilu, kGeluTanh };

/// One result of a call. Products of a call share the rounding of X, unless they name their rows.
struct Product {
  const Matrix* w = nullptr;
  float* y = nullptr;           // row i at y + i * y_stride
  std::int64_t y_stride = 0;    // 0: w->n
  const float* bias = nullptr;  // [n]
  bool accumulate = false;      // y += instead of y =
  /// With a gate: y = gate(x W^T + bias) * (x up^T + up_bias). `up` has the sizes of w.
  Gate gate = Gate::kNone;
  const Matrix* up = nullptr;
  const float* up_bias = nullptr;
  /// Rows of X to multiply, and the rows of Y they go to (a row of Y once in a product). Empty: all
  /// rows, in place. Groups of rows with a matrix each are a layer of experts; one without rows is
  /// left out of the call.
  std::span<const std::int32_t> x_rows = {};
  std::span<const std::int32_t> y_rows = {};
};

/// X: `rows` rows of k f32 at `stride` (0: k), any alignment.
struct Input {
  const float* x = nullptr;
  std::int64_t rows = 0;
  std::int64_t k = 0;
  std::int64_t stride = 0;
};

/// Memory for rounded rows; grows with the largest call and then stays. `variant` "" is the widest
/// that can run here (else "avx512_vnni", "avx_vnni", "avx2", "portable"); throws Error for one
/// that cannot. One call at a time.
class Workspace {
 public:
  explicit Workspace(machine::ThreadPool& pool, std::string_view variant = "");
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  std::string_view variant() const;

 private:
  friend void multiply(Workspace&, const Input&, std::span<const Product>);
  struct State;
  std::unique_ptr<State> state_;
};

/// All products of one X; outputs must not overlap X, W or each other. Does not allocate once the
/// workspace has grown. A row of X with NaN or infinity spoils the rows of Y that it makes (NaN, or
/// infinity for float types), no others. Error of y, u = 2^-24, w exact, g over the groups of 32:
///   integer types  sum_g (a_g / 254) sum_k |w_k| + u (6 sqrt(K / 32 + 2) + 8) sum_g S_g
///                  a_g the largest |x| of the group, S_g the sum of |terms| that are added: x w,
///                  and x d s q beside x dmin m for Q4_K
///   float types    6 u sqrt(K + 2) sum_k |x_k w_k|
/// Cost: 2 M N K operations, and the bytes of W read once from memory for any M.
void multiply(Workspace& workspace, const Input& input, std::span<const Product> products);

}  // namespace aisp::kernels::linear
