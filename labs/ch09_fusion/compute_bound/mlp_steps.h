// For .cu files: the five operations of the MLP as a framework dispatches them one by one.
#pragma once

#include <memory>

#include "labs/ch09_fusion/compute_bound/problem.h"
#include "machine/cuda_raii.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::compute_bound {

/// Product, bias, gelu, product, bias: five launches. The products are cuBLASLt's.
class MlpSteps {
 public:
  explicit MlpSteps(const bench::Params& params);
  void enqueue(const bench::Io& io, machine::CudaStream stream);

 private:
  std::int64_t tokens_, width_, hidden_;
  machine::CublasLt up_, down_;
  machine::DeviceBuffer product_, sum_, active_, result_;
};

}  // namespace aisp::labs::ch09::compute_bound
