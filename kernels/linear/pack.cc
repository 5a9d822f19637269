// From rows of blocks, as model files hold them, to panels (layout.h); and a row back. Portable:
// words of four bytes are moved and masked, some 3 bytes a cycle.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/dtype.h"
#include "kernels/linear/layout.h"

namespace aisp::kernels::linear {
namespace {

std::uint32_t word_at(const std::byte* at) {
  std::uint32_t word;
  std::memcpy(&word, at, 4);
  return word;
}
void put_word(std::byte* at, std::uint32_t word) { std::memcpy(at, &word, 4); }

constexpr std::uint32_t kLow = 0x0f0f0f0fu;

/// Eight words of nibbles in order, one for each step, into four places: low and high.
void put_nibbles(std::byte* group, const std::uint32_t (&steps)[8]) {
  for (int t = 0; t < 4; ++t)
    put_word(group + t * kStepBytes, steps[2 * t] | steps[2 * t + 1] << 4);
}

void pack_q8_0(const std::byte* block, std::byte* chunk, std::int64_t group, std::int64_t column) {
  std::memcpy(chunk + group * 32 + column * 2, block, 2);
  std::byte* to = chunk + kChunkQ8_0.quants + group * kChunkQ8_0.group_bytes + column * 4;
  for (int s = 0; s < 8; ++s) {
    put_word(to + s * kStepBytes, word_at(block + 2 + 4 * s) ^ 0x80808080u);
  }
}

void pack_q4_0(const std::byte* block, std::byte* chunk, std::int64_t group, std::int64_t column) {
  std::memcpy(chunk + group * 32 + column * 2, block, 2);
  std::uint32_t steps[8];
  for (int s = 0; s < 4; ++s) {
    const std::uint32_t word = word_at(block + 2 + 4 * s);
    steps[s] = word & kLow;
    steps[s + 4] = word >> 4 & kLow;
  }
  put_nibbles(chunk + kChunkQ4_0.quants + group * kChunkQ4_0.group_bytes + column * 4, steps);
}

/// The 6-bit numbers of a Q4_K block: the first four pairs lie whole in bytes 0-3 and 4-7; of the
/// others, low nibbles are in bytes 8-11 and high bits above the first ones.
void scales_q4_k(const std::byte* packed, int group, std::uint8_t& scale, std::uint8_t& minimum) {
  const auto byte = [&](int i) { return static_cast<unsigned>(packed[i]); };
  if (group < 4) {
    scale = static_cast<std::uint8_t>(byte(group) & 63u);
    minimum = static_cast<std::uint8_t>(byte(group + 4) & 63u);
  } else {
    scale = static_cast<std::uint8_t>((byte(group + 4) & 15u) | (byte(group - 4) >> 6 << 4));
    minimum = static_cast<std::uint8_t>((byte(group + 4) >> 4) | (byte(group) >> 6 << 4));
  }
}

void pack_q4_k(const std::byte* block, std::byte* chunk, std::int64_t column) {
  std::memcpy(chunk + column * 2, block, 2);
  std::memcpy(chunk + 32 + column * 2, block + 2, 2);
  for (int group = 0; group < kChunkGroups; ++group) {
    std::uint8_t scale, minimum;
    scales_q4_k(block + 4, group, scale, minimum);
    chunk[64 + group * 16 + column] = std::byte{scale};
    chunk[192 + group * 16 + column] = std::byte{minimum};
    std::uint32_t steps[8];
    for (int s = 0; s < 8; ++s) {
      const std::uint32_t word = word_at(block + 16 + group / 2 * 32 + 4 * s);
      steps[s] = (group % 2 == 0 ? word : word >> 4) & kLow;
    }
    put_nibbles(chunk + kChunkQ4_K.quants + group * kChunkQ4_K.group_bytes + column * 4, steps);
  }
}

/// Groups of 32 within 128 weights: low nibbles of bytes 0-31, of 32-63, then the high nibbles; the
/// upper two bits are bit pairs 0 to 3 of 32 bytes.
void pack_q6_k(const std::byte* block, std::byte* chunk, std::int64_t column) {
  std::memcpy(chunk + column * 2, block + 208, 2);
  for (int i = 0; i < 16; ++i) chunk[64 + i * 16 + column] = block[192 + i];
  for (int group = 0; group < kChunkGroups; ++group) {
    const int half = group / 4, part = group % 4;
    std::uint32_t steps[8], high[2] = {0, 0};
    for (int s = 0; s < 8; ++s) {
      const std::uint32_t low = word_at(block + half * 64 + part % 2 * 32 + 4 * s);
      steps[s] = (part < 2 ? low : low >> 4) & kLow;
      const std::uint32_t bits = word_at(block + 128 + half * 32 + 4 * s) >> (2 * part);
      high[s / 4] |= (bits & 0x03030303u) << (2 * (s % 4));
    }
    std::byte* to = chunk + kChunkQ6_K.quants + group * kChunkQ6_K.group_bytes + column * 4;
    put_nibbles(to, steps);
    for (int i = 0; i < 2; ++i) {
      put_word(to + kHighQ6_K + i * kStepBytes, high[i]);
    }
  }
}

void pack_column(Type type, std::int64_t k, const std::byte* row, std::byte* panel,
                 std::int64_t column) {
  const SourceBlock block = source_block(type);
  const std::int64_t chunk_bytes = chunk_of(type).bytes;
  for (std::int64_t i = 0; i < k / block.weights; ++i) {
    const std::byte* from = row + i * block.bytes;
    const std::int64_t group = i % kChunkGroups;
    if (type == Type::kQ8_0) {
      pack_q8_0(from, panel + i / kChunkGroups * chunk_bytes, group, column);
    } else if (type == Type::kQ4_0) {
      pack_q4_0(from, panel + i / kChunkGroups * chunk_bytes, group, column);
    } else if (type == Type::kQ4_K) {
      pack_q4_k(from, panel + i * chunk_bytes, column);
    } else {
      pack_q6_k(from, panel + i * chunk_bytes, column);
    }
  }
}

template <class T>
void pack_float_column(std::int64_t k, const std::byte* row, std::byte* panel, std::int64_t place) {
  for (std::int64_t i = 0; i < k; ++i) {
    const auto width = static_cast<std::int64_t>(sizeof(T));
    std::memcpy(panel + (i * kFloatColumns + place) * width, row + i * width, sizeof(T));
  }
}

/// Where in a step of a float panel a column stands.
std::int64_t place_of(Type type, std::int64_t column) {
  if (type != Type::kBF16) return column;
  return column % 16 * 2 + column / 16;
}

void pack_panel(Type type, std::int64_t k, std::int64_t columns, const std::byte* rows,
                std::int64_t row_bytes, std::byte* panel) {
  std::memset(panel, 0, static_cast<std::size_t>(panel_bytes(type, k)));
  for (std::int64_t j = 0; j < columns; ++j) {
    const std::byte* row = rows + j * row_bytes;
    if (type == Type::kF32) {
      pack_float_column<std::uint32_t>(k, row, panel, j);
    } else if (is_float(type)) {
      pack_float_column<std::uint16_t>(k, row, panel, place_of(type, j));
    } else {
      pack_column(type, k, row, panel, j);
    }
  }
}

float half_at(const std::byte* at) {
  f16 half;
  std::memcpy(&half.bits, at, 2);
  return static_cast<float>(half);
}

/// The quant of weight `i` of a group in 4-bit form.
std::uint32_t nibble(const std::byte* group, std::int64_t column, std::int64_t i) {
  const std::int64_t step = i / 4;
  const auto both = static_cast<std::uint32_t>(group[step / 2 * kStepBytes + column * 4 + i % 4]);
  return step % 2 == 0 ? both & 15u : both >> 4;
}

float weight_of(Type type, const std::byte* chunk, std::int64_t column, std::int64_t i) {
  const std::int64_t group = i / kGroup, inside = i % kGroup;
  const Chunk form = chunk_of(type);
  const std::byte* quants = chunk + form.quants + group * form.group_bytes;
  const auto byte = [&](std::int64_t at) { return static_cast<std::uint8_t>(chunk[at]); };
  if (type == Type::kQ8_0) {
    const auto q = static_cast<int>(quants[inside / 4 * kStepBytes + column * 4 + inside % 4]);
    return half_at(chunk + group * 32 + column * 2) * static_cast<float>(q - 128);
  }
  const auto q = static_cast<float>(nibble(quants, column, inside));
  if (type == Type::kQ4_0) return half_at(chunk + group * 32 + column * 2) * (q - 8.0f);
  if (type == Type::kQ4_K) {
    const float scale = half_at(chunk + column * 2) * byte(64 + group * 16 + column);
    return scale * q - half_at(chunk + 32 + column * 2) * byte(192 + group * 16 + column);
  }
  const std::int64_t step = inside / 4;
  const auto pairs =
      static_cast<unsigned>(quants[kHighQ6_K + step / 4 * kStepBytes + column * 4 + i % 4]);
  const auto high = static_cast<float>(pairs >> (2 * (step % 4)) & 3u);
  const auto s = static_cast<std::int8_t>(byte(64 + (group * 2 + inside / 16) * 16 + column));
  return half_at(chunk + column * 2) * s * (q + 16.0f * high - 32.0f);
}

}  // namespace

SourceBlock source_block(Type type) {
  switch (type) {
    case Type::kF32:
      return {1, 4};
    case Type::kF16:
    case Type::kBF16:
      return {1, 2};
    case Type::kQ8_0:
      return {32, 34};
    case Type::kQ4_0:
      return {32, 18};
    case Type::kQ4_K:
      return {256, 144};
    case Type::kQ6_K:
      return {256, 210};
  }
  return {};
}

std::int64_t packed_bytes(Type type, std::int64_t n, std::int64_t k) {
  std::int64_t bytes = 0;
  for (std::int64_t s = 0; s < slices_of(type, k); ++s) {
    bytes += slice_of(type, n, k, s, 0).bytes * panels_of(type, n);
  }
  return bytes;
}

Matrix pack(Type type, std::int64_t n, std::int64_t k, const std::byte* source,
            std::span<std::byte> to, machine::ThreadPool& pool) {
  const SourceBlock block = source_block(type);
  check(n >= 0 && k >= 0 && k % block.weights == 0, "linear: k must be whole blocks");
  check(static_cast<std::int64_t>(to.size()) >= packed_bytes(type, n, k), "linear: no room");
  check(reinterpret_cast<std::uintptr_t>(to.data()) % 64 == 0, "linear: memory must be aligned");
  const std::int64_t row_bytes = k / block.weights * block.bytes, columns = panel_columns(type);
  pool.parallel_for(panels_of(type, n), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      for (std::int64_t s = 0; s < slices_of(type, k); ++s) {
        const Slice slice = slice_of(type, n, k, s, p);
        const std::byte* rows =
            source + p * columns * row_bytes + slice.first_k / block.weights * block.bytes;
        pack_panel(type, slice.k, std::min(columns, n - p * columns), rows, row_bytes,
                   to.data() + slice.at);
      }
    }
  });
  return {type, n, k, to.data()};
}

