// Every variant, with and without streaming and short blocks: lengths around vectors and blocks,
// misaligned and strided views in guarded memory, masks, special values; and the choice for
// machines that are not this one.
#include "kernels/softmax/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"

namespace aisp::kernels::softmax {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kPoison = 12345.0f;
constexpr double kUnit = 0x1p-24;

/// Runs `use` for every variant that can run here; at least one must.
void for_each_variant(const auto& use) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    SCOPED_TRACE(std::string(variant.name));
    use(variant);
    ++ran;
  }
  EXPECT_GE(ran, 1);
}

/// Rows inside larger buffers: an offset from alignment, gaps between rows, poison around y.
struct Views {
  Views(std::int64_t rows, std::int64_t n, std::int64_t gap, std::int64_t offset)
      : view{.rows = rows, .n = n, .x_stride = n + gap, .y_stride = n + 2 * gap} {
    x_memory.assign(static_cast<std::size_t>(rows * view.x_stride + offset),
                    std::numeric_limits<float>::quiet_NaN());  // what must not be read
    y_memory.assign(static_cast<std::size_t>(rows * view.y_stride + offset + 32), kPoison);
    view.x = x_memory.data() + offset;
    view.y = y_memory.data() + offset;
    std::vector<float> values(static_cast<std::size_t>(rows * n));
    fill_normal(values, static_cast<std::uint64_t>(n + offset), 4.0f);
    for (std::int64_t i = 0; i < rows * n; ++i) at(i / n, i % n) = values[static_cast<size_t>(i)];
  }
  float& at(std::int64_t r, std::int64_t i) {
    return x_memory[static_cast<std::size_t>(view.x - x_memory.data() + r * view.x_stride + i)];
  }

  /// "" or what is wrong with y, including what was written outside of it.
  std::string wrong() const {
    const auto count = static_cast<std::size_t>(view.rows * view.n);
    std::vector<double> value(count), scale(count);
    reference(view, value, scale);
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
    // The contract's bound; below the smallest normal numbers results may be flushed. bf16 inputs
    // would show an rms of 50 and more.
    const Tolerance tolerance{kUnit, 2.0 * std::numeric_limits<float>::min(),
                              0.15 + 0.5 / std::sqrt(static_cast<double>(count + 1))};
    const Comparison result = compare(got.data(), DType::kF32, count, {value, scale}, tolerance);
    return result.ok() ? "" : describe(result);
  }

  Rows view;
  std::vector<float> x_memory, y_memory;
};

TEST(Softmax, EveryLengthAlignmentAndConfiguration) {
  for_each_variant([](const Variant& variant) {
    for (std::int64_t n = 0; n < 70; ++n) {
      for (const std::int64_t offset : {0, 1, 7, 15}) {
        for (const Config& config : {Config{1024}, Config{16}, Config{5, true}, Config{64, true}}) {
          Views views(3, n, offset % 4, offset);
          variant.run(views.view, config);
          ASSERT_EQ(views.wrong(), "") << n << " offset " << offset << " block " << config.block;
        }
      }
    }
  });
}

TEST(Softmax, LongRowsInManyBlocks) {
  for_each_variant([](const Variant& variant) {
    for (const std::int64_t n : {1023, 1024, 1025, 2049, 8192, 100003}) {
      Views views(2, n, 3, 1);
      Config config = choose_config(2, n, machine::cpu());
      variant.run(views.view, config);
      ASSERT_EQ(views.wrong(), "") << n;
      config.stream = n <= kMaxStreamed;
      variant.run(views.view, config);
      ASSERT_EQ(views.wrong(), "") << n;
      variant.run(views.view, {.block = (n + kMaxBlocks - 1) / kMaxBlocks});
      ASSERT_EQ(views.wrong(), "") << n;
    }
  });
}

