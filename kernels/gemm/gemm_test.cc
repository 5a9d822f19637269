// Every variant against the reference: ragged shapes, misaligned views, row gaps, special values,
// one and two threads, batches; and the blocking of machines that are not this one.
#include "kernels/gemm/gemm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/gemm/variants.h"

namespace aisp::kernels::gemm {
namespace {

constexpr float kPoison = 12345.0f;
constexpr double kUnit = 0x1p-24;

/// Matrices inside larger buffers: offset from alignment, gaps between rows, poison around C.
struct Views {
  Views(const Shape& shape, std::int64_t gap, std::int64_t offset, std::uint64_t seed)
      : shape(shape), offset(offset) {
    strides = {shape.k + gap, shape.n + gap, shape.n + gap};
    a_memory.resize(static_cast<std::size_t>(shape.m * strides.a + offset));
    b_memory.resize(static_cast<std::size_t>(shape.k * strides.b + offset));
    c_memory.assign(static_cast<std::size_t>(shape.m * strides.c + offset + 64), kPoison);
    fill_uniform(a_memory, derive_seed(seed, 1));
    fill_uniform(b_memory, derive_seed(seed, 2));
    // What lies between the rows must not reach C, whatever it is.
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (std::int64_t i = 0; i < shape.m; ++i) {
      for (std::int64_t j = shape.k; j < strides.a; ++j) a()[i * strides.a + j] = nan;
    }
    for (std::int64_t i = 0; i < shape.k; ++i) {
      for (std::int64_t j = shape.n; j < strides.b; ++j) b()[i * strides.b + j] = nan;
    }
  }
  float* a() { return a_memory.data() + offset; }
  float* b() { return b_memory.data() + offset; }
  float* c() { return c_memory.data() + offset; }

  /// "" or what is wrong with C, including what was written outside of it.
  std::string wrong() {
    const auto count = static_cast<std::size_t>(shape.m * shape.n);
    std::vector<double> value(count), scale(count);
    reference(shape, strides, a(), b(), value.data(), scale.data());
    std::vector<float> got(count);
    std::vector<bool> inside(c_memory.size());
    for (std::int64_t i = 0; i < shape.m; ++i) {
      for (std::int64_t j = 0; j < shape.n; ++j) {
        got[static_cast<std::size_t>(i * shape.n + j)] = c()[i * strides.c + j];
        inside[static_cast<std::size_t>(offset + i * strides.c + j)] = true;
      }
    }
    for (std::size_t i = 0; i < c_memory.size(); ++i) {
      if (!inside[i] && c_memory[i] != kPoison) return fmt::format("wrote outside of C at {}", i);
    }
    // dot_bound fails with probability 2 exp(-18) an element. The rms of independent roundings is
    // about sqrt(k) u / 3 of the scale at worst, a tenth of the bound; bf16 inputs would be at 8.
    const Tolerance tolerance{dot_bound(static_cast<double>(shape.k), kUnit), 0x1p-140, 0.15};
    const Comparison result = compare(got.data(), DType::kF32, count, {value, scale}, tolerance);
    return result.ok() ? "" : describe(result);
  }

