// The lab: row sums of a matrix in both layouts, a thread or a warp for each row. See README.md.
#include <cmath>

#include "base/rng.h"
#include "labs/ch08_occupancy/hbm/problem.h"

namespace aisp::labs::ch08::hbm {
namespace {

using bench::Device;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const bool by_columns = p["by_columns"] != 0;
  return {.inputs = {{.name = "x",
                      .shape = {by_columns ? p["n"] : p["rows"], by_columns ? p["rows"] : p["n"]}}},
          .outputs = {{.name = "y", .shape = {p["rows"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const Params& p) {
  const auto rows = static_cast<double>(p["rows"]), n = static_cast<double>(p["n"]);
  return {.flops = rows * n,
          .bytes_read = 4.0 * rows * n,
          .bytes_written = 4.0 * rows,
          .items = rows,
          .item_name = "rows"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto rows = static_cast<std::size_t>(p["rows"]), n = static_cast<std::size_t>(p["n"]);
  const bool by_columns = p["by_columns"] != 0;
  const auto x = io.in<float>(0);
  auto& out = expected.outputs[0];
  out.scale.resize(rows);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t row = by_columns ? i % rows : i / n;
    out.value[row] += x[i];
    out.scale[row] += std::fabs(x[i]);
  }
}

/// The probabilistic bound of a sum of n terms. rms: terms of random sign make the error a random
/// walk of roundings of partial sums, 0.06 / sqrt(n) of the bound; bf16 inputs show 0.2 sqrt(n)
/// u_bf16 of the scale, that is 2000 / n of it: 0.1 tells them from f32.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["n"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

Params sizes(std::int64_t rows, std::int64_t n, std::int64_t by_columns) {
  return {{"rows", rows}, {"n", n}, {"by_columns", by_columns}};
}

}  // namespace

bench::Lab describe() {
  // Eight heads of keys, 32,768 tokens: a layer's cache of Llama-3.1-8B.
  constexpr std::int64_t kRows = 8 * 32768;
  return {
      .question = "Which layout of a matrix is coalesced: by rows or by columns?",
      .targets = {"ch08:hbm", "ch08:hbm_cuda", "ch08:hbm_cuda_vectorized"},
      .tags = {"memory", "coalescing"},
      .cases = {{.name = "key_sums_by_rows",
                 .origin = "sums of the keys of one layer (for int8 zero points), Llama-3.1-8B, "
                           "8 heads x 32,768 tokens x 128, row after row (134 MB)",
                 .smoke = sizes(1003, 128, 0),
                 .full = sizes(kRows, 128, 0),
                 .device = Device::kCuda},
                {.name = "key_sums_by_columns",
                 .origin = "the same keys stored transposed, as caches of K^T are",
                 .smoke = sizes(1004, 128, 1),
                 .full = sizes(kRows, 128, 1),
                 .device = Device::kCuda}},
      .ragged = {sizes(1, 1, 0), sizes(1, 1, 1), sizes(33, 7, 0), sizes(33, 7, 1),
                 sizes(1025, 132, 0), sizes(259, 131, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {{.name = "thread_per_row",
                      .summary = "a thread a row, one float at a time",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_thread_per_row)},
                     {.name = "thread_per_row_vectorized",
                      .summary = "a thread a row (four if by columns), 16 bytes at a time",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_thread_per_row_vectorized)},
                     {.name = "warp_per_row",
                      .summary = "a warp a row, lanes along it",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_warp_per_row)},
                     {.name = "warp_per_row_vectorized",
                      .summary = "a warp a row (four if by columns), 16 bytes a lane",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_warp_per_row_vectorized)}},
      .device_baseline = "thread_per_row",
  };
}

}  // namespace aisp::labs::ch08::hbm
