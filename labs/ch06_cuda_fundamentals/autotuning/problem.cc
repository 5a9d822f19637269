// What the three choices share: the product with a blocking, and the tuner.
#include "labs/ch06_cuda_fundamentals/autotuning/problem.h"

#include <algorithm>
#include <ctime>

#include "base/rng.h"
#include "kernels/gemm/variants.h"

namespace aisp::labs::ch06::autotuning {

Shape shape_of(const bench::Params& params) { return {params["M"], params["N"], params["K"]}; }

std::unique_ptr<bench::Plan> plan_with(const bench::Params& params, const Config& config) {
  kernels::gemm::GemmPlan plan(shape_of(params), {.threads = 1, .config = &config});
  return bench::matmul::plan_with(
      params, [plan = std::move(plan)](std::int64_t, std::int64_t, std::int64_t, const float* a,
                                       const float* b, float* c) mutable { plan.run(a, b, c); });
}

std::vector<Config> candidates(const Shape& shape, const machine::Cpu& cpu) {
  const Config model = model_config(shape, cpu);
  std::vector<Config> all = {model};
  const auto consider = [&](const Config& config) {
    if (std::find(all.begin(), all.end(), config) == all.end()) all.push_back(config);
  };
  // Every combination of copies: none, A, B, both.
  for (const bool pack_a : {false, true}) {
    for (const bool pack_b : {false, true}) {
      Config config = model;
      config.pack_a = pack_a;
      config.pack_b = pack_b;
      consider(config);
    }
  }
  // With the copies that the model chose: shorter and longer passes over k, halved and doubled
  // blocks. A block of A is then a quarter of L2, or all of it.
  for (const std::int64_t kc : {128, 256, 512, 1024}) {
    Config config = model;
    config.kc = std::min<std::int64_t>(kc, std::max<std::int64_t>(shape.k, 1));
    consider(config);
  }
  for (const int halves : {1, 4}) {
    Config config = model;
    config.mc = std::clamp<std::int64_t>(model.mc * halves / 2, 1, config.cell_m);
    consider(config);
    config = model;
    config.nc = std::clamp<std::int64_t>(model.nc * halves / 2, 1, config.cell_n);
    consider(config);
  }
  consider(fixed_config(shape));
  return all;
}

std::vector<Score> score(std::span<const Config> configs, int trials,
                         const std::function<double(const Config&)>& seconds_of) {
  std::vector<Score> scores;
  for (const Config& config : configs) scores.push_back({config, 1e30});
  for (int trial = 0; trial < trials; ++trial) {
    for (Score& one : scores) one.seconds = std::min(one.seconds, seconds_of(one.config));
  }
  return scores;
}

const Config& choose(std::span<const Score> scores) {
  const Score* best = scores.data();
  for (const Score& one : scores) {
    if (one.seconds < best->seconds) best = &one;
  }
  return best->seconds < 0.98 * scores[0].seconds ? best->config : scores[0].config;
}

std::vector<Score> tune(const bench::Params& params) {
  const Shape shape = shape_of(params);
  std::vector<float> a(static_cast<std::size_t>(shape.m * shape.k));
  std::vector<float> b(static_cast<std::size_t>(shape.k * shape.n));
  std::vector<float> c(static_cast<std::size_t>(shape.m * shape.n));
  fill_uniform(a, 1);
  fill_uniform(b, 2);
  const auto seconds = [] {  // of this thread: time that other jobs took does not count
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
  const auto configs = candidates(shape, machine::cpu());
  std::vector<kernels::gemm::GemmPlan> plans;
  for (const Config& config : configs)
    plans.emplace_back(shape, kernels::gemm::Options{.threads = 1, .config = &config});
  return score(configs, 4, [&](const Config& config) {
    const auto which = std::find(configs.begin(), configs.end(), config) - configs.begin();
    auto& plan = plans[static_cast<std::size_t>(which)];
    plan.run(a.data(), b.data(), c.data());  // brings its scratch into the caches
    const double start = seconds();
    plan.run(a.data(), b.data(), c.data());
    return seconds() - start;
  });
}

}  // namespace aisp::labs::ch06::autotuning
