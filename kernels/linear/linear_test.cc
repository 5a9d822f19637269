// Every variant and type against the product in double of weights that this file dequantizes by
// itself, element by element; and what the engine stands on: a row's bits depend on nothing else.
#include "kernels/linear/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/linear/layout.h"
#include "kernels/linear/variants.h"

namespace aisp::kernels::linear {
namespace {

constexpr Type kTypes[] = {Type::kF32,  Type::kF16,  Type::kBF16, Type::kQ8_0,
                           Type::kQ4_0, Type::kQ4_K, Type::kQ6_K};

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

float half(const std::uint8_t* bytes) {
  f16 value;
  std::memcpy(&value.bits, bytes, 2);
  return static_cast<float>(value);
}

/// A weight of the stored row, straight from the description of the type: index by index.
/// `parts` becomes the sum of magnitudes that make it.
double weight(Type type, const std::uint8_t* row, std::int64_t i, double& parts) {
  const SourceBlock block = source_block(type);
  const std::uint8_t* b = row + i / block.weights * block.bytes;
  const std::int64_t j = i % block.weights;
  double value = 0.0;
  if (type == Type::kF32) {
    float x;
    std::memcpy(&x, b, 4);
    value = x;
  } else if (type == Type::kF16) {
    value = half(b);
  } else if (type == Type::kBF16) {
    bf16 x;
    std::memcpy(&x.bits, b, 2);
    value = static_cast<float>(x);
  } else if (type == Type::kQ8_0) {
    value = half(b) * static_cast<double>(static_cast<std::int8_t>(b[2 + j]));
  } else if (type == Type::kQ4_0) {
    value = half(b) * (static_cast<double>(j < 16 ? b[2 + j] % 16 : b[2 + j - 16] / 16) - 8.0);
  } else if (type == Type::kQ4_K) {
    const std::int64_t g = j / 32;
    const int q = g % 2 == 0 ? b[16 + g / 2 * 32 + j % 32] % 16 : b[16 + g / 2 * 32 + j % 32] / 16;
    const std::uint8_t* s = b + 4;
    const int scale = g < 4 ? s[g] % 64 : s[g + 4] % 16 + s[g - 4] / 64 * 16;
    const int minimum = g < 4 ? s[g + 4] % 64 : s[g + 4] / 16 + s[g] / 64 * 16;
    const double positive = static_cast<double>(half(b)) * scale * q;
    const double negative = static_cast<double>(half(b + 2)) * minimum;
    parts = std::fabs(positive) + std::fabs(negative);
    return positive - negative;
  } else {
    const std::int64_t n = j / 128, part = j % 128 / 32, l = j % 32;
    const int low = b[n * 64 + part % 2 * 32 + l] >> (part / 2 * 4) & 15;
    const int high = b[128 + n * 32 + l] >> (2 * part) & 3;
    value = static_cast<double>(half(b + 208)) * static_cast<std::int8_t>(b[192 + j / 16]) *
            (low + 16 * high - 32);
  }
  parts = std::fabs(value);
  return value;
}

/// Random rows: any quants, scales that keep weights near 1 / sqrt(k).
std::vector<std::uint8_t> random_rows(Type type, std::int64_t n, std::int64_t k,
                                      std::uint64_t seed) {
  const SourceBlock block = source_block(type);
  std::vector<std::uint8_t> bytes(at(n * k / block.weights * block.bytes));
  Rng rng(seed);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
  const double size = 1.0 / std::sqrt(static_cast<double>(k) + 1.0);
  const auto put_half = [&](std::uint8_t* to, double value) {
    const f16 x(static_cast<float>(value));
    std::memcpy(to, &x.bits, 2);
  };
  for (std::size_t i = 0; i < bytes.size(); i += at(block.bytes)) {
    const double value = size * rng.normal();
    const auto single = static_cast<float>(value);
    if (type == Type::kF32) std::memcpy(&bytes[i], &single, 4);
    if (type == Type::kF16) put_half(&bytes[i], value);
    const bf16 rounded(single);
    if (type == Type::kBF16) std::memcpy(&bytes[i], &rounded.bits, 2);
    if (type == Type::kQ8_0) put_half(&bytes[i], value / 64.0);
    if (type == Type::kQ4_0) put_half(&bytes[i], value / 4.0);
    if (type == Type::kQ4_K) put_half(&bytes[i], value / 200.0);
    if (type == Type::kQ4_K) put_half(&bytes[i + 2], value / 20.0);
    if (type == Type::kQ6_K) put_half(&bytes[i + 208], value / 1000.0);
  }
  return bytes;
}

/// W as stored, packed and in double.
struct Weights {
  std::vector<std::uint8_t> source;
  OwnedMatrix packed;
  std::vector<double> value, parts;  // [n][k]

