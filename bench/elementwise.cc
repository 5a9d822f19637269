// See elementwise.h.
#include "bench/elementwise.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace aisp::bench {
namespace {

// Smoke sizes are cut to this: a moment each.
constexpr std::int64_t kSmokeCount = 4096;

}  // namespace

Lab elementwise_lab(const Elementwise& d) {
  Lab lab;
  lab.question = d.question;
  for (const auto& [name, n] : d.sizes) {
    lab.cases.push_back(
        {name, "vectors of " + std::to_string(n), {{"n", std::min(n, kSmokeCount)}}, {{"n", n}}});
  }
  lab.ragged = {{{"n", 1}}, {{"n", 2}}, {{"n", 3}}, {{"n", 1003}}};
  lab.problem = [names = d.inputs](const Params& p) {
    Problem problem;
    for (const auto& name : names) problem.inputs.push_back({.name = name, .shape = {p["n"]}});
    problem.outputs.push_back({.name = "out", .shape = {p["n"]}});
    return problem;
  };
  lab.prepare = [count = d.inputs.size()](const Params&, std::uint64_t seed, const Io& io) {
    for (std::size_t i = 0; i < count; ++i) {
      fill_uniform(io.fill<float>(i), derive_seed(seed, i), -1.0f, 1.0f);
    }
  };
  lab.work = [flops = d.flops, count = d.inputs.size()](const Params& p) {
    const auto n = static_cast<double>(p["n"]);
    return Work{.flops = flops * n,
                .bytes_read = 4.0 * n * static_cast<double>(count),
                .bytes_written = 4.0 * n,
                .items = n,
                .item_name = "elements"};
  };
  lab.reference = [exact = d.exact, count = d.inputs.size()](const Params&, const Io& io,
                                                             Expected& expected) {
    auto& out = expected.outputs[0];
    out.scale.resize(out.value.size());
    std::vector<double> at(count);
    for (std::size_t i = 0; i < out.value.size(); ++i) {
      double magnitudes = 0.0;
      for (std::size_t k = 0; k < count; ++k) {
        at[k] = io.in<float>(k)[i];
        magnitudes += std::abs(at[k]);
      }
      out.value[i] = exact(at);
      out.scale[i] = std::abs(out.value[i]) + magnitudes;
    }
  };
  lab.tolerance = [rounding = d.rounding](const Params&) {
    return Tolerance{.relative = rounding * unit_roundoff(DType::kF32), .rms = 0.5};
  };
  for (const auto& [name, function] : d.techniques) {
    lab.techniques.push_back(
        {.name = name, .plan = [function](const Params&) { return plan_of(function); }});
  }
  lab.baseline = lab.techniques.empty() ? "" : lab.techniques.front().name;
  return lab;
}

}  // namespace aisp::bench
