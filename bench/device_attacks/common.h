// What the planted attacks on the GPU share: one small operation, its reference and the lab around
// it. As in bench/attacks, an attack is one template, Attack<bool kCheat>, whose honest twin is the
// same source without the cheat; it stands in attack.cuh, the lab in lab.cc, so that a build
// without CUDA lists them too. device_attacks_test.cc says which protection must catch which.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "bench/lab.h"

namespace aisp::device_attacks {

using bench::Io;
using bench::Params;

/// 1 MiB in, 1 MiB out, far below any L2; one wave of blocks on an H200, about 70 us with the turns
/// below: a replay that costs 3 us shows beside what timing a lone call can tell (20 us).
inline constexpr std::int64_t kCount = 1 << 18;
inline constexpr int kTurns = 2048;
inline constexpr double kAngle = 0.05;

using MakePlan = std::unique_ptr<bench::Plan> (*)(const Params&);
struct Plans {
  MakePlan plain, cheat, honest;
};

/// Three techniques, `plain` the baseline. `plans` is null in a build without CUDA.
inline void add_techniques(bench::Lab& lab, Plans (*plans)()) {
  const Plans made = plans == nullptr ? Plans{} : plans();
  lab.device_baseline = "plain";
  lab.techniques = {
      bench::on_gpu("plain", "the operation as written", made.plain),
      bench::on_gpu("cheat", "with the planted cheat", made.cheat),
      bench::on_gpu("honest", "the same source without it", made.honest),
  };
}

/// y[i] = first coordinate of (|x[i]|, 1) after kTurns rotations by kAngle; {"count"} floats in, as
/// many out. Smoke and full size are the same.
inline bench::Lab map_lab(std::string question, Plans (*plans)(), std::int64_t count = kCount) {
  bench::Lab lab;
  lab.question = std::move(question);
  lab.tags = {"twin"};
  lab.cases = {{.name = "planted",
                .origin = "none: a planted attack",
                .smoke = {{"count", count}},
                .full = {{"count", count}},
                .device = bench::Device::kCuda}};
  lab.ragged = {{{"count", 1}}, {{"count", 1003}}};
  lab.problem = [](const Params& p) {
    return bench::Problem{{{"x", DType::kF32, {p["count"]}}}, {{"y", DType::kF32, {p["count"]}}}};
  };
  lab.prepare = [](const Params&, std::uint64_t seed, const Io& io) {
    fill_uniform(io.fill<float>(0), seed);
  };
  lab.work = [](const Params& p) {
    const auto n = static_cast<double>(p["count"]);
    return bench::Work{.flops = 6.0 * kTurns * n, .bytes_read = 4 * n, .bytes_written = 4 * n};
  };
  lab.reference = [](const Params&, const Io& io, bench::Expected& expected) {
    auto& out = expected.outputs[0];
    const auto x = io.in<float>(0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double a = std::fabs(x[i]);
      out.value[i] = a * std::cos(kTurns * kAngle) - std::sin(kTurns * kAngle);
      out.scale.push_back(std::sqrt(a * a + 1.0));  // a rotation keeps the length
    }
  };
  // A turn rounds two products and a difference (3 u of the length) and has a sine and cosine
  // rounded to float (2 u): 5 u a turn, doubled for second-order terms and b's share.
  lab.tolerance = [](const Params&) { return Tolerance{.relative = 10 * kTurns * 0x1p-24}; };
  add_techniques(lab, plans);
  return lab;
}

}  // namespace aisp::device_attacks
