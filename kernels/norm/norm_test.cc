// Every variant, both norms, with and without weight, bias and streaming: lengths around vectors,
// misaligned and strided views in guarded memory, large offsets, special values; and the choice for
// machines that are not this one.
#include "kernels/norm/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"

namespace aisp::kernels::norm {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kPoison = 12345.0f;
constexpr double kUnit = 0x1p-24;

/// Runs `use` for every variant that can run here and both kinds; at least one variant must.
void for_each_variant(const auto& use) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    for (const Kind kind : {Kind::kRms, Kind::kLayer}) {
      SCOPED_TRACE(std::string(variant.name) + (kind == Kind::kRms ? " rms" : " layer"));
      use(variant, kind);
    }
    ++ran;
  }
  EXPECT_GE(ran, 1);
}

/// Rows inside larger buffers: an offset from alignment, gaps between rows, poison around y.
struct Views {
  Views(std::int64_t rows, std::int64_t n, std::int64_t gap, std::int64_t offset, float mean = 0.5f)
      : view{.rows = rows, .n = n, .x_stride = n + gap, .y_stride = n + 2 * gap},
        weight_memory(static_cast<std::size_t>(n + offset)),
        bias_memory(static_cast<std::size_t>(n + offset)) {
    x_memory.assign(static_cast<std::size_t>(rows * view.x_stride + offset),
                    std::numeric_limits<float>::quiet_NaN());  // what must not be read
    y_memory.assign(static_cast<std::size_t>(rows * view.y_stride + offset + 32), kPoison);
    view.x = x_memory.data() + offset;
    view.y = y_memory.data() + offset;
    fill_normal(weight_memory, 5);
    fill_normal(bias_memory, 6);
    view.weight = weight_memory.data() + offset;
    view.bias = bias_memory.data() + offset;
    std::vector<float> values(static_cast<std::size_t>(rows * n));
    fill_normal(values, static_cast<std::uint64_t>(n + offset), 2.0f);
    for (std::int64_t i = 0; i < rows * n; ++i) {
      at(i / n, i % n) = values[static_cast<std::size_t>(i)] + mean;
    }
  }
  float& at(std::int64_t r, std::int64_t i) {
    return x_memory[static_cast<std::size_t>(view.x - x_memory.data() + r * view.x_stride + i)];
  }

  /// "" or what is wrong with y, including what was written outside of it.
  std::string wrong(Kind kind) const {
    const auto count = static_cast<std::size_t>(view.rows * view.n);
    std::vector<double> value(count), scale(count);
    reference(kind, view, value, scale);
    std::vector<float> got(count);
    std::vector<float> rest = y_memory;
    for (std::int64_t i = 0; i < view.rows * view.n; ++i) {
      const float* y = view.y + i / view.n * view.y_stride + i % view.n;
      got[static_cast<std::size_t>(i)] = *y;
      rest[static_cast<std::size_t>(y - y_memory.data())] = kPoison;
    }
    for (const float one : rest) {
      if (one != kPoison) return "wrote outside of y";
    }
    // The contract's bound, and twice the smallest normal number for what is denormal. bf16
    // inputs would show an rms of 2^15 / (9 sqrt(n)).
    const Tolerance tolerance{kUnit, 0x1p-125, 0.3};
    const Comparison result = compare(got.data(), DType::kF32, count, {value, scale}, tolerance);
    return result.ok() ? "" : describe(result);
  }

  Rows view;
  std::vector<float> x_memory, y_memory, weight_memory, bias_memory;
};

TEST(Norm, EveryLengthAlignmentAndConfiguration) {
  for_each_variant([](const Variant& variant, Kind kind) {
    for (std::int64_t n = 0; n < 70; ++n) {
      for (const std::int64_t offset : {0, 1, 7, 15}) {
        for (const bool stream : {false, true}) {
          for (const int parameters : {0, 1, 2, 3}) {
            Views views(3, n, offset % 4, offset);
            if ((parameters & 1) == 0) views.view.weight = nullptr;
            if ((parameters & 2) == 0) views.view.bias = nullptr;
            variant.run(kind, views.view, {.stream = stream});
            ASSERT_EQ(views.wrong(kind), "") << n << " offset " << offset << " " << parameters;
          }
        }
      }
    }
  });
}

TEST(Norm, RealWidths) {
  for_each_variant([](const Variant& variant, Kind kind) {
    for (const std::int64_t n : {768, 4096, 5119, 16385}) {
      for (const bool stream : {false, true}) {
        Views views(3, n, 3, 1);
        variant.run(kind, views.view, {.stream = stream});
        ASSERT_EQ(views.wrong(kind), "") << n;
      }
    }
  });
}

