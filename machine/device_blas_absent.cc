// cuBLAS in a build without CUDA: there is none, and who would use it says so.
#include "base/check.h"
#include "machine/device_blas.h"

namespace aisp::machine {

struct DeviceBlas::Handle {};

std::string DeviceBlas::why_not() { return "this build has no CUDA"; }

DeviceBlas::DeviceBlas(BlasMath) { check(false, "who uses cuBLAS has asked why_not()"); }
DeviceBlas::~DeviceBlas() = default;
void DeviceBlas::gemm(CudaStream, const BlasShape&, const float*, const float*, float*,
                      float) const {}
void DeviceBlas::gemm_strided(CudaStream, const BlasShape&, const float*, std::int64_t,
                              const float*, std::int64_t, float*, std::int64_t,
                              std::int64_t) const {}
void DeviceBlas::gemm_pointers(CudaStream, const BlasShape&, const float* const*,
                               const float* const*, float* const*, std::int64_t) const {}

}  // namespace aisp::machine
