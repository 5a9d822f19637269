// One matrix product of cuBLASLt, described once and run many times: the strongest peer of our own
// kernels. The library is found at run time. Plain C++: peer_cublaslt.cu implements it,
// peer_cublaslt_absent.cc where there is no CUDA compiler.
//
// Source: cuBLAS 13.0, cuBLASLt API.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "machine/device.h"

namespace aisp::machine {

/// C[M,N] = epilogue(A[M,K] B), row-major, dense. Sums in f32.
struct LtProduct {
  enum class Type {
    kF32,   // C f32; no tensor cores
    kTf32,  // A, B, C f32, rounded to tf32 on the way in
    kF16,   // C f16
    kBF16,  // C bf16
    kE4M3,  // C bf16; B[N,K] only; unit scales, sums promoted to f32 on the way
  };
  enum class Epilogue { kNone, kBias, kGelu, kGeluBias };  // bias[N] of C's type; gelu by tanh

  std::int64_t m = 0, n = 0, k = 0;
  Type type = Type::kBF16;
  bool b_by_columns = true;  // B is stored as [N,K], as nn.Linear's weight; else as [K,N]
  Epilogue epilogue = Epilogue::kNone;
  std::int64_t batch = 1;  // products whose matrices follow one another, in one call
};

class CublasLt {
 public:
  /// "" when the library can be loaded, else why not.
  static const std::string& why_not();

  /// Asks the library for its best algorithm with a workspace of 32 MiB, as cuBLAS takes on Hopper.
  /// Throws Error when it cannot be loaded or refuses the product.
  explicit CublasLt(const LtProduct& product);
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  /// Enqueues on `stream`; device pointers, 16-byte aligned. `bias` only with such an epilogue; it
  /// must be the same pointer in every call that has not run yet.
  void run(CudaStream stream, const void* a, const void* b, void* c, const void* bias = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::machine
