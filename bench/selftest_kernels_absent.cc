// A build without CUDA: no kernels. Nobody gets here without a device.
#include "base/check.h"
#include "bench/selftest_kernels.h"

namespace aisp::bench {

void enqueue_spin(std::int64_t, std::uint32_t*, machine::CudaStream) {
  check(false, "a kernel without CUDA");
}
void enqueue_read(const void*, std::int64_t, std::uint32_t*, machine::CudaStream) {
  check(false, "a kernel without CUDA");
}
void enqueue_chase(const std::uint32_t*, std::int64_t, std::int64_t, std::uint32_t*,
                   machine::CudaStream) {
  check(false, "a kernel without CUDA");
}

}  // namespace aisp::bench