TEST(Softmax, MasksAreExactlyZeroWhereverTheyLie) {
  for_each_variant([](const Variant& variant) {
    for (const auto& [begin, end] : {std::pair{0, 1500}, {1000, 3000}, {0, 2999}, {1, 3000}}) {
      for (const bool stream : {false, true}) {
        Views views(1, 3000, 0, 1);
        for (int i = begin; i < end; ++i) views.at(0, i) = -kInf;
        variant.run(views.view, {.block = 1024, .stream = stream});
        EXPECT_EQ(views.wrong(), "") << begin;
        for (int i = begin; i < end; ++i) ASSERT_EQ(views.view.y[i], 0.0f) << i;
      }
    }
  });
}

TEST(Softmax, NanInfinityAndEmptyRowsSpoilTheirRowAlone) {
  for_each_variant([](const Variant& variant) {
    for (const std::int64_t at : {0, 40, 1030, 2499}) {
      Views views(4, 2500, 1, 0);
      views.at(1, at) = std::nanf("");
      views.at(2, at) = kInf;
      for (std::int64_t i = 0; i < 2500; ++i) views.at(3, i) = -kInf;
      variant.run(views.view, {.block = 1024});
      EXPECT_EQ(views.wrong(), "") << at;  // NaN matches only NaN
      for (std::int64_t r = 1; r < 4; ++r) {
        for (std::int64_t i = 0; i < 2500; ++i) {
          ASSERT_TRUE(std::isnan(views.view.y[r * views.view.y_stride + i])) << r << " " << i;
        }
      }
    }
  });
}

TEST(Softmax, ExtremeAndDenormalInputs) {
  for_each_variant([](const Variant& variant) {
    Views views(4, 300, 0, 0);
    for (std::int64_t i = 0; i < 300; ++i) {
      views.at(0, i) = i % 2 == 0 ? 3e38f : -3e38f;
      views.at(1, i) = 1e-42f * static_cast<float>(i);
      views.at(2, i) = -static_cast<float>(i) / 2.0f;  // down to where results are flushed
      views.at(3, i) = i == 17 ? 1e4f : -1.0f;
    }
    variant.run(views.view, {.block = 64});
    EXPECT_EQ(views.wrong(), "");
  });
}

TEST(Softmax, InPlaceAndOnAnyNumberOfThreadsTheSameBits) {
  for_each_variant([](const Variant& variant) {
    Views views(5, 1500, 0, 0), in_place(5, 1500, 0, 0);
    in_place.view.y = in_place.x_memory.data();
    in_place.view.y_stride = in_place.view.x_stride;
    variant.run(views.view, {.block = 1024});
    variant.run(in_place.view, {.block = 1024});
    EXPECT_EQ(std::memcmp(views.view.y, in_place.view.y, 5 * 1500 * sizeof(float)), 0);
  });
  Views alone(101, 200, 3, 1), shared(101, 200, 3, 1);
  machine::ThreadPool pool(3);
  softmax(alone.view);
  softmax(shared.view, &pool);
  EXPECT_EQ(alone.wrong(), "");
  EXPECT_EQ(alone.y_memory, shared.y_memory);
}

TEST(Softmax, ChoosesBlocksThatFitAndStreamsOnlyBeyondTheCaches) {
  machine::Cpu cpu;
  cpu.data_caches = {{1, 32u << 10, 8, 64, 1}, {2, 1u << 20, 8, 64, 1}, {3, 32u << 20, 16, 64, 8}};
  for (const std::int64_t n : {1, 1024, 128256, 524288, 524289, 100'000'000}) {
    const Config config = choose_config(1, n, cpu);
    EXPECT_LE((n + config.block - 1) / config.block, kMaxBlocks) << n;
    EXPECT_TRUE(!config.stream || n <= kMaxStreamed) << n;
  }
  EXPECT_FALSE(choose_config(4096, 1024, cpu).stream);  // exactly 32 MiB
  EXPECT_TRUE(choose_config(4097, 1024, cpu).stream);
  EXPECT_FALSE(choose_config(100000, kMaxStreamed + 1, cpu).stream);
}

TEST(Softmax, VariantsSayWhyNot) {
  const machine::Cpu bare;
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
  EXPECT_EQ(variants()[1].why_not(bare), "needs AVX2");
  EXPECT_EQ(choose_variant(bare).name, "portable");
}

}  // namespace
}  // namespace aisp::kernels::softmax
