// Attention of one block of queries, tiled, with online softmax. Included inside a target region
// and a namespace per instruction set, after `using V` and these constants: so it includes nothing.
//   kVectors: vectors of queries a tile; kRows: keys (or head dimensions) a register tile.
//
// Vectors run along the queries. Scores are kept as S[key][query] and the output as O[d][query]:
// both products then multiply a vector of queries by one broadcast number of K or V, which are read
// in their own layout; the softmax over keys needs no operation across lanes; and only the
// queries are transposed, once a tile.
#pragma once

constexpr std::int64_t kLanes = static_cast<std::int64_t>(V::kLanes);
constexpr std::int64_t kQueries = kVectors * kLanes;
// Keys a step. P (kKeys x kQueries) and O or Q (D x kQueries) stay in L1 together: 8 + 16 KiB with
// 32 queries and D = 128. 32, 64, 96 and 128 ran within 2 % of each other.
constexpr std::int64_t kKeys = 64;
static_assert(kKeys % kRows == 0);

inline std::int64_t padded(std::int64_t D) { return (D + kRows - 1) / kRows * kRows; }

/// queries | output | scores | maximum, sum, correction
inline std::size_t scratch_floats(std::int64_t D) {
  return static_cast<std::size_t>((2 * padded(D) + kKeys + 3) * kQueries);
}

/// kRows x kVectors accumulators, all in registers once the loops over them are unrolled.
struct Accumulators {
  V::Reg at[kRows][kVectors];
};

/// S[key][.] = K[key] . Q for kRows keys. `q` is D x kQueries; `keys` point at rows of K.
inline void score_rows(const float* const (&keys)[kRows], const float* q, std::int64_t D,
                       float* scores) {
  Accumulators acc;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) acc.at[r][j] = V::set1(0.0f);
  }
  for (std::int64_t d = 0; d < D; ++d) {
    V::Reg vector[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) vector[j] = V::load(q + d * kQueries + j * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V::Reg one = V::set1(keys[r][d]);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) acc.at[r][j] = V::fma(one, vector[j], acc.at[r][j]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) V::store(scores + r * kQueries + j * kLanes, acc.at[r][j]);
  }
}

/// O[d + r][.] = O[d + r][.] * correction + sum over keys of V[key][d + r] * P[key][.].
/// `values` points at V[first key][d]; rows beyond D read its last column and are never used.
inline void output_rows(const float* values, std::int64_t D, int last_row, const float* p,
                        std::int64_t keys, const float* correction, float* o) {
  Accumulators acc;
  std::int64_t column[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    column[r] = r < last_row ? r : last_row;
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      acc.at[r][j] =
          V::mul(V::load(o + r * kQueries + j * kLanes), V::load(correction + j * kLanes));
    }
  }
  const auto products = [&](auto column_of) __attribute__((always_inline)) {
    for (std::int64_t n = 0; n < keys; ++n) {
      V::Reg vector[kVectors];
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) vector[j] = V::load(p + n * kQueries + j * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const V::Reg one = V::set1(values[n * D + column_of(r)]);
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) acc.at[r][j] = V::fma(one, vector[j], acc.at[r][j]);
      }
    }
  };
  if (last_row == kRows - 1) {
    products([](int r) { return std::int64_t{r}; });  // constant offsets
  } else {
    products([&](int r) { return column[r]; });
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) V::store(o + r * kQueries + j * kLanes, acc.at[r][j]);
  }
}

/// Turns scores into exponentials relative to the new maximum, in place; updates maximum and sum;
/// leaves in `correction` what everything so far must be multiplied by.
inline void softmax_step(float* scores, std::int64_t keys, float* maximum, float* sum,
                         float* correction) {
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; ++j) {
    float* column = scores + j * kLanes;
    const V::Reg before = V::load(maximum + j * kLanes);
    V::Reg a = before, b = before;
    std::int64_t n = 0;
    for (; n + 2 <= keys; n += 2) {
      a = V::max(a, V::load(column + n * kQueries));
      b = V::max(b, V::load(column + (n + 1) * kQueries));
    }
    if (n < keys) a = V::max(a, V::load(column + n * kQueries));
    const V::Reg now = V::max(a, b);
    V::Reg total = V::set1(0.0f);
    for (n = 0; n < keys; ++n) {
      const V::Reg e = V::exp(V::sub(V::load(column + n * kQueries), now));
      total = V::add(total, e);
      V::store(column + n * kQueries, e);
    }
    const V::Reg factor = V::exp(V::sub(before, now));
    V::store(maximum + j * kLanes, now);
    V::store(correction + j * kLanes, factor);
    V::store(sum + j * kLanes, V::fma(V::load(sum + j * kLanes), factor, total));
  }
}

/// One tile. Cost: 4 D flops for each (query, key) pair up to the diagonal, rounded up to the tile.
inline void attend(const Tile& tile, float* scratch) {
  const std::int64_t D = tile.D, first = tile.first_query;
  const std::int64_t count = tile.T - first < kQueries ? tile.T - first : kQueries;
  float* q = scratch;
  float* o = q + padded(D) * kQueries;
  float* scores = o + padded(D) * kQueries;
  float* maximum = scores + kKeys * kQueries;
  float* sum = maximum + kQueries;
  float* correction = sum + kQueries;

  // Queries beyond the last are zero: their scores are 0, their results are not stored.
  const float scale = 1.0f / std::sqrt(static_cast<float>(D));
  for (std::int64_t d = 0; d < D; ++d) {
    for (std::int64_t i = 0; i < count; ++i) {
      q[d * kQueries + i] = tile.q[(first + i) * D + d] * scale;
    }
    for (std::int64_t i = count; i < kQueries; ++i) q[d * kQueries + i] = 0.0f;
  }
  for (std::int64_t i = 0; i < padded(D) * kQueries; ++i) o[i] = 0.0f;
  for (std::int64_t i = 0; i < kQueries; ++i) {
    maximum[i] = -std::numeric_limits<float>::infinity();
    sum[i] = 0.0f;
  }

  const std::int64_t visible = first + count;  // keys that the last query sees
  for (std::int64_t key = 0; key < visible; key += kKeys) {
    const std::int64_t keys = visible - key < kKeys ? visible - key : kKeys;
    for (std::int64_t n = 0; n < keys; n += kRows) {
      const float* rows[kRows];
      for (int r = 0; r < kRows; ++r) {  // rows beyond the last repeat it; never used
        rows[r] = tile.k + (key + (n + r < keys ? n + r : keys - 1)) * D;
      }
      score_rows(rows, q, D, scores + n * kQueries);
    }
    for (std::int64_t n = 0; n < keys; ++n) {  // the mask: only blocks at the diagonal have any
      for (std::int64_t i = 0; i < key + n - first && i < kQueries; ++i) {
        scores[n * kQueries + i] = -std::numeric_limits<float>::infinity();
      }
    }
    softmax_step(scores, keys, maximum, sum, correction);
    for (std::int64_t d = 0; d < D; d += kRows) {
      const std::int64_t last = D - d < kRows ? D - d - 1 : kRows - 1;
      output_rows(tile.v + key * D + d, D, static_cast<int>(last), scores, keys, correction,
                  o + d * kQueries);
    }
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const float factor = 1.0f / sum[i];
    for (std::int64_t d = 0; d < D; ++d) {
      tile.o[(first + i) * D + d] = o[d * kQueries + i] * factor;
    }
  }
}
