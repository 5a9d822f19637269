// Every candidate is a right blocking; the choice follows the times and keeps still within noise.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/device_technique.h"
#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/autotuning/device_tiles.h"

namespace aisp::labs::ch06::autotuning {

bench::Lab describe();

namespace {

TEST(Autotuning, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(Autotuning, EveryCandidateIsRight) {
  const bench::Lab lab = describe();
  for (const bench::Params& size :
       {bench::matmul::sizes(33, 70, 150), bench::matmul::sizes(400, 130, 1100),
        bench::matmul::sizes(1, 1, 1)}) {
    for (const Config& config : candidates(shape_of(size), machine::cpu())) {
      bench::Technique one = model_blocking();
      one.plan = [config](const bench::Params& p) { return plan_with(p, config); };
      EXPECT_EQ(bench::run_and_check(lab, size, one, 7), "")
          << config.mc << " x " << config.kc << " x " << config.nc << config.pack_a
          << config.pack_b;
    }
  }
}

TEST(Autotuning, CandidatesBeginWithTheModelAndHaveNoTwins) {
  machine::Cpu cpu;
  cpu.avx2 = true;
  cpu.data_caches = {{1, 32 << 10, 8, 64, 1}, {2, 1 << 20, 8, 64, 1}, {3, 32 << 20, 16, 64, 8}};
  for (const Shape& shape : {Shape{16, 2048, 2048}, Shape{512, 768, 768}, Shape{1, 1, 1}}) {
    const auto all = candidates(shape, cpu);
    EXPECT_EQ(all[0], model_config(shape, cpu));
    EXPECT_NE(std::find(all.begin(), all.end(), fixed_config(shape)), all.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(std::count(all.begin(), all.end(), all[i]), 1);
      EXPECT_GE(all[i].mc, 1);
      EXPECT_GE(all[i].nc, 1);
      EXPECT_GE(all[i].kc, 1);
    }
  }
}

TEST(Autotuning, TheChoiceFollowsTheTimes) {
  const Shape shape{512, 768, 768};
  const auto all = candidates(shape, machine::cpu());
  ASSERT_GE(all.size(), 6u);
  const auto times = [&](std::size_t quick, double seconds) {
    int turns = 0;
    const auto scores = score(all, 3, [&](const Config& config) {
      ++turns;
      return config == all[quick] ? seconds : 1.0;
    });
    EXPECT_EQ(turns, static_cast<int>(3 * all.size()));
    return choose(scores);
  };
  for (std::size_t quick = 0; quick < all.size(); ++quick) {
    EXPECT_EQ(times(quick, 0.9), all[quick]);
    EXPECT_EQ(times(quick, 0.99), all[0]);  // within noise: the model's
  }
}

TEST(Autotuning, AScoreIsTheShortestTrial) {
  const Config config;
  double next = 5.0;
  const auto scores = score({&config, 1}, 4, [&](const Config&) { return next -= 1.0; });
  EXPECT_EQ(scores[0].seconds, 1.0);
}

/// The arithmetic on an H200: decoding gets a narrow tile and splits K until the multiprocessors
/// have work; a large product gets the large tile, unsplit.
TEST(Autotuning, TheModelsTileFollowsTheShape) {
  const machine::CudaDevice h200 = machine::described_h200();
  const DeviceTile decode = model_tile_of({16, 4096, 4096}, h200);
  EXPECT_EQ(decode.rows, 16);
  EXPECT_GE(4096 / decode.columns * decode.splits, h200.multiprocessors);
  const DeviceTile prompt = model_tile_of({4096, 4096, 4096}, h200);
  EXPECT_EQ(prompt, fixed_tile());
  const DeviceTile one = model_tile_of({1, 1, 1}, h200);
  EXPECT_EQ(one.splits, 1);
}

TEST(Autotuning, TileCandidatesBeginWithTheFixedOneAndHaveNoTwins) {
  for (const Shape& shape : {Shape{16, 4096, 4096}, Shape{512, 768, 768}, Shape{1, 1, 1}}) {
    const auto all = tile_candidates(shape);
    EXPECT_EQ(all[0], fixed_tile());
    for (const DeviceTile& tile : all) {
      EXPECT_EQ(std::count(all.begin(), all.end(), tile), 1);
      EXPECT_EQ(tile.threads() % 32, 0);
      EXPECT_TRUE(tile.splits == 1 || shape.k / tile.splits >= 128);
    }
  }
}

TEST(AutotuningCuda, EveryTileIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
  for (const Shape& shape : {Shape{130, 140, 517}, Shape{1, 1, 1}}) {
    for (const DeviceTile& tile : tile_candidates(shape)) {
      bench::Lab lab = describe();
      lab.cases.clear();
      lab.ragged = {bench::matmul::sizes(shape.m, shape.n, shape.k)};
      lab.techniques = {bench::on_gpu(
          "one", "", [&](const bench::Params& p) { return plan_with_tile(p, tile); })};
      EXPECT_EQ(bench::check_device_techniques(lab), "")
          << tile.rows << " x " << tile.columns << " / " << tile.splits;
    }
  }
}

}  // namespace
}  // namespace aisp::labs::ch06::autotuning
