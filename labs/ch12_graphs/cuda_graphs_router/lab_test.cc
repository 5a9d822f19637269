// The router's lead, the tolerance's power, every technique on a GPU, and why some cannot run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/verify.h"
#include "labs/ch12_graphs/cuda_graphs_router/problem.h"

namespace aisp::labs::ch12::cuda_graphs_router {

bench::Lab describe();

namespace {

std::vector<float> logits(const bench::Params& p, const bench::Io& io, std::int64_t token) {
  std::vector<float> out;
  for (std::int64_t e = 0; e < p["experts"]; ++e) {
    float sum = 0.0f;
    for (std::int64_t i = 0; i < p["width"]; ++i) {
      sum += io.in<float>(kRouter)[e * p["width"] + i] * io.in<float>(kX)[token * p["width"] + i];
    }
    out.push_back(sum);
  }
  return out;
}

TEST(CudaGraphsRouter, TheFirstExpertLeadsForEverySeed) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    set.fill(lab, size, seed);
    for (std::int64_t t = 0; t < size["tokens"]; ++t) {
      auto of_token = logits(size, set.io(), t);
      std::sort(of_token.begin(), of_token.end());
      EXPECT_GT(of_token.back() - of_token[of_token.size() - 2], 0.9 * kLead);
    }
  }
}

/// On the host, in float, with weights rounded by `round`.
bench::Technique naive(float (*round)(float)) {
  return {.name = "naive", .plan = [round](const bench::Params& p) {
            return bench::plan_of([round, p](const bench::Io& io) {
              const std::int64_t width = p["width"], hidden = p["hidden"];
              std::vector<float> h(static_cast<std::size_t>(hidden));
              for (std::int64_t t = 0; t < p["tokens"]; ++t) {
                const auto all = logits(p, io, t);
                const auto best = std::max_element(all.begin(), all.end());
                const std::int64_t e = best - all.begin();
                float total = 0.0f;
                for (const float one : all) total += std::exp(one - *best);
                for (std::int64_t j = 0; j < hidden; ++j) {
                  float sum = 0.0f;
                  for (std::int64_t i = 0; i < width; ++i) {
                    sum += round(io.in<float>(kW1)[(e * hidden + j) * width + i]) *
                           io.in<float>(kX)[t * width + i];
                  }
                  h[static_cast<std::size_t>(j)] = std::max(sum, 0.0f);
                }
                for (std::int64_t i = 0; i < width; ++i) {
                  float sum = 0.0f;
                  for (std::int64_t j = 0; j < hidden; ++j) {
                    sum += round(io.in<float>(kW2)[(e * width + i) * hidden + j]) *
                           h[static_cast<std::size_t>(j)];
                  }
                  io.out<float>(0)[t * width + i] = sum / total;
                }
              }
            });
          }};
}

TEST(CudaGraphsRouter, WeightsOfBf16AreNoticed) {
  const bench::Lab lab = describe();
  const auto same = [](float x) { return x; };
  const auto rounded = [](float x) { return static_cast<float>(bf16(x)); };
  for (const bench::Case& one : lab.cases) {
    for (const bench::Params& size : {one.smoke, one.full}) {
      EXPECT_EQ(bench::run_and_check(lab, size, naive(same), 5), "");
      EXPECT_NE(bench::run_and_check(lab, size, naive(rounded), 5), "");
    }
  }
}

TEST(CudaGraphsRouter, NeedsSayWhy) {
  machine::CudaDevice old = machine::described_h200();
  old.driver_version = 12030;
  EXPECT_EQ(describe().techniques[2].needs_device(old), "needs a driver of CUDA 12.4");
}

TEST(CudaGraphsRouterCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch12::cuda_graphs_router