  Weights(Type type, std::int64_t n, std::int64_t k, machine::ThreadPool& pool,
          std::uint64_t seed = 1)
      : Weights(type, n, k, pool, random_rows(type, n, k, seed)) {}
  Weights(Type type, std::int64_t n, std::int64_t k, machine::ThreadPool& pool,
          std::vector<std::uint8_t> rows)
      : source(std::move(rows)),
        packed(type, n, k, reinterpret_cast<const std::byte*>(source.data()), pool),
        value(at(n * k)),
        parts(at(n * k)) {
    const SourceBlock block = source_block(type);
    for (std::int64_t i = 0; i < n * k; ++i) {
      const std::uint8_t* row = source.data() + i / k * (k / block.weights * block.bytes);
      value[at(i)] = weight(type, row, i % k, parts[at(i)]);
    }
  }
};

std::vector<float> random_x(std::int64_t m, std::int64_t k, std::uint64_t seed = 2) {
  std::vector<float> x(at(m * k));
  fill_normal(x, seed);
  // A few channels far larger than the others, as activations have.
  for (std::int64_t i = 0; i < m * k; i += 97) x[at(i)] *= 20.0f;
  return x;
}

std::vector<float> product(Workspace& workspace, const Matrix& w, const std::vector<float>& x,
                           std::int64_t m) {
  std::vector<float> y(at(m * w.n), std::numeric_limits<float>::quiet_NaN());
  const Product one{.w = &w, .y = y.data()};
  multiply(workspace, {.x = x.data(), .rows = m, .k = w.k}, {&one, 1});
  return y;
}

/// The contract's bound. Where X is rounded, errors are uniform within half a step and independent:
/// their deviation is the bound's square root form, and `noise` gets the square of error over it.
void expect_within(const Weights& w, const std::vector<float>& x, std::int64_t m,
                   const std::vector<float>& y, const std::string& what, double* noise = nullptr) {
  const Matrix& shape = w.packed.view();
  const std::int64_t n = shape.n, k = shape.k;
  double squares = 0.0;
  for (std::int64_t i = 0; i < m * n; ++i) {
    const float* row = x.data() + i / n * k;
    const std::size_t column = at(i % n * k);
    double want = 0.0, rounding = 0.0, terms = 0.0, variance = 0.0;
    for (std::int64_t g = 0; g < k; g += kGroup) {
      double largest = 0.0, weights = 0.0, weight_squares = 0.0;
      for (std::int64_t j = g; j < std::min(g + kGroup, k); ++j) {
        const double value = w.value[column + at(j)];
        want += row[j] * value;
        terms += std::fabs(static_cast<double>(row[j])) * w.parts[column + at(j)];
        largest = std::max(largest, std::fabs(static_cast<double>(row[j])));
        weights += std::fabs(value);
        weight_squares += value * value;
      }
      rounding += largest / 254.0 * weights;
      variance += largest * largest / (127.0 * 127.0 * 12.0) * weight_squares;
    }
    const bool floats = is_float(shape.type);
    const double length = floats ? static_cast<double>(k) : static_cast<double>(k / kGroup);
    // Rounded rows are at most a group's half step away: terms grow by no more than a hundredth.
    const double arithmetic = dot_bound(length, 0x1p-24) + (floats ? 0.0 : 8 * 0x1p-24);
    const double bound = (floats ? 0.0 : rounding * 1.0001) + 1.01 * arithmetic * terms + 1e-37;
    const double error = std::fabs(y[at(i)] - want);
    ASSERT_LE(error, bound) << what << " at [" << i / n << "][" << i % n << "]: got " << y[at(i)]
                            << ", want " << want;
    squares += error * error / (variance + 1e-60);
  }
  if (noise != nullptr) *noise = std::sqrt(squares / static_cast<double>(m * n));
}

std::string label(const Variant& variant, Type type, std::int64_t m) {
  return std::string(variant.name) + " type " + std::to_string(static_cast<int>(type)) + " rows " +
         std::to_string(m);
}

template <class Body>
void for_each_variant(Body body) {
  for (const Variant& variant : variants()) {
    if (variant.can_run(machine::cpu())) body(variant);
  }
}

TEST(Linear, EveryVariantTypeAndShapeWithinTheBound) {
  machine::ThreadPool pool(2);
  for (const Type type : kTypes) {
    const bool blocks = source_block(type).weights == 256;
    const std::vector<std::int64_t> depths =
        blocks ? std::vector<std::int64_t>{256, 768, 2304}
               : (is_float(type) ? std::vector<std::int64_t>{1, 37, 2049}
                                 : std::vector<std::int64_t>{32, 352, 2112});
    for (const std::int64_t k : depths) {
      for (const std::int64_t n : {1, 15, 33, 80}) {
        const Weights w(type, n, k, pool);
        for_each_variant([&](const Variant& variant) {
          Workspace workspace(pool, variant.name);
          for (const std::int64_t m : {1, 2, 5, 13, 27}) {
            const std::vector<float> x = random_x(m, k);
            expect_within(w, x, m, product(workspace, w.packed.view(), x, m),
                          label(variant, type, m));
          }
        });
      }
    }
  }
}

// The worst-case bound is lax for a sum of many roundings: their deviation is known as well. 1 is
// what 8 bits show; 7 bits would show 2.
TEST(Linear, RoundingNoiseIsThatOfEightBits) {
  machine::ThreadPool pool(1);
  for (const Type type : {Type::kQ8_0, Type::kQ4_0, Type::kQ4_K, Type::kQ6_K}) {
    const Weights w(type, 64, 1024, pool);
    Workspace workspace(pool);
    const std::vector<float> x = random_x(40, 1024);
    double noise = 0.0;
    expect_within(w, x, 40, product(workspace, w.packed.view(), x, 40), "noise", &noise);
    EXPECT_GT(noise, 0.9);
    EXPECT_LT(noise, 1.1) << static_cast<int>(type);
  }
}

TEST(Linear, IntegerTypesGiveTheSameBitsOnEveryInstructionSet) {
  machine::ThreadPool pool(1);
  for (const Type type : {Type::kQ8_0, Type::kQ4_0, Type::kQ4_K, Type::kQ6_K}) {
    const Weights w(type, 50, 768, pool);
    const std::vector<float> x = random_x(7, 768);
    Workspace plain(pool, "portable");
    const std::vector<float> want = product(plain, w.packed.view(), x, 7);
    for_each_variant([&](const Variant& variant) {
      Workspace workspace(pool, variant.name);
      EXPECT_EQ(product(workspace, w.packed.view(), x, 7), want) << label(variant, type, 7);
    });
  }
}

TEST(Linear, ARowHasTheSameBitsAloneInAnyBatchOnAnyThreads) {
  constexpr std::int64_t kMost = 130, kN = 100, kK = 2304;  // more than a slice
  machine::ThreadPool one(1), three(3);
  const std::vector<float> x = random_x(kMost, kK);
  for (const Type type : kTypes) {
    const Weights w(type, kN, kK, one);
    for_each_variant([&](const Variant& variant) {
      Workspace alone(one, variant.name), shared(three, variant.name);
      std::vector<float> want;
      for (std::int64_t r = 0; r < kMost; ++r) {
        const std::vector<float> row(x.begin() + r * kK, x.begin() + (r + 1) * kK);
        const std::vector<float> y = product(alone, w.packed.view(), row, 1);
        want.insert(want.end(), y.begin(), y.end());
      }
      for (std::int64_t m = 1; m <= kMost; m += m < 30 ? 1 : 33) {
        const std::vector<float> y = product(m % 2 == 0 ? alone : shared, w.packed.view(), x, m);
        EXPECT_EQ(std::memcmp(y.data(), want.data(), y.size() * 4), 0) << label(variant, type, m);
      }
    });
  }
}

TEST(Linear, ProductsOfOneInputBiasAndAccumulation) {
  machine::ThreadPool pool(2);
  constexpr std::int64_t kM = 14, kK = 256;
  const Weights a(Type::kQ8_0, 40, kK, pool), b(Type::kBF16, 70, kK, pool),
      c(Type::kQ4_K, 33, kK, pool);
  const std::vector<float> x = random_x(kM, kK);
  for_each_variant([&](const Variant& variant) {
    Workspace workspace(pool, variant.name);
    const std::vector<float> alone_a = product(workspace, a.packed.view(), x, kM);
    const std::vector<float> alone_b = product(workspace, b.packed.view(), x, kM);
    const std::vector<float> alone_c = product(workspace, c.packed.view(), x, kM);
    std::vector<float> bias(70), ya(kM * 50, 7.0f), yb(kM * 70, 0.25f), yc(kM * 33);
    fill_normal(bias, 9);
    const Product products[] = {
        {.w = &a.packed.view(), .y = ya.data(), .y_stride = 50},
        {.w = &b.packed.view(), .y = yb.data(), .bias = bias.data(), .accumulate = true},
        {.w = &c.packed.view(), .y = yc.data()}};
    multiply(workspace, {.x = x.data(), .rows = kM, .k = kK}, products);
    EXPECT_EQ(yc, alone_c);
    for (std::int64_t r = 0; r < kM; ++r) {
      for (std::int64_t j = 0; j < 50; ++j) {
        EXPECT_EQ(ya[at(r * 50 + j)], j < 40 ? alone_a[at(r * 40 + j)] : 7.0f);
      }
      for (std::int64_t j = 0; j < 70; ++j) {
        EXPECT_EQ(yb[at(r * 70 + j)], 0.25f + (alone_b[at(r * 70 + j)] + bias[at(j)]));
      }
    }
  });
}

TEST(Linear, GatesAreTheFormula) {
  machine::ThreadPool pool(2);
  constexpr std::int64_t kM = 14, kN = 45, kK = 256;
  const Weights gate(Type::kQ8_0, kN, kK, pool, 4), up(Type::kQ4_K, kN, kK, pool, 5);
  std::vector<float> x = random_x(kM, kK);
  x[3] = 4000.0f;  // gates far from zero on both sides
  for_each_variant([&](const Variant& variant) {
    Workspace workspace(pool, variant.name);
    const std::vector<float> g = product(workspace, gate.packed.view(), x, kM);
    const std::vector<float> u = product(workspace, up.packed.view(), x, kM);
    for (const Gate kind : {Gate::kSilu, Gate::kGeluTanh}) {
      std::vector<float> y(at(kM * kN));
      const Product one{
          .w = &gate.packed.view(), .y = y.data(), .gate = kind, .up = &up.packed.view()};
      multiply(workspace, {.x = x.data(), .rows = kM, .k = kK}, {&one, 1});
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double v = g[i];
        const double inner =
            kind == Gate::kSilu ? v : 2.0 * 0.7978845608028654 * (v + 0.044715 * v * v * v);
        const double want = v / (1.0 + std::exp(-inner)) * u[i];
        // exp(-inner) has relative error |inner| u (from inner) + 2 u, and little weight where
        // inner is large and positive; five more roundings.
        const double bound = 0x1p-24 * std::fabs(want) * (7.0 + 8.0 * std::fabs(inner)) + 1e-30;
        EXPECT_LE(std::fabs(y[i] - want), bound) << variant.name << " " << v;
      }
    }
  });
}

TEST(Linear, GroupsOfRowsWithAMatrixEach) {
  machine::ThreadPool pool(3);
  constexpr std::int64_t kM = 30, kN = 48, kK = 256, kExperts = 4;
  const std::vector<float> x = random_x(kM, kK);
  std::vector<Weights> experts;
  for (std::uint64_t e = 0; e < kExperts; ++e) experts.emplace_back(Type::kQ8_0, kN, kK, pool, e);
  // Two experts a row; the result of (row, choice) goes to row 2 row + choice.
  std::vector<std::vector<std::int32_t>> from(kExperts), to(kExperts);
  Rng rng(5);
  for (std::int32_t row = 0; row < kM; ++row) {
    const auto first = rng.below(kExperts), second = (first + 1 + rng.below(2)) % kExperts;
    from[first].push_back(row);
    to[first].push_back(2 * row);
    from[second].push_back(row);
    to[second].push_back(2 * row + 1);
  }
  for_each_variant([&](const Variant& variant) {
    Workspace workspace(pool, variant.name);
    std::vector<float> y(at(2 * kM * kN), std::numeric_limits<float>::quiet_NaN());
    std::vector<Product> products;
    for (std::size_t e = 0; e < kExperts; ++e) {
      products.push_back(
          {.w = &experts[e].packed.view(), .y = y.data(), .x_rows = from[e], .y_rows = to[e]});
    }
    multiply(workspace, {.x = x.data(), .rows = kM, .k = kK}, products);
    for (std::size_t e = 0; e < kExperts; ++e) {
      const std::vector<float> all = product(workspace, experts[e].packed.view(), x, kM);
      for (std::size_t i = 0; i < from[e].size(); ++i) {
        EXPECT_EQ(std::memcmp(&y[at(to[e][i] * kN)], &all[at(from[e][i] * kN)], kN * 4), 0);
      }
    }
  });
}

TEST(Linear, SpecialValuesStayInTheirRow) {
  machine::ThreadPool pool(1);
  constexpr std::int64_t kM = 4, kN = 20, kK = 256;
  for (const Type type : kTypes) {
    const Weights w(type, kN, kK, pool);
    std::vector<float> x = random_x(kM, kK);
    std::fill(x.begin(), x.begin() + kK, 0.0f);
    x[kK + 5] = std::numeric_limits<float>::quiet_NaN();
    x[2 * kK + 7] = std::numeric_limits<float>::infinity();
    for (std::int64_t i = 0; i < kK; ++i) x[at(3 * kK + i)] *= 1e-42f;  // below normal numbers
    for_each_variant([&](const Variant& variant) {
      Workspace workspace(pool, variant.name);
      const std::vector<float> y = product(workspace, w.packed.view(), x, kM);
      for (std::int64_t j = 0; j < kN; ++j) {
        EXPECT_EQ(y[at(j)], 0.0f);
        EXPECT_TRUE(std::isnan(y[at(kN + j)]));
        EXPECT_FALSE(std::isfinite(y[at(2 * kN + j)]));
        EXPECT_LE(std::fabs(y[at(3 * kN + j)]), 1e-36f);
      }
    });
  }
}

TEST(Linear, ExtremeQuantsDoNotOverflow) {
  machine::ThreadPool pool(1);
  for (const Type type : {Type::kQ8_0, Type::kQ4_0, Type::kQ4_K, Type::kQ6_K}) {
    for (const int fill : {0x00, 0x7f, 0x80, 0xff}) {
      std::vector<std::uint8_t> rows = random_rows(type, 16, 256, 3);
      const SourceBlock block = source_block(type);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::int64_t place = static_cast<std::int64_t>(i) % block.bytes;
        const bool scale = type == Type::kQ6_K   ? place >= 208
                           : type == Type::kQ4_K ? place < 4
                                                 : place < 2;
        if (!scale) rows[i] = static_cast<std::uint8_t>(fill);
      }
      const Weights w(type, 16, 256, pool, rows);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(3 * 256, 3.0f * sign);
        for_each_variant([&](const Variant& variant) {
          Workspace workspace(pool, variant.name);
          expect_within(w, x, 3, product(workspace, w.packed.view(), x, 3),
                        label(variant, type, fill));
        });
      }
    }
  }
}

