// Quantised weights from the layouts that files have into the one that the kernel streams. Done
// once on the host when a model is loaded.
//
// The packed layout: 64 rows x 128 of K make a unit of contiguous bytes, so that one bulk copy
// brings it; the units of a row of them follow each other along K. In a unit come four tiles of 16
// rows, then scales, then zero points. In a tile lane (g, t) = (lane / 4, lane % 4) of a warp has
// 16-byte pieces at piece * 512 + lane * 16, made of words for rows g and g + 8 and k = 32 j + 8 t
// to + 7:
//   8 bits: piece j has the words (g, k 0-3), (g + 8, k 0-3), (g, k 4-7), (g + 8, k 4-7); the bytes
//           of a word are k 0, 2, 1, 3.
//   4 bits: piece j / 2 has for each j the words g, g + 8; nibble i of a word is k 2 i for i < 4,
//   and
//           k 2 (i - 4) + 1 above.
// Scales are IEEE half, as GPTQ, AWQ and GGUF keep them: for each group of K in the unit and each
// tile 16 of them, in pairs (g, g + 8); zero points, if the format has them, are bytes in the same
// order. Formats with one scale a row have n of them, in order, after all units. Rows and K are
// padded with q = 0 (q = 8 for 4 bits without zero points) and scale 0.
// Source: Frantar et al., "MARLIN", arXiv:2408.11743; ggml-common.h of llama.cpp (Q8_0, Q4_0).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace aisp::kernels::gemv_quantized_cuda {

enum class Format {
  kInt8Channel,        // one scale a row
  kInt8Group128,       // a scale for 128 of K
  kInt8Group32,        // 32: what Q8_0 is
  kInt4Group128,       // symmetric: value (q - 8) scale
  kInt4Group128Zeros,  // (q - zero) scale
  kInt4Group32,        // symmetric, 32: what Q4_0 is
};
struct FormatFacts {
  std::string_view name;
  int bits = 0;
  int group = 0;  // of K; 0: the whole row
  bool zeros = false;
};
FormatFacts facts(Format format);

/// Bytes of packed weights, scales and zero points: what the kernel reads.
std::int64_t packed_bytes(Format format, std::int64_t n, std::int64_t k);

/// Row-major: q is n x k for 8 bits (two's complement), n x k/2 for 4 (low nibble first, unsigned);
/// scales n x k/group (n for one a row); zeros, unsigned 0 to 15, like scales, for the formats that
/// have them.
struct Plain {
  std::int64_t n = 0, k = 0;
  std::span<const std::uint8_t> q;
  std::span<const float> scales;
  std::span<const std::uint8_t> zeros;
  bool gate_and_up = false;  // for SwiGLU: n is even and a multiple of 16; rows i and n/2 + i pair
};

/// Throws Error when sizes do not fit the format, a zero point is above 15, or a scale is not
/// finite in IEEE half. Scales are rounded to half (nearest even). O(n k).
std::vector<std::uint8_t> pack(Format format, const Plain& plain);

/// Rows of GGUF blocks of 32 as in the file: Q8_0 (kInt8Group32: half, 32 bytes) or Q4_0
/// (kInt4Group32: half, 16 bytes, byte i has elements i and i + 16). Nothing is rounded. Throws
/// Error for other formats and sizes that do not fit.
std::vector<std::uint8_t> pack_gguf(Format format, std::int64_t n, std::int64_t k,
                                    std::span<const std::uint8_t> blocks, bool gate_and_up = false);

/// IEEE half, rounded to nearest even; infinity above 65504.
std::uint16_t half_bits(float value);
float half_value(std::uint16_t bits);

}  // namespace aisp::kernels::gemv_quantized_cuda