/// A mean 10,000 times the deviation: squares of x would lose all digits of the variance, and a
/// mean that is not corrected half of those of the result.
TEST(Norm, ALargeCommonOffsetCostsNothing) {
  for_each_variant([](const Variant& variant, Kind kind) {
    Views views(4, 1000, 0, 0, 20000.0f);
    variant.run(kind, views.view, {});
    EXPECT_EQ(views.wrong(kind), "");
  });
}

TEST(Norm, NanAndInfinitySpoilTheirRowAlone) {
  for_each_variant([](const Variant& variant, Kind kind) {
    for (const std::int64_t at : {0, 40, 99}) {
      Views views(4, 100, 1, 3);
      views.at(1, at) = std::nanf("");
      variant.run(kind, views.view, {});
      EXPECT_EQ(views.wrong(kind), "") << at;  // NaN matches only NaN
      views.at(1, at) = 1.0f;
      views.at(2, at) = -kInf;
      variant.run(kind, views.view, {});
      EXPECT_TRUE(std::isnan(views.view.y[2 * views.view.y_stride + at]));
      views.at(2, at) = 1.0f;
      variant.run(kind, views.view, {});
      EXPECT_EQ(views.wrong(kind), "") << at;
    }
  });
}

TEST(Norm, ConstantZeroAndDenormalRows) {
  for_each_variant([](const Variant& variant, Kind kind) {
    Views views(4, 333, 0, 0);
    for (std::int64_t i = 0; i < 333; ++i) {
      views.at(0, i) = 0.0f;
      views.at(1, i) = 3.14159f;
      views.at(2, i) = 1e-41f * static_cast<float>(i);
      views.at(3, i) = i % 2 == 0 ? -0.0f : 1e-20f;
    }
    variant.run(kind, views.view, {});
    EXPECT_EQ(views.wrong(kind), "");
  });
}

TEST(Norm, InPlaceAndOnAnyNumberOfThreadsTheSameBits) {
  for_each_variant([](const Variant& variant, Kind kind) {
    Views views(5, 1500, 0, 0), in_place(5, 1500, 0, 0);
    in_place.view.y = in_place.x_memory.data();
    in_place.view.y_stride = in_place.view.x_stride;
    variant.run(kind, views.view, {});
    variant.run(kind, in_place.view, {});
    EXPECT_EQ(std::memcmp(views.view.y, in_place.view.y, 5 * 1500 * sizeof(float)), 0);
  });
  for (const Kind kind : {Kind::kRms, Kind::kLayer}) {
    Views alone(101, 200, 3, 1), shared(101, 200, 3, 1);
    machine::ThreadPool pool(3);
    normalize(kind, alone.view);
    normalize(kind, shared.view, &pool);
    EXPECT_EQ(alone.wrong(kind), "");
    EXPECT_EQ(alone.y_memory, shared.y_memory);
  }
}

TEST(Norm, StreamedRowsDoNotDependOnTheRowsBefore) {
  for_each_variant([](const Variant& variant, Kind kind) {
    Views whole(6, 300, 0, 3), part(6, 300, 0, 3);  // outputs off any vector's alignment
    variant.run(kind, whole.view, {.stream = true});
    part.view.x += 2 * part.view.x_stride;
    part.view.y += 2 * part.view.y_stride;
    part.view.rows = 4;
    variant.run(kind, part.view, {.stream = true});
    for (std::int64_t row = 0; row < 4; ++row) {
      const float* expected = whole.view.y + (row + 2) * whole.view.y_stride;
      EXPECT_EQ(std::memcmp(part.view.y + row * part.view.y_stride, expected, 300 * sizeof(float)),
                0)
          << row;
    }
  });
}

TEST(Norm, StreamsOnlyBeyondTheCaches) {
  machine::Cpu cpu;
  cpu.data_caches = {{1, 32u << 10, 8, 64, 1}, {2, 1u << 20, 8, 64, 1}, {3, 32u << 20, 16, 64, 8}};
  EXPECT_FALSE(choose_config(4096, 1024, cpu).stream);  // exactly 32 MiB
  EXPECT_TRUE(choose_config(4097, 1024, cpu).stream);
  cpu.data_caches.pop_back();
  EXPECT_TRUE(choose_config(4096, 1024, cpu).stream);
}

TEST(Norm, VariantsSayWhyNot) {
  const machine::Cpu bare;
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
  EXPECT_EQ(variants()[1].why_not(bare), "needs AVX2");
  EXPECT_EQ(choose_variant(bare).name, "portable");
}

}  // namespace
}  // namespace aisp::kernels::norm