OwnedMatrix::OwnedMatrix(Type type, std::int64_t n, std::int64_t k, const std::byte* source,
                         machine::ThreadPool& pool)
    : memory_(static_cast<std::size_t>(std::max<std::int64_t>(packed_bytes(type, n, k), 64))),
      view_(pack(type, n, k, source, {memory_.data(), memory_.size_bytes()}, pool)) {}

void unpack_row(const Matrix& w, std::int64_t row, float* out) {
  check(row >= 0 && row < w.n, "linear: no such row");
  const std::int64_t columns = panel_columns(w.type), column = row % columns;
  for (std::int64_t i = 0; i < w.k; ++i) {
    const std::int64_t slice = i / slice_k(w.type), inside = i % slice_k(w.type);
    const std::byte* panel = w.data + slice_of(w.type, w.n, w.k, slice, row / columns).at;
    const std::int64_t at = inside * kFloatColumns + place_of(w.type, column);
    if (w.type == Type::kF32) {
      std::memcpy(out + i, panel + 4 * at, 4);
    } else if (w.type == Type::kF16) {
      out[i] = half_at(panel + 2 * at);
    } else if (w.type == Type::kBF16) {
      bf16 value;
      std::memcpy(&value.bits, panel + 2 * at, 2);
      out[i] = static_cast<float>(value);
    } else {
      const std::int64_t weights = kGroup * kChunkGroups;
      const std::byte* chunk = panel + inside / weights * chunk_of(w.type).bytes;
      out[i] = weight_of(w.type, chunk, column, inside % weights);
    }
  }
}

}  // namespace aisp::kernels::linear
