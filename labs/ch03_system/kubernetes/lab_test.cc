// Batches beyond equality: every way of providing them gives the same bits, scaling is exact, and
// lower precision fails.
#include <gtest/gtest.h>

#include <vector>

#include "bench/verify.h"
#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {

bench::Lab describe();

namespace {

TEST(KubernetesLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(KubernetesLab, EveryWayGivesTheSameBits) {
  const bench::Lab lab = describe();
  const bench::Params size{{"samples", 50}, {"steps", 11}, {"batch", 9}, {"hidden", 17}};
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 5);
  std::vector<std::vector<float>> results;
  for (const auto& technique : lab.techniques) {
    set.poison_outputs(6);
    technique.plan(size)->run(set.io(), 2);
    const auto out = set.io().out<float>(0);
    results.emplace_back(out.begin(), out.end());
    EXPECT_EQ(results.back(), results.front()) << technique.name;
  }
}

TEST(KubernetesLab, ScalingIsExactForAllPixels) {
  const bench::Params size{{"samples", 1}, {"steps", 1}, {"batch", 1}, {"hidden", 1}};
  std::vector<std::uint8_t> image(kPixels);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i);
  std::int32_t first = 0;
  bench::Io::Buffer inputs[] = {{image.data(), image.size(), DType::kU8, nullptr},
                                {&first, sizeof first, DType::kI32, nullptr}};
  const Sizes sizes(size);
  const Batch batch = allocate_batch(sizes);
  fill_rows(bench::Io(inputs, {}), sizes, 0, {0, 1}, batch.get());
  for (std::size_t i = 0; i < image.size(); ++i) {
    ASSERT_EQ(static_cast<double>(batch[i]), (image[i] - 127.5) / 64.0);
  }
}

TEST(KubernetesLab, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  const bench::Technique bf16_weights = {
      .name = "bf16_weights", .plan = [](const bench::Params& p) {
        return bench::plan_of([p](const bench::Io& io) {
          std::vector<float> rounded;
          for (const float w : io.in<float>(2)) rounded.push_back(float(bf16(w)));
          const Sizes sizes(p);
          const Batch batch = allocate_batch(sizes);
          kernels::gemm::GemmPlan plan({sizes.batch, sizes.hidden, kPixels});
          for (std::int64_t step = 0; step < sizes.steps; ++step) {
            fill_rows(io, sizes, step, {0, sizes.batch}, batch.get());
            plan.run(batch.get(), rounded.data(),
                     io.out<float>(0).data() + step * sizes.batch * sizes.hidden);
          }
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, bf16_weights, 1), "");
}

}  // namespace
}  // namespace aisp::labs::ch03::kubernetes
