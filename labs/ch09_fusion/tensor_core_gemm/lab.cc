// The lab: a matrix product without tensor cores, with them, and with a pipeline that feeds them.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch09_fusion/tensor_core_gemm/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::tensor_core_gemm {
namespace {

using bench::Device;
using bench::Io;
using bench::on_gpu;
using bench::Params;
using bench::matmul::narrow;

bench::Problem problem(const Params& p) {
  const DType in = bench::matmul::input_type(narrow(p));
  return {.inputs = {{.name = "A", .dtype = in, .shape = {p["M"], p["K"]}},
                     {.name = "B", .dtype = in, .shape = {p["N"], p["K"]}}},
          .outputs = {{.name = "C",
                       .dtype = bench::matmul::output_type(narrow(p)),
                       .shape = {p["M"], p["N"]}}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  bench::matmul::fill_narrow(io, kA, narrow(p), derive_seed(seed, 1));
  bench::matmul::fill_narrow(io, kB, narrow(p), derive_seed(seed, 2));
}

Params sizes(std::int64_t m, std::int64_t n, std::int64_t k, bench::matmul::Narrow type) {
  return {{"M", m}, {"N", n}, {"K", k}, {"type", static_cast<std::int64_t>(type)}};
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }
/// e4m3 needs 8.9; asking it for all types is simpler than a reason for each case.
bench::WhyNot needs_cublaslt(const machine::CudaDevice& device) {
  const std::string& why = machine::CublasLt::why_not();
  return why.empty() ? device.needs(8, 9) : why;
}

}  // namespace

bench::Lab describe() {
  using enum bench::matmul::Narrow;
  bench::Lab lab;
  lab.question =
      "What do tensor cores bring a matrix product in TF32, f16 and fp8, and what each stage of "
      "the "
      "pipeline that feeds them?";
  lab.targets = {"ch09:cutlass_gemm",         "ch09:cutlass_gemm_fp16",
                 "ch09:cutlass_gemm_fp8",     "ch09:cublaslt_gemm",
                 "ch09:cublaslt_gemm_fp16",   "ch09:cublaslt_gemm_fp8",
                 "ch09:tcgen05_tma_pipeline", "ch10:matmul"};
  lab.tags = {"gemm", "tensor cores", "pipeline", "tma"};
  const std::string origin = "query projection of Llama-3-8B, 4096 tokens, 4096 to 4096, in ";
  lab.cases = {{.name = "llama3_8b_query_tf32",
                .origin = origin + "TF32",
                .smoke = sizes(160, 272, 144, kTf32),
                .full = sizes(4096, 4096, 4096, kTf32),
                .device = Device::kCuda},
               {.name = "llama3_8b_query_f16",
                .origin = origin + "f16",
                .smoke = sizes(160, 272, 144, kF16),
                .full = sizes(4096, 4096, 4096, kF16),
                .device = Device::kCuda},
               {.name = "llama3_8b_query_fp8",
                .origin = origin + "fp8 (e4m3)",
                .smoke = sizes(160, 272, 144, kE4M3),
                .full = sizes(4096, 4096, 4096, kE4M3),
                .device = Device::kCuda}};
  // Rows of K must be multiples of 16 bytes for the copy engine and the library; M and the tiles'
  // edges are free. N: the library wants multiples of 16 in fp8.
  lab.ragged = {sizes(1, 16, 16, kF16), sizes(129, 48, 80, kTf32), sizes(33, 400, 1040, kE4M3),
                sizes(257, 144, 528, kF16), sizes(3, 16, 32, kE4M3)};
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = bench::matmul::narrow_work;
  lab.reference = bench::matmul::reference_by_columns;
  lab.reference_on_device = AISP_DEVICE(bench::matmul::reference_by_columns_on_device);
  lab.tolerance = [](const Params& p) {
    return bench::matmul::narrow_tolerance(narrow(p), p["K"]);
  };
  lab.techniques = {
      on_gpu("simt", "no tensor cores: 8 x 8 sums a thread", AISP_DEVICE(plan_simt)),
      on_gpu("wgmma_1_stage", "wgmma fed by TMA through one buffer",
             AISP_DEVICE(plan_wgmma_1_stage), needs_hopper),
      on_gpu("wgmma_2_stages", "two buffers", AISP_DEVICE(plan_wgmma_2_stages), needs_hopper),
      on_gpu("wgmma_4_stages", "four buffers", AISP_DEVICE(plan_wgmma_4_stages), needs_hopper),
      on_gpu("wgmma_wide", "four buffers, tiles of 128 x 256", AISP_DEVICE(plan_wgmma_wide),
             needs_hopper),
      on_gpu("cublaslt", "NVIDIA's library", plan_cublaslt, needs_cublaslt)};
  lab.device_baseline = "simt";
  return lab;
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
