// A large matrix product with and without the processor's wide units. See README.md.
#include "bench/device_technique.h"
#include "kernels/gemm/gemm.h"
#include "labs/ch02_hardware/cublas/problem.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch02::cublas {

std::unique_ptr<bench::Plan> plan_gemm(const bench::Params& params, const char* variant,
                                       int threads) {
  kernels::gemm::GemmPlan plan({params["M"], params["N"], params["K"]},
                               {.threads = threads, .variant = variant});
  return bench::matmul::plan_with(
      params, [plan = std::move(plan)](std::int64_t, std::int64_t, std::int64_t, const float* a,
                                       const float* b, float* c) mutable { plan.run(a, b, c); });
}

namespace {

bench::WhyNot why_no_tf32(const machine::CudaDevice& device) {
  const auto why_not = device.needs(8, 0);
  return why_not.empty() ? machine::DeviceBlas::why_not() : why_not;
}

}  // namespace

bench::Lab describe() {
  using bench::matmul::sizes;
  bench::Lab lab;
  lab.question =
      "What does a matrix product gain when its library uses the processor's wide units, and then "
      "every core?";
  lab.targets = {"ch02:cublas"};
  lab.tags = {"gemm", "simd", "threads"};
  lab.cases = {{.name = "square_1024",
                .origin = "BERT-large: 1024 tokens (8 sequences of 128), output projection 1024",
                .smoke = sizes(64, 64, 64),
                .full = sizes(1024, 1024, 1024)},
               {.name = "llama32_1b_output",
                .origin = "Llama-3.2-1B output projection: a prompt of 1024 tokens, width 2048",
                .smoke = sizes(70, 96, 80),
                .full = sizes(1024, 2048, 2048)},
               {.name = "llama3_8b_output",
                .origin = "Llama-3-8B output projection: a prompt of 256 tokens, width 4096",
                .smoke = sizes(32, 128, 128),
                .full = sizes(256, 4096, 4096)},
               {.name = "llama3_8b_prompt",
                .origin = "Llama-3-8B output projection: a prompt of 4096 tokens, width 4096",
                .smoke = sizes(48, 64, 96),
                .full = sizes(4096, 4096, 4096),
                .when_named = true},
               {.name = "llama32_1b_output_gpu",
                .origin = "Llama-3.2-1B output projection on a GPU: a prompt of 2048 tokens",
                .smoke = sizes(70, 96, 80),
                .full = sizes(2048, 2048, 2048),
                .device = bench::Device::kCuda},
               {.name = "llama3_8b_output_gpu",
                .origin = "Llama-3-8B output projection on a GPU: a prompt of 4096 tokens",
                .smoke = sizes(48, 64, 96),
                .full = sizes(4096, 4096, 4096),
                .device = bench::Device::kCuda}};
  // One element; odd sizes around the tiles (14 x 32, 6 x 16) and the vectors.
  lab.ragged = {sizes(1, 1, 1), sizes(15, 33, 65), sizes(197, 61, 129), sizes(3, 1030, 9)};
  bench::matmul::set_contract(lab);
  lab.techniques = {tiles_portable(),
                    tiles_avx2(),
                    tiles_avx512(),
                    tiles_threads(),
                    onednn(),
                    onednn_threads(),
                    openblas(),
                    openblas_threads(),
                    cublas_f32(),
                    bench::on_gpu("cublas_tf32_split", "three products on the tensor cores",
                                  AISP_DEVICE(plan_cublas_tf32_split), why_no_tf32)};
  lab.baseline = "tiles_portable";
  lab.device_baseline = "cublas_f32";
  return lab;
}

}  // namespace aisp::labs::ch02::cublas
