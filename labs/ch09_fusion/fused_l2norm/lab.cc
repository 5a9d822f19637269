// The lab: four element-wise operations as four passes over memory, or as one.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {
namespace {

using bench::Io;
using bench::Params;

// Whisper: a 30 s clip is 3000 frames of 201 frequencies.
constexpr std::int64_t kBins = 201;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {p["n"]}},
                     {.name = "y", .dtype = DType::kF32, .shape = {p["n"]}}},
          .outputs = {{.name = "out", .dtype = DType::kF32, .shape = {p["n"]}}}};
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = 4.0 * n,
          .bytes_read = 8.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "elements"};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1), -4.0f, 4.0f);
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2), -4.0f, 4.0f);
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0), y = io.in<float>(1);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double a = x[i], b = y[i];
    expected.outputs[0].value[i] = std::sqrt(a * a + b * b);
  }
}

/// Two squares and one addition of positive terms: relative error at most 2u, halved by the root
/// to 1u; the root rounds once more: 2u of the value, to first order (1 % added for the rest).
/// The rms over many elements is 0.25 of the bound (measured); over n of them its square scatters
/// by at most 0.6 / sqrt(n) (six deviations).
Tolerance tolerance(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.relative = 2.02 * unit_roundoff(DType::kF32),
          .rms = std::sqrt(0.3 * 0.3 + 0.6 / std::sqrt(n))};
}

}  // namespace

NormKernel choose_kernel(const machine::Cpu& cpu, bool streaming) {
  if (cpu.avx512) return streaming ? norm_avx512_streaming : norm_avx512;
  if (cpu.avx2) return streaming ? norm_avx2_streaming : norm_avx2;
  return norm_plain;
}

bool choose_streaming(std::int64_t n, const machine::Cpu& cpu) {
  const auto bytes = static_cast<std::size_t>(n) * 3 * sizeof(float);
  return bytes > cpu.cache_bytes(3, cpu.cores) && bytes > cpu.cache_bytes(2, cpu.cores);
}

bench::Lab describe() {
  return {
      .question = "What does an element-wise expression cost when every operation is its own pass?",
      .targets = {"ch09:fused_l2norm"},
      .tags = {"fusion", "memory", "simd"},
      .cases = {{.name = "whisper_one_second",
                 .origin = "magnitude of one second of Whisper's spectrogram, 100 x 201 (L2)",
                 .smoke = {{"n", 3 * kBins}},
                 .full = {{"n", 100 * kBins}}},
                {.name = "whisper_batch_16",
                 .origin = "16 clips of 30 s in Whisper, 16 x 3000 x 201 (116 MB, DRAM)",
                 .smoke = {{"n", 10 * kBins + 1}},
                 .full = {{"n", 16 * 3000 * kBins}}},
                {.name = "gpu_whisper_batch_48",
                 .origin = "48 clips of 30 s in Whisper, 48 x 3000 x 201 (347 MB)",
                 .smoke = {{"n", 10 * kBins + 1}},
                 .full = {{"n", 48 * 3000 * kBins}},
                 .device = bench::Device::kCuda},
                {.name = "gpu_whisper_one_second",
                 .origin = "one second of Whisper's spectrogram, 100 x 201: launches are all",
                 .smoke = {{"n", 3 * kBins}},
                 .full = {{"n", 100 * kBins}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"n", 1}}, {{"n", 15}}, {{"n", 17}}, {{"n", 64}}, {{"n", 1031}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {four_passes(), one_pass(), one_pass_avx2(), one_pass_avx512(),
                     one_pass_streaming(), one_pass_threads(),
                     bench::on_gpu("four_kernels", "square, square, add, root: four kernels",
                                   AISP_DEVICE(plan_four_kernels)),
                     bench::on_gpu("one_kernel", "one kernel, an element a thread",
                                   AISP_DEVICE(plan_one_kernel)),
                     bench::on_gpu("one_kernel_vectorized", "one kernel, 16 bytes a thread",
                                   AISP_DEVICE(plan_one_kernel_vectorized))},
      .baseline = "four_passes",
      .device_baseline = "four_kernels",
  };
}

}  // namespace aisp::labs::ch09::fused_l2norm
