// Both pairings against the formula in double, every variant with the same bits, and what a
// rotation must keep.
#include "kernels/rope/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"

namespace aisp::kernels::rope {
namespace {

std::vector<double> frequencies(std::int64_t pairs, double base) {
  std::vector<double> table;
  for (std::int64_t i = 0; i < pairs; ++i) {
    table.push_back(std::pow(base, -static_cast<double>(i) / static_cast<double>(pairs)));
  }
  return table;
}

TEST(Rope, EveryVariantPairingAndSize) {
  const std::vector<std::int32_t> positions = {0, 1, 17, 4095, 1000003};
  for (const std::int64_t size : {2, 6, 64, 80, 128}) {
    for (const std::int64_t pairs : {size / 2, size / 4}) {
      const std::vector<double> table = frequencies(pairs, 5e5);
      Angles angles;
      make_angles(table, positions, 1.25, angles);
      std::vector<float> x(5 * (3 * static_cast<std::size_t>(size) + 1));
      fill_normal(x, 1);
      for (const Pairing pairing : {Pairing::kInterleaved, Pairing::kHalves}) {
        const std::int64_t stride = 3 * size + 1;
        for (const Variant& variant : variants()) {
          if (!variant.can_run(machine::cpu())) continue;
          std::vector<float> y = x;
          variant.rotate({y.data(), 5, 3, size, stride}, pairing, angles.cosine.data(),
                         angles.sine.data(), pairs);
          for (std::int64_t i = 0; i < 5 * stride; ++i) {
            const std::int64_t row = i / stride, d = i % stride % size;
            const std::int64_t head = i - d;
            const auto at = [&](std::int64_t j) { return static_cast<std::size_t>(j); };
            if (i % stride == 3 * size || d >= 2 * pairs) {
              EXPECT_EQ(y[at(i)], x[at(i)]);
              continue;
            }
            const bool halves = pairing == Pairing::kHalves;
            const std::int64_t pair = halves ? d % pairs : d / 2;
            const bool first = halves ? d < pairs : d % 2 == 0;
            const double a = x[at(head + (halves ? pair : 2 * pair))];
            const double b = x[at(head + (halves ? pair + pairs : 2 * pair + 1))];
            const double angle = positions[at(row)] * table[at(pair)];
            const double c = 1.25 * std::cos(angle), s = 1.25 * std::sin(angle);
            const double want = first ? a * c - b * s : b * c + a * s;
            const double terms =
                std::fabs(first ? a * c : b * c) + std::fabs(first ? b * s : a * s);
            // A product of the contract, and as much for the rounding of its cosine or sine.
            EXPECT_LE(std::fabs(y[at(i)] - want), 0x1p-24 * (2.001 * terms + std::fabs(want)))
                << variant.name << " size " << size << " at " << i;
          }
        }
      }
    }
  }
}

TEST(Rope, SameBitsOnEveryVariantAndThreads) {
  std::vector<std::int32_t> positions;
  for (std::int32_t i = 0; i < 40; ++i) positions.push_back(i * 31);
  Angles angles;
  make_angles(frequencies(32, 1e4), positions, 1.0, angles);
  std::vector<float> x(40 * 16 * 64);
  fill_normal(x, 2);
  machine::ThreadPool pool(3);
  for (const Pairing pairing : {Pairing::kInterleaved, Pairing::kHalves}) {
    std::vector<float> want = x;
    rotate({.x = want.data(), .rows = 40, .heads = 16, .head_size = 64}, pairing, angles);
    std::vector<float> shared = x;
    rotate({.x = shared.data(), .rows = 40, .heads = 16, .head_size = 64}, pairing, angles, &pool);
    EXPECT_EQ(shared, want);
    for (const Variant& variant : variants()) {
      if (!variant.can_run(machine::cpu())) continue;
      std::vector<float> y = x;
      variant.rotate({y.data(), 40, 16, 64, 16 * 64}, pairing, angles.cosine.data(),
                     angles.sine.data(), 32);
      EXPECT_EQ(y, want) << variant.name;
    }
  }
}

// What the embedding is for: a product of two turned vectors depends on their distance alone.
TEST(Rope, ScoresDependOnTheDistance) {
  std::vector<float> q(64), k(64);
  fill_normal(q, 3);
  fill_normal(k, 4);
  const auto score = [&](std::int32_t at_q, std::int32_t at_k) {
    std::vector<float> turned_q = q, turned_k = k;
    Angles angles;
    const std::vector<std::int32_t> position_q = {at_q}, position_k = {at_k};
    make_angles(frequencies(32, 1e4), position_q, 1.0, angles);
    rotate({.x = turned_q.data(), .rows = 1, .heads = 1, .head_size = 64}, Pairing::kHalves,
           angles);
    make_angles(frequencies(32, 1e4), position_k, 1.0, angles);
    rotate({.x = turned_k.data(), .rows = 1, .heads = 1, .head_size = 64}, Pairing::kHalves,
           angles);
    double sum = 0.0;
    for (std::size_t i = 0; i < 64; ++i) sum += static_cast<double>(turned_q[i]) * turned_k[i];
    return sum;
  };
  EXPECT_NEAR(score(10, 3), score(100010, 100003), 1e-5);
  EXPECT_GT(std::fabs(score(10, 3) - score(10, 4)), 1e-2);
}

}  // namespace
}  // namespace aisp::kernels::rope
