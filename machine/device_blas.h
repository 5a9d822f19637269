// cuBLAS on the current device, loaded at run time: what labs hold their matrix products against,
// and what people call. f32, row-major, tight rows: c[m][n] = a[m][k] b[k][n].
//
// Source: cuBLAS 13.0 API reference, 2.7 (cublasSgemm and its batched forms), 2.2.9 (math modes).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "machine/device.h"

namespace aisp::machine {

/// kTf32 rounds inputs to 10 bits after the point and uses the tensor cores.
enum class BlasMath { kF32, kTf32 };

struct BlasShape {
  std::int64_t m = 0, n = 0, k = 0;
};

/// Every call enqueues and does not wait; each throws Error when the library refuses.
class DeviceBlas {
 public:
  /// "" when the library can be loaded; otherwise a few words: "libcublas.so.13 is not installed".
  static std::string why_not();

  explicit DeviceBlas(BlasMath math);
  ~DeviceBlas();
  DeviceBlas(const DeviceBlas&) = delete;
  DeviceBlas& operator=(const DeviceBlas&) = delete;

  /// keep: 0, or 1 to add to what c holds.
  void gemm(CudaStream stream, const BlasShape& shape, const float* a, const float* b, float* c,
            float keep = 0.0F) const;
  /// `count` products whose matrices lie at regular distances (in elements; 0: the same for all).
  void gemm_strided(CudaStream stream, const BlasShape& shape, const float* a, std::int64_t a_step,
                    const float* b, std::int64_t b_step, float* c, std::int64_t c_step,
                    std::int64_t count) const;
  /// `count` products by arrays of pointers in device memory.
  void gemm_pointers(CudaStream stream, const BlasShape& shape, const float* const* a,
                     const float* const* b, float* const* c, std::int64_t count) const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace aisp::machine
