// oneDNN's primitives (softmax, layer normalization, matrix products) as peers, through the library
// that peer_blas.h loads. Its C API changed between 2.x (descriptors are structs of the caller) and
// 3.x (descriptors are objects); both are spoken, and nothing of either is needed to build: every
// object is a pointer or a buffer that the library itself fills. Threads: PeerUse of peer_blas.h.
// Source: oneDNN `dnnl.h` and `dnnl_types.h` of 2.6 and 3.7.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace aisp::machine {

/// "" or why oneDNN's primitives cannot be used here: the library is absent, or another release.
std::string dnn_why_not();

/// An f32 array for a primitive: sizes, and strides in elements (empty: dense, row-major).
struct DnnTensor {
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
};

/// One primitive, made for its shapes and for the number of threads that is set when it is made;
/// calls only name buffers. Calls of one object must not overlap in time.
/// Making one throws Error when oneDNN is absent or refuses; a failing call aborts.
class DnnPrimitive {
 public:
  /// Softmax over the last dimension. run({x, y}); y may be x.
  static DnnPrimitive softmax(const DnnTensor& data);
  /// Layer normalization of the last dimension with scale and shift. run({x, scale, shift, y}).
  static DnnPrimitive layer_norm(const DnnTensor& data, float epsilon);
  /// C = alpha A B over the last two dimensions; dimensions before them are batches, and A or B
  /// with size 1 there is used for all. run({a, b, c}).
  static DnnPrimitive matmul(const DnnTensor& a, const DnnTensor& b, const DnnTensor& c,
                             float alpha);

  DnnPrimitive(DnnPrimitive&&) noexcept;
  DnnPrimitive& operator=(DnnPrimitive&&) noexcept;
  ~DnnPrimitive();

  /// Returns when the result is there. Inputs are not written.
  void run(std::initializer_list<const float*> buffers);
  /// What the library chose: "jit:avx512_core", "brgemm:avx512_core", "ref:any".
  std::string implementation() const;

 private:
  struct State;
  explicit DnnPrimitive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// C[m,n] = alpha A[m,k] op(B), row-major, B stored [k,n] or transposed [n,k].
struct DnnSgemm {
  std::int64_t m = 0, n = 0, k = 0;
  float alpha = 1.0f;
  bool transposed_b = false;
  std::int64_t lda = 0, ldb = 0, ldc = 0;
  void run(const float* a, const float* b, float* c) const;
};

}  // namespace aisp::machine
