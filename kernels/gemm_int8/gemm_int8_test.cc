// Every variant against the formula in 64-bit integers, element by element: ragged shapes,
// misaligned views, row gaps, the extreme values that saturate or overflow in narrower sums,
// several passes, threads, packed and plain B, and the scaled output.
#include "kernels/gemm_int8/gemm_int8.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "kernels/gemm_int8/variants.h"

namespace aisp::kernels::gemm_int8 {
namespace {

constexpr std::int32_t kPoison = 0x5ca1ab1e;

/// How the elements are chosen. kExtreme: only the ends of the ranges. kWorst: the largest
/// products, all of one sign. kLargestPositive: the other end.
enum class Fill { kRandom, kExtreme, kWorst, kLargestPositive };

/// Matrices inside larger buffers: offset from alignment, gaps between rows, poison around C.
struct Views {
  Views(const Shape& shape, AType type, std::int64_t gap, std::int64_t offset, Fill fill,
        std::uint64_t seed = 1)
      : shape(shape), type(type), offset(offset) {
    strides = {shape.k + gap, shape.n + gap, shape.n + gap};
    Rng rng(seed);
    const bool is_unsigned = type == AType::kU8;
    // Everything, the gaps too: what lies between the rows must not reach C.
    a_memory.resize(static_cast<std::size_t>(shape.m * strides.a + offset));
    b_memory.resize(static_cast<std::size_t>(shape.k * strides.b + offset));
    c_memory.assign(static_cast<std::size_t>(shape.m * strides.c + offset + 64), kPoison);
    for (auto& x : a_memory) {
      const std::uint64_t random = rng.next() >> 32;
      const std::uint8_t low = is_unsigned ? 0 : 0x80, high = is_unsigned ? 0xff : 0x7f;
      x = static_cast<std::uint8_t>(random);
      if (fill == Fill::kExtreme) x = random % 2 == 0 ? low : high;
      if (fill == Fill::kWorst || fill == Fill::kLargestPositive) x = is_unsigned ? high : low;
    }
    for (auto& x : b_memory) {
      const std::uint64_t random = rng.next() >> 32;
      x = static_cast<std::int8_t>(random);
      if (fill == Fill::kExtreme) x = random % 2 == 0 ? -128 : 127;
      if (fill == Fill::kWorst) x = -128;
      if (fill == Fill::kLargestPositive) x = 127;
    }
  }
  const std::uint8_t* a() const { return a_memory.data() + offset; }
  const std::int8_t* a_signed() const { return reinterpret_cast<const std::int8_t*>(a()); }
  const std::int8_t* b() const { return b_memory.data() + offset; }
  std::int32_t* c() { return c_memory.data() + offset; }
  Operands operands() const {
    if (type == AType::kU8) return {.a_u8 = a(), .b = b()};
    return {.a_s8 = a_signed(), .b = b()};
  }
  Operands operands(const PackedB& packed) const {
    Operands at = operands();
    at.b = nullptr;
    at.packed_b = &packed;
    return at;
  }
  std::vector<std::int64_t> sums() const {
    std::vector<std::int64_t> want(static_cast<std::size_t>(shape.m * shape.n));
    if (type == AType::kU8) {
      reference(shape, strides, a(), b(), want.data());
    } else {
      reference(shape, strides, a_signed(), b(), want.data());
    }
    return want;
  }

  /// "" or the first element of C that is wrong, or that was written outside of C.
  std::string wrong() {
    const std::vector<std::int64_t> want = sums();
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(c_memory.size()); ++i) {
      const std::int64_t row = (i - offset) / strides.c, column = (i - offset) % strides.c;
      const std::int32_t got = c_memory[static_cast<std::size_t>(i)];
      if (i < offset || row >= shape.m || column >= shape.n) {
        if (got != kPoison) return fmt::format("wrote outside of C at {}", i);
        continue;
      }
      const std::int64_t right = want[static_cast<std::size_t>(row * shape.n + column)];
      if (got != right) return fmt::format("[{}, {}]: got {}, want {}", row, column, got, right);
    }
    return "";
  }