  Shape shape;
  RowStrides strides;
  std::int64_t offset;
  std::vector<float> a_memory, b_memory, c_memory;
};

/// Runs `use` for every variant that can run here.
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

std::string text(const Shape& s) { return fmt::format("m={} n={} k={}", s.m, s.n, s.k); }

TEST(Gemm, EveryTileHeightAndWidth) {
  for_each_variant([](const Variant& variant) {
    for (std::int64_t m = 1; m <= 2 * variant.tile.rows + 1; ++m) {
      for (const std::int64_t n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 100, 129, 200}) {
        const Shape shape{m, n, 37};
        for (const std::int64_t gap : {0, 5}) {
          Views views(shape, gap, gap, 1);
          GemmPlan plan(shape, {.strides = views.strides, .variant = variant.name});
          plan.run(views.a(), views.b(), views.c());
          EXPECT_EQ(views.wrong(), "") << text(shape) << " gap " << gap;
        }
      }
    }
  });
}

TEST(Gemm, EveryPackingOnOneAndTwoThreads) {
  const std::vector<Shape> shapes = {{1, 1, 1},     {1, 300, 70},  {3, 257, 129},  {16, 96, 33},
                                     {61, 67, 71},  {128, 64, 65}, {97, 193, 300}, {200, 31, 5},
                                     {33, 1000, 2}, {5, 16, 1000}};
  for_each_variant([&](const Variant& variant) {
    for (const Shape& shape : shapes) {
      for (int way = 0; way < 8; ++way) {
        // Small blocks, so that every loop runs more than once.
        const Config config{.threads = (way & 4) != 0 ? 2 : 1,
                            .cell_m = 4 * variant.tile.rows,
                            .cell_n = 5 * variant.tile.columns,
                            .mc = 2 * variant.tile.rows,
                            .kc = 64,
                            .nc = 3 * variant.tile.columns,
                            .pack_a = (way & 1) != 0,
                            .pack_b = (way & 2) != 0};
        Views views(shape, way % 3, way, 2);
        GemmPlan plan(shape, {.strides = views.strides,
                              .threads = config.threads,
                              .variant = variant.name,
                              .config = &config});
        for (int repeat = 0; repeat < 2; ++repeat) {
          plan.run(views.a(), views.b(), views.c());
          EXPECT_EQ(views.wrong(), "") << text(shape) << " way " << way;
        }
      }
    }
  });
}

TEST(Gemm, ChosenBlockingIsRightAtMediumSizes) {
  for_each_variant([](const Variant& variant) {
    for (const Shape& shape : {Shape{257, 255, 513}, Shape{4, 1024, 700}, Shape{320, 512, 256},
                               Shape{128, 64, 128}, Shape{1, 2048, 1025}, Shape{700, 9, 40}}) {
      for (const int threads : {1, 2, 0}) {
        Views views(shape, 0, 0, 3);
        GemmPlan plan(shape, {.threads = threads, .variant = variant.name});
        plan.run(views.a(), views.b(), views.c());
        EXPECT_EQ(views.wrong(), "") << text(shape) << " threads " << threads;
      }
    }
  });
}

TEST(Gemm, EmptyDimensions) {
  for_each_variant([](const Variant& variant) {
    for (const Shape& shape : {Shape{0, 5, 5}, Shape{5, 0, 5}, Shape{5, 5, 0}}) {
      Views views(shape, 1, 1, 4);
      GemmPlan plan(shape, {.strides = views.strides, .threads = 2, .variant = variant.name});
      plan.run(views.a(), views.b(), views.c());
      EXPECT_EQ(views.wrong(), "") << text(shape);
    }
  });
}

TEST(Gemm, NanAndInfinityReachExactlyTheirRowsAndColumns) {
  const float inf = std::numeric_limits<float>::infinity();
  for_each_variant([&](const Variant& variant) {
    for (const bool pack : {false, true}) {
      const Shape shape{31, 45, 67};
      const Config config{.mc = 28, .kc = 40, .nc = 64, .pack_a = pack, .pack_b = pack};
      Views views(shape, 3, 1, 5);
      views.a()[30 * views.strides.a + 66] = std::nanf("");  // last row, last k
      views.a()[13 * views.strides.a + 0] = inf;
      views.b()[66 * views.strides.b + 44] = -inf;  // last column, last k
      GemmPlan plan(shape, {.strides = views.strides, .variant = variant.name, .config = &config});
      plan.run(views.a(), views.b(), views.c());
      EXPECT_EQ(views.wrong(), "") << "packed " << pack;
    }
  });
}

TEST(Gemm, ThreadsDoNotChangeASingleBit) {
  for_each_variant([](const Variant& variant) {
    const Shape shape{211, 333, 600};
    Views one(shape, 0, 0, 6);
    Views three(shape, 0, 0, 6);
    GemmPlan(shape, {.threads = 1, .variant = variant.name}).run(one.a(), one.b(), one.c());
    GemmPlan(shape, {.threads = 3, .variant = variant.name}).run(three.a(), three.b(), three.c());
    EXPECT_EQ(std::memcmp(one.c(), three.c(), sizeof(float) * 211 * 333), 0);
  });
}

TEST(Gemm, BatchesEqualSingleProducts) {
  for_each_variant([](const Variant& variant) {
    const Shape shape{65, 80, 150};
    for (const int threads : {1, 2, 4}) {
      for (const std::int64_t count : {0, 1, 3, 9}) {
        std::vector<float> a(static_cast<std::size_t>(count * shape.m * shape.k));
        std::vector<float> b(static_cast<std::size_t>(count * shape.k * shape.n));
        std::vector<float> want(static_cast<std::size_t>(count * shape.m * shape.n));
        fill_uniform(a, 7);
        fill_uniform(b, 8);
        std::vector<float> strided = want, pointers = want;
        GemmPlan single(shape, {.variant = variant.name});
        std::vector<Operands> list;
        for (std::int64_t i = 0; i < count; ++i) {
          const float* a_i = a.data() + i * shape.m * shape.k;
          const float* b_i = b.data() + i * shape.k * shape.n;
          single.run(a_i, b_i, want.data() + i * shape.m * shape.n);
          list.push_back({a_i, b_i, pointers.data() + i * shape.m * shape.n});
        }
        GemmPlan plan(shape, {.threads = threads, .batch = count, .variant = variant.name});
        plan.run_batch(list);
        plan.run_strided({{a.data(), b.data(), strided.data()},
                          count,
                          shape.m * shape.k,
                          shape.k * shape.n,
                          shape.m * shape.n});
        EXPECT_EQ(pointers, want) << threads << " threads, " << count;
        EXPECT_EQ(strided, want) << threads << " threads, " << count;
      }
    }
  });
}

TEST(Gemm, FirstRowsOnly) {
  for_each_variant([](const Variant& variant) {
    for (const std::int64_t rows : {0, 1, 3, 40, 200, 211}) {
      for (const int threads : {1, 2}) {
        Views views({211, 200, 300}, 0, 0, 9);
        GemmPlan plan({211, 200, 300}, {.threads = threads, .variant = variant.name});
        plan.run_rows(rows, views.a(), views.b(), views.c());
        views.shape.m = rows;
        EXPECT_EQ(views.wrong(), "") << rows;
      }
    }
  });
}

TEST(Gemm, UnknownOrImpossibleVariantIsAnError) {
  EXPECT_THROW(GemmPlan({1, 1, 1}, {.variant = "avx1024"}), Error);
  const machine::Cpu plain;
  EXPECT_THROW(find_variant("avx2", plain), Error);
  EXPECT_EQ(find_variant("", plain).name, "portable");
  EXPECT_NE(variants()[0].why_not(plain), "");
}

machine::Cpu cpu_with(std::size_t l1, std::size_t l2, std::size_t l3, int l3_cores) {
  machine::Cpu cpu;
  cpu.data_caches = {{1, l1, 8, 64, 1}, {2, l2, 8, 64, 1}};
  if (l3 > 0) cpu.data_caches.push_back({3, l3, 16, 64, l3_cores});
  return cpu;
}

TEST(GemmConfig, BlocksFitTheirCaches) {
  const std::vector<machine::Cpu> machines = {cpu_with(32 << 10, 256 << 10, 8 << 20, 4),
                                              cpu_with(48 << 10, 2 << 20, 105 << 20, 56),
                                              cpu_with(32 << 10, 1 << 20, 32 << 20, 8),
                                              cpu_with(64 << 10, 512 << 10, 0, 0), machine::Cpu{}};
  for (const machine::Cpu& cpu : machines) {
    for (const TileSize tile : {TileSize{14, 32}, TileSize{6, 16}, TileSize{6, 8}}) {
      for (const std::int64_t size : {64, 500, 1024, 4096, 30000}) {
        for (const int threads : {1, 2, 64}) {
          const Config config = choose_config({size, size, size}, {}, tile, cpu, threads);
          const auto l2 = cpu.cache_bytes(2) > 0 ? cpu.cache_bytes(2) : 256u << 10;
          EXPECT_LE(static_cast<std::size_t>(config.mc * config.kc * 4), l2);
          EXPECT_GE(config.kc, std::min<std::int64_t>(size, 96));
          EXPECT_TRUE(config.mc % tile.rows == 0 || config.mc == size);
          EXPECT_TRUE(config.nc % tile.columns == 0 || config.nc == size);
          EXPECT_GE(config.threads, 1);
          EXPECT_LE(config.threads, threads);
          if (size >= 1024 && threads <= 2) {
            EXPECT_TRUE(config.pack_a && config.pack_b) << size;
          }
          if (size == 64) {
            EXPECT_FALSE(config.pack_a || config.pack_b);
          }
        }
      }
    }
  }
}

TEST(GemmConfig, CellsCoverCAndKeepEveryThreadBusy) {
  const machine::Cpu cpu = cpu_with(32 << 10, 1 << 20, 32 << 20, 8);
  const TileSize tile{14, 32};
  const auto cells = [](const Shape& shape, const Config& config) {
    return ((shape.m + config.cell_m - 1) / config.cell_m) *
           ((shape.n + config.cell_n - 1) / config.cell_n);
  };
  for (const int threads : {1, 2, 3, 8, 64}) {
    for (const Shape& shape : {Shape{512, 512, 512}, Shape{4096, 4096, 4096}, Shape{16, 4096, 4096},
                               Shape{4096, 64, 4096}}) {
      const Config config = choose_config(shape, {}, tile, cpu, threads);
      EXPECT_GE(cells(shape, config), (config.threads + 1) / 2) << text(shape) << " " << threads;
      EXPECT_GE(4 * config.threads, 3 * threads) << text(shape) << " " << threads;
    }
  }
  // One row has nothing to cut but its columns, and those stay long.
  EXPECT_EQ(choose_config({1, 8192, 1024}, {}, tile, cpu, 8).cell_m, 1);
  EXPECT_EQ(choose_config({1, 8192, 1024}, {}, tile, cpu, 8).threads, 8);
  EXPECT_GE(choose_config({1, 8192, 8192}, {}, tile, cpu, 64).cell_n, 512);
}

TEST(GemmConfig, ThinProductsReadTheirMatrixInPlace) {
  const machine::Cpu cpu = cpu_with(32 << 10, 1 << 20, 32 << 20, 8);
  const TileSize tile{14, 32};
  for (const std::int64_t m : {1, 4, 16}) {
    EXPECT_FALSE(choose_config({m, 4096, 4096}, {}, tile, cpu, 2).pack_b) << m;
  }
  EXPECT_EQ(choose_config({16, 16, 16}, {}, tile, cpu, 8).threads, 1);
  EXPECT_EQ(threads_worth({16, 16, 16}, 12, 8), 1);
  EXPECT_EQ(threads_worth({32, 32, 32}, 384, 8), 8);
  EXPECT_EQ(choose_config({1024, 1024, 1024}, {}, tile, cpu, 8).threads, 8);
}

}  // namespace
}  // namespace aisp::kernels::gemm
