// One layer for many tokens: in micro-batches or at once. See README.md.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "bench/matmul_narrow.h"
#include "labs/ch10_pipelines/batch/problem.h"

namespace aisp::labs::ch10::batch {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;
using bench::matmul::Narrow;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "A", .dtype = DType::kF16, .shape = {p["M"], p["K"]}},
                     {.name = "B", .dtype = DType::kF16, .shape = {p["N"], p["K"]}}},
          .outputs = {{.name = "C", .dtype = DType::kF16, .shape = {p["M"], p["N"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 2; ++i) {
    bench::matmul::fill_narrow(io, i, Narrow::kF16, derive_seed(seed, i));
  }
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

Params sizes(std::int64_t parts, std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"parts", parts},
          {"M", m},
          {"N", n},
          {"K", k},
          {"type", static_cast<std::int64_t>(Narrow::kF16)}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does a layer cost that is called for a few tokens at a time?",
      .targets = {"ch10:batch"},
      .tags = {"gemm", "tensor cores", "batching"},
      .cases = {{.name = "llama3_8b_query",
                 .origin = "query projection of Llama-3-8B, 1024 tokens as 64 requests of 16",
                 .smoke = sizes(3, 50, 72, 40),
                 .full = sizes(64, 1024, 4096, 4096),
                 .device = bench::Device::kCuda},
                {.name = "smollm_135m_up",
                 .origin = "MLP of SmolLM-135M, 4096 tokens as 64 requests of 64",
                 .smoke = sizes(4, 130, 136, 64),
                 .full = sizes(64, 4096, 1536, 576),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 2, 8), sizes(5, 4, 10, 8), sizes(7, 129, 138, 72)},
      .problem = problem,
      .prepare = prepare,
      .work = bench::matmul::narrow_work,
      .reference = bench::matmul::reference_by_columns,
      .reference_on_device = AISP_DEVICE(bench::matmul::reference_by_columns_on_device),
      .tolerance =
          [](const Params& p) { return bench::matmul::narrow_tolerance(Narrow::kF16, p["K"]); },
      .techniques = {on_gpu("micro_batches", "a product for each micro-batch, one after another",
                            AISP_DEVICE(plan_micro_batches), needs_hopper),
                     on_gpu("micro_batch_streams", "the same, dealt to four streams",
                            AISP_DEVICE(plan_micro_batch_streams), needs_hopper),
                     on_gpu("one_batch", "one product for all tokens", AISP_DEVICE(plan_one_batch),
                            needs_hopper)},
      .device_baseline = "micro_batches",
  };
}

}  // namespace aisp::labs::ch10::batch