  Shape shape;
  AType type;
  std::int64_t offset;
  RowStrides strides;
  std::vector<std::uint8_t> a_memory;
  std::vector<std::int8_t> b_memory;
  std::vector<std::int32_t> c_memory;
};

std::string text(const Shape& s) { return fmt::format("m={} n={} k={}", s.m, s.n, s.k); }

/// Runs `use(variant, type)` for every variant that can run here and both types of A.
void for_each_variant(const auto& use) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    for (const AType type : {AType::kU8, AType::kS8}) {
      SCOPED_TRACE(std::string(variant.name) + (type == AType::kU8 ? " u8" : " s8"));
      use(variant, type);
      ++ran;
    }
  }
  EXPECT_GE(ran, 2);
}

TEST(GemmInt8, EveryTileHeightAndWidth) {
  for_each_variant([](const Variant& variant, AType type) {
    for (std::int64_t m = 1; m <= 2 * variant.tile.rows + 1; ++m) {
      for (const std::int64_t n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 65, 129, 300}) {
        const Shape shape{m, n, 21 + m % 5};
        const std::int64_t gap = m % 2 == 0 ? 0 : 5;
        Views views(shape, type, gap, gap, Fill::kRandom);
        GemmPlan plan(shape, {.strides = views.strides, .a_type = type, .variant = variant.name});
        plan.run(views.operands(), views.c());
        EXPECT_EQ(views.wrong(), "") << text(shape);
      }
    }
  });
}

TEST(GemmInt8, EveryLengthOfTheLastWord) {
  for_each_variant([](const Variant& variant, AType type) {
    for (std::int64_t k = 1; k <= 40; ++k) {
      const Shape shape{9, 37, k};
      Views views(shape, type, k % 3, k % 4, Fill::kExtreme);
      GemmPlan plan(shape, {.strides = views.strides, .a_type = type, .variant = variant.name});
      plan.run(views.operands(), views.c());
      EXPECT_EQ(views.wrong(), "") << text(shape);
    }
  });
}

TEST(GemmInt8, ExtremeValuesAreExact) {
  // 66,000 products of 255 * -128 come within 0.4 % of the end of 32 bits; saturating pairs, f32
  // sums that grow beyond 2^24 and offsets applied in the wrong place all show.
  for_each_variant([](const Variant& variant, AType type) {
    for (const Fill fill : {Fill::kExtreme, Fill::kWorst, Fill::kLargestPositive}) {
      for (const Shape& shape : {Shape{3, 5, 65793}, Shape{15, 40, 513}, Shape{7, 64, 2051}}) {
        Views views(shape, type, 0, 0, fill);
        GemmPlan plan(shape, {.a_type = type, .variant = variant.name});
        plan.run(views.operands(), views.c());
        EXPECT_EQ(views.wrong(), "") << text(shape) << " fill " << static_cast<int>(fill);
      }
    }
  });
}

TEST(GemmInt8, EveryBlockingPackedAndPlainOnOneAndThreeThreads) {
  const std::vector<Shape> shapes = {
      {61, 67, 71}, {97, 193, 300}, {200, 31, 5}, {33, 1000, 50}, {5, 16, 1000}};
  for_each_variant([&](const Variant& variant, AType type) {
    const gemm::TileSize tile = variant.tile;
    for (const Shape& shape : shapes) {
      for (const int threads : {1, 3}) {
        const gemm::Config config{.threads = threads,
                                  .cell_m = threads == 1 ? 0 : 40,
                                  .cell_n = threads == 1 ? 0 : 2 * tile.columns,
                                  .mc = 2 * tile.rows,
                                  .kc = 0,
                                  .nc = 3 * tile.columns};
        Views views(shape, type, 3, 1, Fill::kRandom);
        GemmPlan plan(shape, {.strides = views.strides,
                              .a_type = type,
                              .threads = threads,
                              .variant = variant.name,
                              .kc = 16,
                              .config = &config});
        plan.run(views.operands(), views.c());
        EXPECT_EQ(views.wrong(), "") << text(shape) << " plain, threads " << threads;
        PackedB packed(shape.k, shape.n, {.a_type = type, .variant = variant.name, .kc = 8});
        packed.pack(views.b(), views.strides.b);
        std::fill(views.c_memory.begin(), views.c_memory.end(), kPoison);
        plan.run(views.operands(packed), views.c());
        EXPECT_EQ(views.wrong(), "") << text(shape) << " packed, threads " << threads;
      }
    }
  });
}

