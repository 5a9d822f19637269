// A build without CUDA: no cuBLASLt, and the reason. See peer_cublaslt.h.
#include "base/error.h"
#include "machine/peer_cublaslt.h"

namespace aisp::machine {

struct CublasLt::State {};

const std::string& CublasLt::why_not() {
  static const std::string reason = "this program was built without CUDA";
  return reason;
}
CublasLt::CublasLt(const LtProduct&) {
  throw Error(why_not(), "cuBLASLt", "build with nvcc on the PATH (docs/GPU.md)");
}
CublasLt::~CublasLt() = default;
void CublasLt::run(CudaStream, const void*, const void*, void*, const void*) {}

}  // namespace aisp::machine
