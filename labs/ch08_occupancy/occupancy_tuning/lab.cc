// The lab: one kernel, seven block sizes. See README.md.
#include <cmath>

#include "base/rng.h"
#include "labs/ch08_occupancy/occupancy_tuning/problem.h"

namespace aisp::labs::ch08::occupancy_tuning {
namespace {

using bench::Device;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "gate", .shape = {p["n"]}}, {.name = "up", .shape = {p["n"]}}},
          .outputs = {{.name = "out", .shape = {p["n"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1), 2.0f);
  fill_normal(io.fill<float>(1), derive_seed(seed, 2));
}

/// The exponential, the sum, the division and the product.
bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = 4.0 * n,
          .bytes_read = 8.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "elements"};
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto gate = io.in<float>(0), up = io.in<float>(1);
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double g = gate[i];
    expected.outputs[0].value[i] = g / (1.0 + std::exp(-g)) * up[i];
  }
}

/// expf is right to 1 ulp (2 u); the sum, the division and the product round once each: 5 u of the
/// value, nothing cancels. rms: five errors of about 0.4 u are 0.9 u, 0.18 of the bound; bf16 would
/// show 50.
Tolerance tolerance(const Params&) {
  return {.relative = 5.0 * unit_roundoff(DType::kF32), .absolute = 0x1p-140, .rms = 0.3};
}

}  // namespace

bench::Lab describe() {
  constexpr std::int64_t kHidden = 14336;  // of Llama-3-8B's MLP
  return {
      .question =
          "How does the block size of one kernel change its speed, and does the occupancy "
          "API find the best?",
      .targets = {"ch08:occupancy_tuning"},
      .tags = {"occupancy", "memory"},
      .cases = {{.name = "llama3_8b_swiglu",
                 .origin = "SwiGLU of Llama-3-8B's MLP, 1024 tokens x 14336 (176 MB)",
                 .smoke = {{"n", kHidden}},
                 .full = {{"n", 1024 * kHidden}},
                 .device = Device::kCuda},
                {.name = "llama3_8b_swiglu_64_tokens",
                 .origin = "the same for 64 tokens, as in decoding (11 MB, L2)",
                 .smoke = {{"n", 3 * 1000}},
                 .full = {{"n", 64 * kHidden}},
                 .device = Device::kCuda}},
      .ragged = {{{"n", 1}}, {{"n", 31}}, {{"n", 1025}}, {{"n", 4099}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {{.name = "block_128",
                      .summary = "128 threads a block",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_block_128)},
                     {.name = "block_32",
                      .summary = "32 threads a block: 32 blocks fill half of a multiprocessor",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_block_32)},
                     {.name = "block_64",
                      .summary = "64 threads a block",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_block_64)},
                     {.name = "block_256",
                      .summary = "256 threads a block",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_block_256)},
                     {.name = "block_512",
                      .summary = "512 threads a block",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_block_512)},
                     {.name = "block_1024",
                      .summary = "1024 threads a block, the most there can be",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_block_1024)},
                     {.name = "occupancy_api",
                      .summary = "the block size that cudaOccupancyMaxPotentialBlockSize proposes",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_occupancy_api)}},
      .device_baseline = "block_128",
  };
}

}  // namespace aisp::labs::ch08::occupancy_tuning