TEST(GemmInt8, ChosenBlockingOnASharedPool) {
  machine::ThreadPool pool(2);
  for_each_variant([&](const Variant& variant, AType type) {
    for (const Shape& shape : {Shape{130, 300, 2100}, Shape{1, 1500, 900}, Shape{513, 90, 300}}) {
      Views views(shape, type, 0, 0, Fill::kRandom);
      GemmPlan plan(shape, {.a_type = type, .threads = 0, .variant = variant.name, .pool = &pool});
      plan.run(views.operands(), views.c());
      EXPECT_EQ(views.wrong(), "") << text(shape);
    }
  });
}

TEST(GemmInt8, ScaledOutputIsTheFormula) {
  for_each_variant([](const Variant& variant, AType type) {
    for (const Shape& shape : {Shape{19, 77, 130}, Shape{3, 33, 0}, Shape{40, 64, 4}}) {
      Views views(shape, type, 2, 3, Fill::kRandom);
      std::vector<float> rows(static_cast<std::size_t>(shape.m));
      std::vector<float> columns(static_cast<std::size_t>(shape.n)), bias(columns.size());
      fill_uniform(rows, 1, 0.001f, 0.01f);
      fill_uniform(columns, 2, 0.001f, 0.01f);
      fill_uniform(bias, 3);
      std::vector<float> c(views.c_memory.size(), -7.0f);
      GemmPlan plan(shape,
                    {.strides = views.strides, .a_type = type, .variant = variant.name, .kc = 5});
      const std::vector<std::int64_t> sums = views.sums();
      for (const bool all : {true, false}) {
        const Scales scales = all ? Scales{rows.data(), columns.data(), bias.data()} : Scales{};
        plan.run_scaled(views.operands(), scales, c.data() + 3);
        for (std::int64_t i = 0; i < shape.m; ++i) {
          for (std::int64_t j = 0; j < shape.n; ++j) {
            const auto at_i = static_cast<std::size_t>(i), at_j = static_cast<std::size_t>(j);
            const auto sum = static_cast<float>(sums[static_cast<std::size_t>(i * shape.n + j)]);
            const float want = all ? sum * rows[at_i] * columns[at_j] + bias[at_j] : sum;
            ASSERT_EQ(c[static_cast<std::size_t>(i * views.strides.c + j + 3)], want)
                << text(shape) << " at " << i << ", " << j;
          }
        }
        EXPECT_EQ(c[0], -7.0f);
        EXPECT_EQ(c[static_cast<std::size_t>((shape.m - 1) * views.strides.c + shape.n + 3)],
                  -7.0f);
      }
    }
  });
}

TEST(GemmInt8, EmptyDimensions) {
  for_each_variant([](const Variant& variant, AType type) {
    for (const Shape& shape : {Shape{0, 5, 5}, Shape{5, 0, 5}, Shape{5, 5, 0}}) {
      Views views(shape, type, 1, 1, Fill::kRandom);
      GemmPlan plan(shape, {.strides = views.strides, .a_type = type, .variant = variant.name});
      plan.run(views.operands(), views.c());
      EXPECT_EQ(views.wrong(), "") << text(shape);
    }
  });
}

TEST(GemmInt8, UnknownOrImpossibleVariantIsAnError) {
  EXPECT_THROW(GemmPlan({1, 1, 1}, {.variant = "avx1024"}), Error);
  EXPECT_THROW(PackedB(1, 1, {.variant = "avx1024"}), Error);
  const machine::Cpu plain;
  EXPECT_THROW(find_variant("avx2", plain), Error);
  EXPECT_EQ(find_variant("", plain).name, "portable");
  machine::Cpu alder_lake;
  alder_lake.avx2 = alder_lake.avx_vnni = true;
  EXPECT_EQ(find_variant("", alder_lake).name, "avx_vnni");
  machine::Cpu skylake_x;
  skylake_x.avx2 = skylake_x.avx512 = true;
  EXPECT_EQ(find_variant("", skylake_x).name, "avx512");
}

TEST(GemmInt8, PackedWeightsTakeOneByteEach) {
  if (!machine::cpu().avx512_vnni) GTEST_SKIP() << "needs AVX-512 VNNI";
  const PackedB packed(4096, 4096);
  EXPECT_LT(static_cast<double>(packed.bytes()), 1.01 * 4096 * 4096);
}

}  // namespace
}  // namespace aisp::kernels::gemm_int8
