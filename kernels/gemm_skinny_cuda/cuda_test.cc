// The skinny product: how work is split (no GPU needed), then every variant, tile and split against
// the formula in double, ragged shapes, epilogues, special values, chains that overlap.
#include "kernels/gemm_skinny_cuda/cuda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "kernels/gemm_skinny_cuda/device_run.h"
#include "kernels/gemm_skinny_cuda/split.h"
#include "kernels/gemm_skinny_cuda/test_problem.h"

#define NEEDS_DEVICE                                \
  if (!machine::cuda_device().why_not.empty()) {    \
    GTEST_SKIP() << machine::cuda_device().why_not; \
  }

namespace aisp::kernels::gemm_skinny_cuda {
namespace {

using machine::DeviceArray;

TEST(GemmSkinny, SplitSharesEveryUnitOnce) {
  for (const Split split :
       {make_split(1, 1, 1), make_split(64, 128, 132), make_split(3, 5, 7), make_split(7, 3, 2),
        make_split(2, 100, 132), make_split(224, 448, 132), make_split(1, 2, 132)}) {
    EXPECT_EQ(split.begin(0), 0);
    EXPECT_EQ(split.begin(split.blocks), split.total());
    for (int b = 0; b < split.blocks; ++b) {
      ASSERT_LT(split.begin(b), split.begin(b + 1));
      EXPECT_EQ(split.block_of(split.begin(b)), b);
      EXPECT_EQ(split.block_of(split.begin(b + 1) - 1), b);
      // Only the first and the last tile of a block can be shared, and they have different slots.
      const int first = split.begin(b) / split.units, last = (split.begin(b + 1) - 1) / split.units;
      EXPECT_EQ(split.slot(b, first), 0);
      EXPECT_EQ(split.slot(b, last), last != first ? 1 : 0);
      for (int t = first; t <= last; ++t) {
        EXPECT_EQ(split.whole(b, t), split.first_block(t) == b && split.last_block(t) == b);
        EXPECT_TRUE(t == first || t == last || split.whole(b, t));
      }
    }
  }
}

TEST(GemmSkinny, WalkTakesEveryUnitOfEveryTileOnce) {
  for (const Walk& walk :
       {make_walk(1, 1, 1, 1, 1), make_walk(3, 7, 1, 2, 3), make_walk(64, 128, 1, 8, 64),
        make_walk(224, 16, 4, 1, 30), make_walk(5, 9, 2, 1, 3), make_walk(448, 8, 1, 2, 66),
        make_walk(100, 5, 1, 1, 33), make_walk(7, 3, 1, 3, 7)}) {
    std::vector<int> taken(static_cast<std::size_t>(walk.tiles * walk.units));
    for (int cluster = 0; cluster < walk.clusters; ++cluster) {
      for (int rank = 0; rank < walk.share * walk.split; ++rank) {
        const Part part = part_of(walk, cluster, rank);
        ASSERT_GT(part.count(walk.units), 0);
        for (int i = 0; i < part.whole; ++i) {
          const int tile = part.tile + i * part.step;
          if (tile >= walk.tiles) continue;
          for (int unit = 0; unit < walk.units; ++unit) ++taken[tile * walk.units + unit];
        }
        for (int u = part.begin; u < part.end; ++u) ++taken[part.last_tile * walk.units + u];
      }
    }
    EXPECT_EQ(std::ranges::count(taken, 1), walk.tiles * walk.units);
  }
}

TEST(GemmSkinny, GridsHoldEveryTile) {
  const auto blocks = [](std::int64_t n, int share, int split) {
    return wgmma_with({64, n, 4096}, 64, 64, share, split, 132).blocks;
  };
  EXPECT_EQ(blocks(8192, 1, 1), 128);
  EXPECT_EQ(blocks(28672, 1, 1), 132);
  EXPECT_EQ(blocks(28672, 1, 2), 132);
  EXPECT_EQ(blocks(4096, 1, 2), 128);
  EXPECT_EQ(blocks(4096, 1, 4), 0);                                  // 256 blocks at once
  EXPECT_EQ(blocks(100, 4, 1), 4);                                   // two of them without a tile
  EXPECT_EQ(blocks(100, 16, 1), 0);                                  // 4 tokens each
  EXPECT_EQ(wgmma_with({64, 64, 64}, 64, 64, 1, 2, 132).blocks, 0);  // one step, two parts
}

TEST(GemmSkinny, ChoiceFollowsShapeAndDevice) {
  machine::CudaDevice device = machine::described_h200();
  EXPECT_EQ(choose_config({16, 8192, 8192}, device).variant, "wgmma");
  EXPECT_EQ(choose_config({16, 8192, 8192}, device).blocks, 132);   // pairs with two tiles
  EXPECT_EQ(choose_config({16, 4096, 8192}, device).blocks, 128);   // half a tile each
  EXPECT_EQ(choose_config({16, 14336, 8192}, device).blocks, 132);  // pairs with three or four
  EXPECT_EQ(choose_config({64, 28672, 8192}, device).blocks, 112);  // four share tokens
  for (const std::int64_t m : {1, 8, 9, 16, 64, 65, 128}) {
    for (const std::int64_t n : {1, 1024, 28672}) {
      const Config config = choose_config({m, n, 4096}, device);
      EXPECT_GE(config.tile_tokens, m);
      EXPECT_LE(config.blocks, device.multiprocessors);
      EXPECT_GE(config.stages, 4);
      EXPECT_EQ(config.blocks % (config.share * config.split), 0);
      const Config stream = choose_config({m, n, 4096}, device, "stream");
      const std::size_t partials =
          8 * static_cast<std::size_t>(stream.blocks * stream.tile_rows * stream.tile_tokens);
      EXPECT_LE(partials, workspace_bytes(m, device));
    }
  }
  EXPECT_EQ(choose_config({1, 16, 8}, device).blocks, 1);
  device.major = 8;
  EXPECT_EQ(choose_config({16, 8192, 8192}, device).variant, "stream");
}

// Device copies of one problem, guarded output, and the runs.
class OnDevice {
 public:
  explicit OnDevice(const TestProblem& problem)
      : problem_(problem),
        a_(std::span<const bf16>(problem.a)),
        b_(std::span<const bf16>(weights(problem))),
        bias_(std::span<const bf16>(problem.bias)),
        residual_(std::span<const bf16>(problem.residual)),
        c_(2 * (static_cast<std::size_t>(problem.m * problem.columns()) + kGuard)),
        workspace_(workspace_bytes(problem.m, machine::cuda_device())) {
    workspace_.fill(0);
  }
  Request request() const {
    Request request{.shape = {problem_.m, problem_.n, problem_.k},
                    .a = a_.as<bf16>(),
                    .b = b_.as<bf16>(),
                    .c = c_.as<bf16>(),
                    .workspace = workspace_.as()};
    if (!problem_.bias.empty()) request.bias = bias_.as<bf16>();
    if (!problem_.residual.empty()) request.residual = residual_.as<bf16>();
    if (problem_.gated) request.activation = Activation::kSwiGlu;
    return request;
  }
  // C after a poisoned start; fails when what follows C is touched.
  std::vector<bf16> run(const Variant& variant, const Config& config) {
    c_.fill(0xff);
    variant.run(request(), config);
    machine::device_wait();
    std::vector<bf16> out = c_.host<bf16>();
    for (std::size_t i = out.size() - kGuard; i < out.size(); ++i) EXPECT_EQ(out[i].bits, 0xffff);
    out.resize(out.size() - kGuard);
    return out;
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static std::vector<bf16> weights(const TestProblem& problem) {
    std::vector<bf16> out;
    for (const double w : problem.w) out.emplace_back(static_cast<float>(w));
    return out;
  }
  const TestProblem& problem_;
  DeviceArray a_, b_, bias_, residual_, c_, workspace_;
};

TestProblem make(const Shape& shape, bool bias = false, bool residual = false, bool gated = false) {
  TestProblem p{.m = shape.m, .n = shape.n, .k = shape.k, .gated = gated};
  p.a = normal_bf16(p.m * p.k, 1, 1.0F);
  for (const bf16 w : normal_bf16(p.n * p.k, 2, 0.1F)) p.w.push_back(value(w));
  if (bias) p.bias = normal_bf16(p.n, 3, 1.0F);
  if (residual) p.residual = normal_bf16(p.m * p.columns(), 4, 1.0F);
  return p;
}

// Configurations of a variant that a shape can have: its choice, other tiles and clusters, few
// blocks.
std::vector<Config> configs(const Variant& variant, const Shape& shape) {
  const Config chosen = choose_config(shape, machine::cuda_device(), variant.name);
  std::vector<Config> all = {chosen};
  if (variant.name != "wgmma") {
    for (const int blocks : {1, 3, 7}) {
      if (blocks < chosen.blocks) all.push_back(chosen), all.back().blocks = blocks;
    }
    return all;
  }
  for (const int rows : {64, 128}) {
    for (const auto& [share, split] : std::vector<std::pair<int, int>>{
             {1, 1}, {2, 1}, {4, 1}, {8, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 6}, {1, 8}}) {
      for (const int most : {120, 1, 2, 6, 8}) {
        const Config config = wgmma_with(shape, chosen.tile_tokens, rows, share, split, most);
        if (config.blocks > 0 && std::ranges::find(all, config) == all.end()) all.push_back(config);
      }
    }
  }
  return all;
}

void expect_right(const TestProblem& problem) {
  const Expected want = expected(problem);
  OnDevice device(problem);
  const Shape shape{problem.m, problem.n, problem.k};
  for (const Variant& variant : variants()) {
    if (!variant.why_not(machine::cuda_device()).empty()) continue;
    for (const Config& config : configs(variant, shape)) {
      const std::vector<bf16> got = device.run(variant, config);
      const Comparison result = compare_with(want, got);
      EXPECT_TRUE(result.ok()) << variant.name << " " << shape.m << "x" << shape.n << "x" << shape.k
                               << " rows " << config.tile_rows << " share " << config.share
                               << " split " << config.split << " blocks " << config.blocks << ": "
                               << describe(result);
      // The workspace was left ready, and the order of sums does not depend on who comes last.
      const std::vector<bf16> again = device.run(variant, config);
      EXPECT_EQ(std::memcmp(got.data(), again.data(), 2 * got.size()), 0);
    }
  }
}

TEST(GemmSkinnyCuda, RaggedShapes) {
  NEEDS_DEVICE;
  for (const Shape& shape :
       {Shape{1, 1, 8}, Shape{1, 16, 64}, Shape{8, 64, 128}, Shape{3, 129, 72}, Shape{7, 40, 1000},
        Shape{9, 200, 640}, Shape{16, 257, 520}, Shape{17, 100, 264}, Shape{33, 65, 328},
        Shape{64, 300, 136}, Shape{65, 48, 200}, Shape{128, 130, 72}}) {
    expect_right(make(shape));
  }
}

TEST(GemmSkinnyCuda, LongSums) {
  NEEDS_DEVICE;
  for (const Shape& shape : {Shape{8, 96, 14336}, Shape{16, 1024, 4096}, Shape{64, 96, 8192}}) {
    expect_right(make(shape));
  }
}

TEST(GemmSkinnyCuda, Epilogues) {
  NEEDS_DEVICE;
  expect_right(make({5, 70, 136}, true, false));
  expect_right(make({16, 70, 136}, false, true));
  expect_right(make({12, 96, 264}, false, false, true));
  expect_right(make({33, 272, 520}, true, true, true));
  expect_right(make({1, 16, 8}, true, true, true));
}

TEST(GemmSkinnyCuda, SpecialValues) {
  NEEDS_DEVICE;
  TestProblem problem = make({9, 80, 200});
  constexpr float kInf = std::numeric_limits<float>::infinity();
  problem.a[0 * 200 + 199] = bf16(kInf);
  problem.a[8 * 200 + 0] = bf16(std::numeric_limits<float>::quiet_NaN());
  problem.a[3 * 200 + 64] = bf16(-0.0F);
  problem.w[79 * 200 + 100] = -kInf;
  problem.w[5 * 200 + 1] = std::numeric_limits<double>::quiet_NaN();
  for (int k = 0; k < 200; ++k) problem.a[4 * 200 + k] = bf16(0x1p60F * (k % 3 == 0 ? -1 : 1));
  expect_right(problem);
}

// Each product reads what the one before wrote, while it may already fetch weights.
TEST(GemmSkinnyCuda, OverlappingChainEqualsSerialOne) {
  NEEDS_DEVICE;
  const TestProblem problem = make({8, 512, 512});
  OnDevice device(problem);
  for (const Variant& variant : variants()) {
    if (!variant.why_not(machine::cuda_device()).empty()) continue;
    std::vector<std::vector<bf16>> results;
    for (const bool overlap : {false, true}) {
      DeviceArray even(std::span<const bf16>(problem.a)), odd(even.bytes());
      for (int i = 0; i < 20; ++i) {
        Request request = device.request();
        request.shape.n = 512;
        request.a = (i % 2 == 0 ? even : odd).as<bf16>();
        request.c = (i % 2 == 0 ? odd : even).as<bf16>();
        request.constant_weights = overlap;
        run(request, variant.name);
      }
      results.push_back(even.host<bf16>());
    }
    EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), 2 * results[0].size()), 0)
        << variant.name;
  }
}

TEST(GemmSkinnyCuda, RefusesWhatItCannotTake) {
  NEEDS_DEVICE;
  const TestProblem problem = make({8, 32, 64});
  OnDevice device(problem);
  const auto refused = [&](auto change) {
    Request request = device.request();
    change(request);
    EXPECT_THROW(run(request), Error);
  };
  refused([](Request& r) { r.shape.m = 0; });
  refused([](Request& r) { r.shape.m = 129; });
  refused([](Request& r) { r.shape.n = 0; });
  refused([](Request& r) { r.shape.k = 12; });
  refused([](Request& r) { r.shape.n = 24, r.activation = Activation::kSwiGlu; });
  refused([](Request& r) { r.a += 1; });
  refused([](Request& r) { r.b += 4; });
  refused([](Request& r) { r.workspace = nullptr; });
  EXPECT_THROW(run(device.request(), "none"), Error);
  run(device.request());
  machine::device_wait();
}

}  // namespace
}  // namespace aisp::kernels::gemm_skinny_cuda
