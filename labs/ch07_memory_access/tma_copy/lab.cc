// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/tma_copy/problem.h"

namespace aisp::labs::ch07::tma_copy {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["tokens"], p["channels"]}},
                     {.name = "w", .shape = {p["channels"], kTaps}}},
          .outputs = {{.name = "out", .shape = {p["tokens"], p["channels"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
}

/// x once, w once, out once, however often a technique asks for them.
bench::Work work(const bench::Params& p) {
  const double elements = static_cast<double>(p["tokens"]) * static_cast<double>(p["channels"]);
  return {.flops = 2.0 * kTaps * elements,
          .bytes_read = 4.0 * elements + 16.0 * static_cast<double>(p["channels"]),
          .bytes_written = 4.0 * elements,
          .items = static_cast<double>(p["tokens"]),
          .item_name = "tokens"};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0), w = io.in<float>(1);
  const std::int64_t channels = p["channels"];
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  for (std::int64_t t = 0; t < p["tokens"]; ++t) {
    for (std::int64_t k = std::max<std::int64_t>(0, kTaps - 1 - t); k < kTaps; ++k) {
      const auto to = static_cast<std::size_t>(t * channels);
      const auto from = static_cast<std::size_t>((t - (kTaps - 1) + k) * channels);
      for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
        const double product = double(w[c * kTaps + static_cast<std::size_t>(k)]) * x[from + c];
        out.value[to + c] += product;
        out.scale[to + c] += std::fabs(product);
      }
    }
  }
}

/// Four products and three additions, in any order: each product passes through at most four
/// roundings. In the mean two of them at 1 / sqrt(3) of a step and mostly smaller sums: 0.25 of the
/// bound at most; x rounded to bf16 would show 2^16 / sqrt(3 x 4) / 4 of it.
Tolerance tolerance(const bench::Params&) {
  return {.relative = 4.0 * unit_roundoff(DType::kF32), .rms = 0.25};
}

bench::Params sizes(std::int64_t tokens, std::int64_t channels) {
  return {{"tokens", tokens}, {"channels", channels}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does a gather of neighbours gain when the copy engine brings the tiles?",
      .targets = {"ch07:tma_copy"},
      .tags = {"memory", "gpu", "tma"},
      .cases = {{.name = "mamba_2_8b_conv",
                 .origin = "Mamba 2.8B, convolution before the scan: 8192 tokens x 5120 channels, "
                           "2 x 160 MiB",
                 .smoke = sizes(300, 132),
                 .full = sizes(8192, 5120),
                 .device = bench::Device::kCuda},
                {.name = "mamba_130m_conv",
                 .origin = "Mamba 130M: 2048 tokens x 1536 channels, 2 x 12 MiB, in the L2",
                 .smoke = sizes(64, 128),
                 .full = sizes(2048, 1536),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 4), sizes(2, 128), sizes(5, 252), sizes(17, 260), sizes(257, 8),
                 sizes(600, 136)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("four_loads", "a thread for each output, four loads",
                                   AISP_DEVICE(plan_four_loads)),
                     bench::on_gpu("rolling_window", "the last three inputs in registers",
                                   AISP_DEVICE(plan_rolling_window)),
                     bench::on_gpu("shared_tile", "a tile and its halo in shared memory",
                                   AISP_DEVICE(plan_shared_tile)),
                     bench::on_gpu("tma_ring", "the copy engine fills and empties a ring of tiles",
                                   AISP_DEVICE(plan_tma_ring), bench::needs_sm90)},
      .device_baseline = "four_loads"};
}

}  // namespace aisp::labs::ch07::tma_copy
