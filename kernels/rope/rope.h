// Rotary position embedding of Q and K on the CPU: each pair of dimensions of a head turns by
// position x frequency. The angles of a batch are computed once and serve every layer and head.
// Scalings (linear, NTK-aware, YaRN, Llama 3, LongRoPE) are data here: they change the table of
// frequencies and the magnitude, which the model's configuration makes.
// Reading order: this contract, rope.cc. Source: Su et al., "RoFormer", arXiv:2104.09864 (2021);
// Peng et al., "YaRN", arXiv:2309.00071 (2023), for the magnitude.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::rope {

/// Which dimensions make a pair: 2 i and 2 i + 1 (GPT-J, the original Llama files), or i and i +
/// n/2 (GPT-NeoX, files of Hugging Face).
enum class Pairing { kInterleaved, kHalves };

/// Cosines and sines: rows x pairs each, tight.
struct Angles {
  std::int64_t pairs = 0;
  std::vector<float> cosine, sine;
};

/// Angles of rows at these positions: cos and sin of position * frequencies[i], times `magnitude`.
/// The product and the reduction are in double: the error is one rounding to f32 (2^-24) even at a
/// position of a million. Allocates when `angles` must grow. Cost: some 40 ns a row and pair.
void make_angles(std::span<const double> frequencies, std::span<const std::int32_t> positions,
                 double magnitude, Angles& angles);

/// Rows of `heads` heads of head_size, f32, `stride` (0: tight) from row to row, any alignment,
/// changed in place. The first 2 x angles.pairs dimensions of each head turn, the others stay.
struct Rows {
  float* x = nullptr;
  std::int64_t rows = 0;
  std::int64_t heads = 0;
  std::int64_t head_size = 0;
  std::int64_t stride = 0;
};

/// (a, b) becomes (a cos - b sin, b cos + a sin). Row i takes row i of the angles. Each product and
/// the sum round once: error <= 2^-24 (|a cos| + |b sin| + |result|). The same bits with any
/// instruction set and any threads. 8 bytes moved and 3 operations a number.
void rotate(const Rows& rows, Pairing pairing, const Angles& angles,
            machine::ThreadPool* pool = nullptr);

struct Variant {
  std::string_view name;
  std::string_view requirement;
  bool (*can_run)(const machine::Cpu& cpu);
  void (*rotate)(const Rows& rows, Pairing pairing, const float* cosine, const float* sine,
                 std::int64_t pairs);
};

/// Widest first; the last one runs anywhere.
std::span<const Variant> variants();

}  // namespace aisp::kernels::rope
