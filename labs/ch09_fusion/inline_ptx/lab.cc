// The lab: weights of 4 bits, converted, by a trick in C++, and by the same in PTX. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch09_fusion/inline_ptx/problem.h"

namespace aisp::labs::ch09::inline_ptx {
namespace {

using bench::Device;
using bench::Io;
using bench::on_gpu;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "q", .dtype = DType::kU8, .shape = {p["rows"], p["k"] / 2}},
                     {.name = "scale", .shape = {p["rows"]}},
                     {.name = "x", .shape = {p["k"]}}},
          .outputs = {{.name = "y", .shape = {p["rows"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  Rng rng(derive_seed(seed, 1));
  for (std::uint8_t& two : io.fill<std::uint8_t>(kQ))
    two = static_cast<std::uint8_t>(rng.next() >> 56);
  fill_uniform(io.fill<float>(kScale), derive_seed(seed, 2), 0.01f, 0.02f);
  fill_normal(io.fill<float>(kX), derive_seed(seed, 3));
}

bench::Work work(const Params& p) {
  const auto rows = static_cast<double>(p["rows"]), k = static_cast<double>(p["k"]);
  return {.flops = 2.0 * rows * k,
          .bytes_read = rows * k / 2.0 + 4.0 * (rows + k),
          .bytes_written = 4.0 * rows,
          .items = rows * k,
          .item_name = "weights"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto half = static_cast<std::size_t>(p["k"]) / 2;
  const auto q = io.in<std::uint8_t>(kQ);
  const auto x = io.in<float>(kX);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  for (std::size_t r = 0; r < out.value.size(); ++r) {
    double sum = 0.0, magnitude = 0.0;
    for (std::size_t i = 0; i < half; ++i) {
      const double low = ((q[r * half + i] & 15) - 8) * static_cast<double>(x[2 * i]);
      const double high = ((q[r * half + i] >> 4) - 8) * static_cast<double>(x[2 * i + 1]);
      sum += low + high;
      magnitude += std::fabs(low) + std::fabs(high);
    }
    const double scale = io.in<float>(kScale)[r];
    out.value[r] = sum * scale;
    out.scale[r] = magnitude * scale;
  }
}

/// The probabilistic bound of a dot product of length k; the scale rounds once more. rms: a random
/// walk of roundings of partial sums, 0.1 / sqrt(k) of the bound; x in bf16 would show 5000 / k.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["k"]) + 1.0, unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

Params sizes(std::int64_t rows, std::int64_t k) { return {{"rows", rows}, {"k", k}}; }

}  // namespace

bench::Lab describe() {
  bench::Lab lab;
  lab.question =
      "What does inline PTX gain where weights of 4 bits are unpacked: the instructions, "
      "or the trick that they spell?";
  lab.targets = {"ch09:inline_ptx"};
  lab.tags = {"ptx", "quantization", "decode", "memory"};
  lab.cases = {{.name = "llama3_70b_gate_up",
                .origin =
                    "gate and up projections of Llama-3-70B, 4 bits, one token: 57,344 x 8192 "
                    "(235 MB)",
                .smoke = sizes(70, 4096),
                .full = sizes(57344, 8192),
                .device = Device::kCuda}};
  // Rows are multiples of 16 bytes, 32 weights.
  lab.ragged = {sizes(1, 32), sizes(5, 96), sizes(17, 1056), sizes(33, 2048)};
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = work;
  lab.reference = reference;
  lab.tolerance = tolerance;
  lab.techniques = {
      on_gpu("convert", "shift, mask, convert", AISP_DEVICE(plan_convert)),
      on_gpu("magic_number", "bits into a float's mantissa, in C++",
             AISP_DEVICE(plan_magic_number)),
      on_gpu("inline_ptx", "the same in PTX, and loads past L1", AISP_DEVICE(plan_inline_ptx))};
  lab.device_baseline = "convert";
  return lab;
}

}  // namespace aisp::labs::ch09::inline_ptx
