// All ways of launching give the same bits, call after call; the graph's dependence test is right.
#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch12_graphs/kernel_launches/problem.h"

namespace aisp::labs::ch12::kernel_launches {

bench::Lab describe();

namespace {

TEST(KernelLaunchesCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(KernelLaunches, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

/// A missing barrier shows as a wrong bit now and then: hence many calls.
TEST(KernelLaunches, LaunchingChangesNoBit) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 3);
  std::vector<float> first;
  for (const bench::Technique& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    const auto plan = technique.plan(size);
    for (int call = 0; call < 50; ++call) {
      set.poison_outputs(static_cast<std::uint64_t>(call));
      plan->run(set.io(), 3);
      std::vector<float> all;
      for (std::size_t o = 0; o < 3; ++o) {
        const auto out = set.io().out<float>(o);
        all.insert(all.end(), out.begin(), out.end());
      }
      if (first.empty()) first = all;
      ASSERT_EQ(all, first) << technique.name << " call " << call;
    }
  }
}

/// The dependence test against what bodies do: run two operations with one worker's slice of the
/// first left out. If that changes another worker's result of the second, they must be ordered.
TEST(KernelLaunches, DependencesAreThoseOfTheBodies) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"layers", 2}, {"width", 64}, {"mlp", 96}};
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 4);
  const Step step(size, set.io());
  const std::vector<Op> ops = program(size);
  const auto result_of_second = [&](const Op& first, const Op& second, bool all) {
    for (std::size_t o = 0; o < 3; ++o) {
      for (float& value : set.io().out<float>(o)) value = 0.25f;
    }
    run_slice(step, first, 0, 2);
    if (all) run_slice(step, first, 1, 2);
    const Slice at = slice(64, 0, 2);
    run_slice(step, second, 0, 2);
    std::vector<float> seen(step.x + at.begin, step.x + at.end);
    for (std::int64_t row = 0; row < 4; ++row) {
      seen.insert(seen.end(), step.h + row * 64 + at.begin, step.h + row * 64 + at.end);
    }
    return seen;
  };
  int crossing = 0;
  for (const Op& first : ops) {
    for (const Op& second : ops) {
      const bool reads =
          result_of_second(first, second, true) != result_of_second(first, second, false);
      if (!reads) continue;
      EXPECT_TRUE(crosses_slices(first, second));
      // Whoever reads must also be done before the next write.
      EXPECT_TRUE(crosses_slices(second, first));
      ++crossing;
    }
  }
  EXPECT_GT(crossing, 0);
  EXPECT_FALSE(crosses_slices({Kind::kAddMlp, 0}, {Kind::kAddAttention, 1}));
  EXPECT_FALSE(crosses_slices({Kind::kNorm, 1}, {Kind::kSwiglu, 0}));
}

TEST(KernelLaunches, SlicesCoverEveryElementOnce) {
  for (const std::int64_t count : {0, 1, 15, 16, 17, 100, 576}) {
    for (const int workers : {1, 2, 3, 7}) {
      std::int64_t next = 0;
      for (int worker = 0; worker < workers; ++worker) {
        const Slice at = slice(count, worker, workers);
        EXPECT_EQ(at.begin, next);
        EXPECT_GE(at.end, at.begin);
        next = at.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

TEST(KernelLaunches, Bf16InputsFail) {
  const bench::Lab lab = describe();
  bench::Technique rounded = {
      .name = "rounded", .plan = [](const bench::Params& params) {
        return bench::plan_of([params](const bench::Io& io) {
          std::vector<std::vector<float>> kept;
          std::vector<bench::Io::Buffer> in, out;
          for (std::size_t i = 0; i < 6; ++i) {
            kept.emplace_back();
            for (const float value : io.in<float>(i)) kept.back().push_back(float(bf16(value)));
          }
          for (auto& one : kept) in.push_back({one.data(), one.size() * 4, DType::kF32, nullptr});
          for (std::size_t o = 0; o < 3; ++o) {
            const auto to = io.out<float>(o);
            out.push_back({to.data(), to.size_bytes(), DType::kF32, nullptr});
          }
          one_thread().plan(params)->run(bench::Io(in, out), 1);
        });
      }};
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, rounded, 5), "") << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch12::kernel_launches
