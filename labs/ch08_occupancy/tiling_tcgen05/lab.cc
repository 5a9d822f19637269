// The lab: a tensor-core product whose B lies the wrong way round. See README.md.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch08_occupancy/tiling_tcgen05/problem.h"

namespace aisp::labs::ch08::tiling_tcgen05 {
namespace {

using bench::Device;
using bench::Io;
using bench::on_gpu;
using bench::Params;
using bench::matmul::Narrow;

bench::Problem problem(const Params& p) {
  return {
      .inputs = {{.name = "A", .dtype = DType::kF16, .shape = {p["M"], p["K"]}},
                 // Structured: each is the other's transpose.
                 {.name = "B", .dtype = DType::kF16, .shape = {p["K"], p["N"]}, .structured = true},
                 {.name = "B_transposed",
                  .dtype = DType::kF16,
                  .shape = {p["N"], p["K"]},
                  .structured = true}},
      .outputs = {{.name = "C", .dtype = DType::kF16, .shape = {p["M"], p["N"]}}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  bench::matmul::fill_narrow(io, kA, Narrow::kF16, derive_seed(seed, 1));
  bench::matmul::fill_narrow(io, kB, Narrow::kF16, derive_seed(seed, 2));
  const auto n = static_cast<std::size_t>(p["N"]), k = static_cast<std::size_t>(p["K"]);
  const auto b = io.in<f16>(kB);
  const auto transposed = io.fill<f16>(kBTransposed);
  constexpr std::size_t kTile = 64;  // 8 KiB of each side stay in L1
  for (std::size_t j = 0; j < n; j += kTile) {
    for (std::size_t q = 0; q < k; ++q) {
      for (std::size_t i = j; i < std::min(n, j + kTile); ++i) transposed[i * k + q] = b[q * n + i];
    }
  }
}

Params sizes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"M", m}, {"N", n}, {"K", k}, {"type", static_cast<std::int64_t>(Narrow::kF16)}};
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

}  // namespace

bench::Lab describe() {
  bench::Lab lab;
  lab.question =
      "What does it cost a tensor-core product that B lies the wrong way round, and where "
      "is it best turned?";
  lab.targets = {"ch08:tiling_tcgen05"};
  lab.tags = {"gemm", "tensor cores", "layout"};
  lab.cases = {
      {.name = "llama3_8b_query",
       .origin = "query projection of Llama-3-8B as a @ b, 4096 tokens, 4096 to 4096",
       .smoke = sizes(160, 272, 144),
       .full = sizes(4096, 4096, 4096),
       .device = Device::kCuda},
      {.name = "llama3_8b_query_256_tokens",
       .origin = "the same for 256 tokens: turning B is no longer small beside the product",
       .smoke = sizes(64, 128, 64),
       .full = sizes(256, 4096, 4096),
       .device = Device::kCuda}};
  // Rows of all three must be multiples of 16 bytes for the copy engine.
  lab.ragged = {sizes(1, 8, 8), sizes(129, 136, 72), sizes(3, 264, 200), sizes(257, 56, 528)};
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = bench::matmul::narrow_work;
  lab.reference = bench::matmul::reference_by_rows;
  lab.reference_on_device = AISP_DEVICE(bench::matmul::reference_by_rows_on_device);
  lab.tolerance = [](const Params& p) {
    return bench::matmul::narrow_tolerance(Narrow::kF16, p["K"]);
  };
  lab.techniques = {on_gpu("transposed_inside", "warps transpose each slice in shared memory",
                           AISP_DEVICE(plan_transposed_inside), needs_hopper),
                    on_gpu("transposed_first", "a kernel transposes B before the product",
                           AISP_DEVICE(plan_transposed_first), needs_hopper),
                    on_gpu("read_as_it_lies", "the descriptor says how B lies",
                           AISP_DEVICE(plan_read_as_it_lies), needs_hopper),
                    on_gpu("pre_laid_out", "B was stored transposed when it was loaded",
                           AISP_DEVICE(plan_pre_laid_out), needs_hopper)};
  lab.device_baseline = "transposed_inside";
  return lab;
}

}  // namespace aisp::labs::ch08::tiling_tcgen05
