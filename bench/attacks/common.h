// What the planted attacks share: two small operations, their references, and the labs around them.
// An attack is one template, Attack<bool kCheat>: the honest twin is the same source without the
// cheat. Every lab has three techniques: `plain` (the baseline), `cheat` and `honest`.
// attacks_test.cc says which protection must catch which attack, and that nothing else does.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "base/rng.h"
#include "bench/lab.h"

namespace aisp::attacks {

using bench::Io;
using bench::Params;

/// 64 KiB in, 64 KiB out: whole pages, inside every L2, about 60 us with SSE2.
inline constexpr std::int64_t kCount = 16384;
inline constexpr std::int64_t kRows = 64, kCols = 1024;

inline constexpr int kTurns = 16;
inline constexpr double kAngle = 0.05;

/// y[i] = first coordinate of (|x[i]|, 1) after kTurns rotations by kAngle. 16 dependent steps:
/// work enough for skipping it to pay; a rotation neither forgets its input nor amplifies rounding.
[[gnu::noinline]] inline void rotate_all(const float* x, float* y, std::size_t count) {
  const auto c = static_cast<float>(std::cos(kAngle)), s = static_cast<float>(std::sin(kAngle));
  for (std::size_t i = 0; i < count; ++i) {
    float a = std::fabs(x[i]), b = 1.0f;
    for (int turn = 0; turn < kTurns; ++turn) {
      const float next = a * c - b * s;
      b = a * s + b * c;
      a = next;
    }
    y[i] = a;
  }
}

inline void rotate_all(const Io& io) {
  rotate_all(io.in<float>(0).data(), io.out<float>(0).data(), io.out<float>(0).size());
}

/// sum_i a[i] * b[i] in float, eight partial sums.
[[gnu::noinline]] inline float dot(const float* a, const float* b, std::size_t count) {
  std::array<float, 8> sums{};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sums[k] += a[i + k] * b[i + k];
  }
  float total = 0.0f;
  for (; i < count; ++i) total += a[i] * b[i];
  for (const float sum : sums) total += sum;
  return total;
}

/// y[row] = dot(a[row, :], b).
inline void dot_rows(const Io& io) {
  const std::size_t cols = io.in<float>(1).size();
  const float *a = io.in<float>(0).data(), *b = io.in<float>(1).data();
  for (std::size_t row = 0; row < io.out<float>(0).size(); ++row) {
    io.out<float>(0)[row] = dot(a + row * cols, b, cols);
  }
}

/// An Attack<> is a plan of its own or a body called with the buffers of each call.
template <class Attack>
std::unique_ptr<bench::Plan> make_plan(const Params& params) {
  if constexpr (std::is_base_of_v<bench::Plan, Attack>) {
    return std::make_unique<Attack>(params);
  } else {
    return bench::plan_of(
        [attack = std::make_unique<Attack>(params)](const Io& io) { (*attack)(io); });
  }
}

template <template <bool> class Attack>
void add_techniques(bench::Lab& lab, void (*plain)(const Io&)) {
  lab.baseline = "plain";
  lab.techniques = {
      {.name = "plain",
       .summary = "the operation as written",
       .plan = [plain](const Params&) { return bench::plan_of(plain); }},
      {.name = "cheat", .summary = "with the planted cheat", .plan = make_plan<Attack<true>>},
      {.name = "honest", .summary = "the same source without it", .plan = make_plan<Attack<false>>},
  };
}

/// The lab around rotate_all: {"count"} floats in, as many out. Smoke and full size are the same.
template <template <bool> class Attack>
bench::Lab map_lab(std::string question, std::int64_t count = kCount) {
  bench::Lab lab;
  lab.question = std::move(question);
  lab.tags = {"twin"};
  lab.cases = {{"planted", "none: a planted attack", {{"count", count}}, {{"count", count}}}};
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
  // rounded to float (2 u): 5 u * 16 turns, doubled for second-order terms and b's share.
  lab.tolerance = [](const Params&) { return Tolerance{.relative = 10 * kTurns * 0x1p-24}; };
  add_techniques<Attack>(lab, [](const Io& io) { rotate_all(io); });
  return lab;
}

/// The lab around dot_rows: {"rows", "cols"}.
template <template <bool> class Attack>
bench::Lab row_lab(std::string question) {
  bench::Lab lab;
  lab.question = std::move(question);
  lab.tags = {"twin"};
  const Params size = {{"rows", kRows}, {"cols", kCols}};
  lab.cases = {{"planted", "none: a planted attack", size, size}};
  lab.ragged = {{{"rows", 1}, {"cols", 7}}, {{"rows", 5}, {"cols", 1003}}};
  lab.problem = [](const Params& p) {
    return bench::Problem{
        {{"a", DType::kF32, {p["rows"], p["cols"]}}, {"b", DType::kF32, {p["cols"]}}},
        {{"y", DType::kF32, {p["rows"]}}}};
  };
  lab.prepare = [](const Params&, std::uint64_t seed, const Io& io) {
    fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
    fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
  };
  lab.work = [](const Params& p) {
    const auto rows = static_cast<double>(p["rows"]), cols = static_cast<double>(p["cols"]);
    return bench::Work{
        .flops = 2 * rows * cols, .bytes_read = 4 * (rows + 1) * cols, .bytes_written = 4 * rows};
  };
  lab.reference = [](const Params& p, const Io& io, bench::Expected& expected) {
    auto& out = expected.outputs[0];
    const auto cols = static_cast<std::size_t>(p["cols"]);
    for (std::size_t row = 0; row < out.value.size(); ++row) {
      double magnitude = 0.0;
      for (std::size_t i = 0; i < cols; ++i) {
        const double term =
            static_cast<double>(io.in<float>(0)[row * cols + i]) * io.in<float>(1)[i];
        out.value[row] += term;
        magnitude += std::fabs(term);
      }
      out.scale.push_back(magnitude);
    }
  };
  lab.tolerance = [](const Params& p) {
    return Tolerance{.relative = dot_bound(static_cast<double>(p["cols"]), 0x1p-24)};
  };
  add_techniques<Attack>(lab, dot_rows);
  return lab;
}

}  // namespace aisp::attacks
