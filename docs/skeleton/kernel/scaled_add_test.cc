// Every variant x lengths x alignments x special values against the reference, and the choice for
// machines that are not this one.
#include "docs/skeleton/kernel/scaled_add.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"

namespace aisp::skeleton::kernel {
namespace {

constexpr float kAlpha = 1.7f;
constexpr float kPoison = 12345.0f;
constexpr float kInf = std::numeric_limits<float>::infinity();

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

TEST(ScaledAdd, EveryLengthAndAlignment) {
  for_each_variant([](const Variant& variant) {
    for (const bool stream : {false, true}) {
      for (std::size_t n = 0; n < 70; ++n) {
        for (std::size_t offset = 0; offset < 17; ++offset) {
          std::vector<float> x(n), y(n), memory(n + offset + 16, kPoison);
          fill_uniform(x, derive_seed(n, 1), -1.0f, 1.0f);
          fill_uniform(y, derive_seed(n, 2), -1.0f, 1.0f);
          const Arrays arrays{x, y, {memory.data() + offset, n}};
          variant.run(kAlpha, arrays, {.stream = stream});
          std::vector<double> value(n), scale(n);
          reference(kAlpha, arrays, value, scale);
          // Two roundings at most. bf16 data would be 2^15 times beyond this.
          const Comparison result =
              compare(arrays.out.data(), DType::kF32, n, {value, scale}, {.relative = 0x1p-23});
          ASSERT_TRUE(result.ok()) << describe(result) << " n " << n << " offset " << offset;
          for (std::size_t i = 0; i < memory.size(); ++i) {
            ASSERT_TRUE((i >= offset && i < offset + n) || memory[i] == kPoison) << i;
          }
        }
      }
    }
  });
}

TEST(ScaledAdd, InPlaceAndSpecialValues) {
  for_each_variant([](const Variant& variant) {
    std::vector<float> x(37, 1.0f);
    std::vector<float> y(37, 2.0f);
    y[5] = kInf;
    y[36] = std::numeric_limits<float>::quiet_NaN();
    variant.run(0.5f, {x, y, x}, {});
    EXPECT_EQ(x[0], 2.0f);
    EXPECT_EQ(x[5], kInf);
    EXPECT_TRUE(std::isnan(x[36]));
  });
}

TEST(ScaledAdd, StreamsOnlyBeyondTheLastCache) {
  machine::Cpu cpu;
  cpu.data_caches = {{.level = 1, .size_bytes = 32u << 10},
                     {.level = 2, .size_bytes = 1u << 20},
                     {.level = 3, .size_bytes = 12u << 20}};
  EXPECT_FALSE(choose_config(1 << 20, cpu).stream);
  EXPECT_TRUE(choose_config((1 << 20) + 1, cpu).stream);
  cpu.data_caches.pop_back();  // no third level
  EXPECT_TRUE(choose_config(1 << 20, cpu).stream);
}

TEST(ScaledAdd, VariantsSayWhyNot) {
  const machine::Cpu bare;
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
  EXPECT_EQ(variants()[1].why_not(bare), "needs AVX2");
  EXPECT_EQ(variants()[2].why_not(bare), "");
}

TEST(ScaledAdd, TheChoiceIsRightHere) {
  std::vector<float> x(100, 1.0f), y(100, 2.0f), out(100);
  scaled_add(0.25f, {x, y, out});
  EXPECT_EQ(out, std::vector<float>(100, 1.5f));
}

}  // namespace
}  // namespace aisp::skeleton::kernel