TEST(Linear, UnpackedRowsAreTheStoredWeights) {
  constexpr std::int64_t kK = 2560;
  machine::ThreadPool pool(1);
  for (const Type type : kTypes) {
    const Weights w(type, 35, kK, pool);
    std::vector<float> row(kK);
    for (const std::int64_t r : {0, 1, 17, 34}) {
      unpack_row(w.packed.view(), r, row.data());
      for (std::int64_t i = 0; i < kK; ++i) {
        EXPECT_NEAR(row[at(i)], w.value[at(r * kK + i)], 0x1p-23 * w.parts[at(r * kK + i)]);
      }
    }
  }
}

TEST(Linear, PackedSizes) {
  const auto ratio = [](Type type) {
    const SourceBlock block = source_block(type);
    return static_cast<double>(packed_bytes(type, 1024, 2048)) /
           static_cast<double>(1024 * 2048 / block.weights * block.bytes);
  };
  for (const Type type : {Type::kF32, Type::kF16, Type::kBF16, Type::kQ8_0, Type::kQ4_0}) {
    EXPECT_EQ(ratio(type), 1.0);
  }
  EXPECT_LT(ratio(Type::kQ4_K), 1.028);
  EXPECT_LT(ratio(Type::kQ6_K), 1.010);
}

TEST(Linear, VariantsSayWhyNot) {
  machine::ThreadPool pool(1);
  EXPECT_THROW(Workspace(pool, "abacus"), Error);
  const machine::Cpu plain;
  EXPECT_EQ(find_variant("", plain).name, "portable");
  EXPECT_THROW(find_variant("avx512_vnni", plain), Error);
}

}  // namespace
}  // namespace aisp::kernels::linear
