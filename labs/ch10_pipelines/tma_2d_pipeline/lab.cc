// Tiles with borders: loaded by threads, by the copy engine, or by it ahead of time. See README.md.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch10_pipelines/tma_2d_pipeline/problem.h"

namespace aisp::labs::ch10::tma_2d_pipeline {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"x", DType::kF32, {p["rows"], p["cols"]}}, {"w", DType::kF32, {3, 3}}},
          .outputs = {{"y", DType::kF32, {p["rows"], p["cols"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 2; ++i) fill_normal(io.fill<float>(i), derive_seed(seed, i));
}

bench::Work work(const Params& p) {
  const double count = static_cast<double>(p["rows"]) * static_cast<double>(p["cols"]);
  return {.flops = 18.0 * count,
          .bytes_read = 4.0 * count,
          .bytes_written = 4.0 * count,
          .items = count,
          .item_name = "pixels"};
}

/// scale: the sum of |terms|, because they cancel.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const std::int64_t rows = p["rows"], cols = p["cols"];
  const auto x = io.in<float>(0), w = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  for (std::int64_t i = -1; i <= 1; ++i) {
    for (std::int64_t j = -1; j <= 1; ++j) {
      const double weight = w[static_cast<std::size_t>((i + 1) * 3 + j + 1)];
      for (std::int64_t r = std::max<std::int64_t>(0, -i); r < std::min(rows, rows - i); ++r) {
        for (std::int64_t c = std::max<std::int64_t>(0, -j); c < std::min(cols, cols - j); ++c) {
          const double term = weight * x[static_cast<std::size_t>((r + i) * cols + c + j)];
          const auto at = static_cast<std::size_t>(r * cols + c);
          out.value[at] += term;
          out.scale[at] += std::fabs(term);
        }
      }
    }
  }
}

/// Nine products and sums, one rounding each with a fused multiply-add. rms: a random walk, 0.06 of
/// the bound; inputs rounded to bf16 show 10 and more.
Tolerance tolerance(const Params&) {
  return {.relative = dot_bound(18.0, unit_roundoff(DType::kF32)), .rms = 0.15};
}

Params sizes(std::int64_t rows, std::int64_t cols) { return {{"rows", rows}, {"cols", cols}}; }

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does the copy engine gain for tiles whose borders overlap?",
      .targets = {"ch10:tma_2d_pipeline"},
      .tags = {"memory", "tma", "pipeline", "stencil"},
      .cases = {{.name = "photo_24_megapixels",
                 .origin = "one channel of an image of 24 megapixels: 4000 x 6000, 96 MB",
                 .smoke = sizes(70, 260),
                 .full = sizes(4000, 6000),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 4), sizes(33, 132), sizes(5, 1000), sizes(129, 128)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {on_gpu("loads_by_threads", "threads load a tile and its border, then compute",
                            AISP_DEVICE(plan_loads_by_threads)),
                     on_gpu("one_tile", "the copy engine brings the tile of a block",
                            AISP_DEVICE(plan_one_tile), needs_hopper),
                     on_gpu("tile_pipeline", "blocks stay; three tiles are under way for each",
                            AISP_DEVICE(plan_tile_pipeline), needs_hopper)},
      .device_baseline = "loads_by_threads",
  };
}

}  // namespace aisp::labs::ch10::tma_2d_pipeline
