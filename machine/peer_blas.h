// Other people's matrix multiplication, f32 and 8 bit, loaded at run time: OpenBLAS and oneDNN.
// They are peers to be measured beside our own kernels, never a dependency: absence is a reason,
// not an error. Prototypes are declared here because neither library's headers are needed to build.
// Source: OpenBLAS `cblas.h`, oneDNN `dnnl.h` (dnnl_sgemm, dnnl_gemm_u8s8s32), their documented
// environment variables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "machine/cpu.h"

namespace aisp::machine {

enum class PeerLibrary { kOpenBlas, kOneDnn };

/// One loaded library. `why_not` empty: usable.
struct PeerBlas {
  std::string name;     // "openblas", "onednn"
  std::string why_not;  // "needs libopenblas.so.0 (Debian package libopenblas0-pthread)"
  std::string details;  // core type or version that the library reports, for records

  /// Threads of all later calls, process-wide; >= 1.
  void set_threads(int threads) const;
  /// C[m,n] = A[m,k] B[k,n], row-major, leading dimensions in elements; beta = 0.
  /// REQUIRES: why_not is empty. A failing call is our bug (wrong sizes) and aborts.
  void sgemm(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
             const float* b, std::int64_t ldb, float* c, std::int64_t ldc) const;

  /// "" or why this library has no product of 8-bit integers.
  std::string why_not_int8() const;
  /// C[m,n] = A[m,k] B[k,n] in 32-bit sums, A unsigned or signed, row-major, no zero points.
  /// REQUIRES: why_not_int8() is empty.
  void gemm_u8s8s32(std::int64_t m, std::int64_t n, std::int64_t k, const std::uint8_t* a,
                    std::int64_t lda, const std::int8_t* b, std::int64_t ldb, std::int32_t* c,
                    std::int64_t ldc) const;
  void gemm_s8s8s32(std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* a,
                    std::int64_t lda, const std::int8_t* b, std::int64_t ldb, std::int32_t* c,
                    std::int64_t ldc) const;

  /// Ends the library's worker threads, where it has a way to; the next call starts them again.
  void end_threads() const;

  PeerLibrary library = PeerLibrary::kOpenBlas;
  void* handle = nullptr;  // of dlopen, for further functions of the same library (peer_dnn.h)
  void* sgemm_function = nullptr;
  void* set_threads_function = nullptr;
  void* end_threads_function = nullptr;
  void* gemm_u8s8s32_function = nullptr;
  void* gemm_s8s8s32_function = nullptr;
};

/// A peer with a number of threads, for as long as this lives: afterwards none of its threads are
/// left to disturb the next measurement.
class PeerUse {
 public:
  PeerUse(const PeerBlas& blas, int threads) : blas_(blas), threads_(threads) {}
  ~PeerUse() { blas_.end_threads(); }
  PeerUse(const PeerUse&) = delete;
  PeerUse& operator=(const PeerUse&) = delete;
  /// The library, set to this use's number of threads.
  const PeerBlas& blas() const {
    blas_.set_threads(threads_);
    return blas_;
  }

 private:
  const PeerBlas& blas_;
  const int threads_;
};

/// Loads the library at first use and keeps it until the process ends. Sets, unless the user did,
/// OPENBLAS_CORETYPE (see openblas_core_type), and how long idle threads spin (some 30 us, like
/// ours): spinning longer would slow whatever is measured next, sleeping at once would slow the
/// peer. Thread-safe, but changes the environment: call it before other threads read the
/// environment.
const PeerBlas& peer_blas(PeerLibrary library);

/// The core type that OpenBLAS should be told: releases older than a processor take it for the
/// oldest one they know (measured: 0.3.21 ran at a fifth of its rate). "" leaves its own detection.
std::string_view openblas_core_type(const Cpu& cpu);

}  // namespace aisp::machine
