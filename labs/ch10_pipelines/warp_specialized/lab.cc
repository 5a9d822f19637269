// A tensor-core product whose slices of K are fetched in five ways. See README.md.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "bench/matmul_narrow.h"
#include "labs/ch10_pipelines/warp_specialized/problem.h"

namespace aisp::labs::ch10::warp_specialized {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;
using bench::matmul::Narrow;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "A", .dtype = DType::kBF16, .shape = {p["M"], p["K"]}},
                     {.name = "B", .dtype = DType::kBF16, .shape = {p["N"], p["K"]}}},
          .outputs = {{.name = "C", .dtype = DType::kBF16, .shape = {p["M"], p["N"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 2; ++i) {
    bench::matmul::fill_narrow(io, i, Narrow::kBF16, derive_seed(seed, i));
  }
}

Params sizes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"M", m}, {"N", n}, {"K", k}, {"type", static_cast<std::int64_t>(Narrow::kBF16)}};
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

}  // namespace

bench::Lab describe() {
  return {
      .question = "Who should fetch the next slice while the tensor cores multiply this one?",
      .targets = {"ch10:warp_specialized_pipeline", "ch10:warp_specialized_pipeline_enhanced",
                  "ch10:warp_spec_pingpong", "ch10:warp_specialized_cluster_pipeline",
                  "ch10:cluster_multicast", "ch10:tcgen05_warp_specialization",
                  "ch10:tcgen05_cluster_pipeline", "ch10:tcgen05_warpgroup_specialization",
                  "ch10:persistent_matmul_tma", "ch10:matmul_tcgen05_pipelined",
                  "ch10:matmul_tcgen05_vs_cublas", "ch10:matmul_tcgen05"},
      .tags = {"gemm", "tensor cores", "pipeline", "tma", "clusters"},
      .cases = {{.name = "llama3_8b_query",
                 .origin = "query projection of Llama-3-8B, 4096 tokens, 4096 to 4096",
                 .smoke = sizes(160, 272, 144),
                 .full = sizes(4096, 4096, 4096),
                 .device = bench::Device::kCuda},
                {.name = "smollm_135m_mlp",
                 .origin = "MLP of SmolLM-135M, 8192 tokens, 576 to 1536: K of 9 slices only",
                 .smoke = sizes(256, 128, 64),
                 .full = sizes(8192, 1536, 576),
                 .device = bench::Device::kCuda}},
      // Rows of A and B must be multiples of 16 bytes for the copy engine.
      .ragged = {sizes(1, 2, 8), sizes(129, 138, 72), sizes(3, 264, 200), sizes(257, 58, 528)},
      .problem = problem,
      .prepare = prepare,
      .work = bench::matmul::narrow_work,
      .reference = bench::matmul::reference_by_columns,
      .reference_on_device = AISP_DEVICE(bench::matmul::reference_by_columns_on_device),
      .tolerance =
          [](const Params& p) { return bench::matmul::narrow_tolerance(Narrow::kBF16, p["K"]); },
      .techniques = {on_gpu("one_stage", "fetch a slice, wait, multiply, fetch the next",
                            AISP_DEVICE(plan_one_stage), needs_hopper),
                     on_gpu("multi_stage", "four slices under way, asked for by those who multiply",
                            AISP_DEVICE(plan_multi_stage), needs_hopper),
                     on_gpu("producer_warp", "a warp of its own asks, two warpgroups multiply",
                            AISP_DEVICE(plan_producer_warp), needs_hopper),
                     on_gpu("pingpong",
                            "two warpgroups with a tile each: one stores, one multiplies",
                            AISP_DEVICE(plan_pingpong), needs_hopper),
                     on_gpu("cluster_multicast", "two blocks share B: each fetches half for both",
                            AISP_DEVICE(plan_cluster_multicast), needs_hopper),
                     on_gpu("persistent", "as producer_warp; blocks stay and take tile after tile",
                            AISP_DEVICE(plan_persistent), needs_hopper),
                     on_gpu("persistent_wide",
                            "kernels/gemm_cuda: persistent, 128 x 256, clusters of two",
                            plan_persistent_wide, needs_hopper),
                     cublaslt()},
      .device_baseline = "one_stage",
  };
}

}  // namespace aisp::labs::ch10::warp_specialized
