// A build without CUDA has no device memory to check. See device_compare.h.
#include "base/check.h"
#include "bench/device_compare.h"

namespace aisp::bench {
namespace {
constexpr const char* kNever = "device memory in a build without CUDA";
}

void fill_on_device(void*, std::size_t, std::uint64_t, machine::CudaStream) {
  check(false, kNever);
}
bool same_on_device(const void*, const void*, std::size_t, machine::CudaStream) {
  check(false, kNever);
  return false;
}
std::uint64_t hash_on_device(const void*, std::size_t, machine::CudaStream) {
  check(false, kNever);
  return 0;
}
Comparison compare_on_device(const void*, DType, std::size_t, const double*, const double*,
                             const Tolerance&, bool, machine::CudaStream) {
  check(false, kNever);
  return {};
}

}  // namespace aisp::bench
