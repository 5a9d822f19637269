// The vendor's library, found at run time.
#include "bench/device_technique.h"
#include "labs/ch10_pipelines/warp_specialized/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch10::warp_specialized {

bench::Technique cublaslt() {
  auto technique = bench::on_gpu(
      "cublaslt", "NVIDIA's library",
      [](const bench::Params& p) {
        auto product = std::make_shared<machine::CublasLt>(
            machine::LtProduct{.m = p["M"], .n = p["N"], .k = p["K"]});
        return bench::plan_of([product](const bench::Io& io) {
          product->run(io.stream(), io.in<bf16>(0).data(), io.in<bf16>(1).data(),
                       io.out<bf16>(0).data());
        });
      },
      [](const machine::CudaDevice& device) {
        const std::string& why = machine::CublasLt::why_not();
        return why.empty() ? device.needs(8) : why;
      });
  technique.role = bench::Role::kPeer;
  return technique;
}

}  // namespace aisp::labs::ch10::warp_specialized
