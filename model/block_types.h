// The types that weights are stored as: blocks of a few elements with their scales. Numbers,
// layouts and arithmetic are those of GGUF; safetensors uses the unblocked ones. What a kernel
// multiplies is packed from these blocks; what they mean is said here, once, and judged against
// another reader. Source: github.com/ggml-org/llama.cpp (gguf-py/gguf/quants.py,
// ggml/src/ggml-common.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace aisp::model {

/// The number is the one in a GGUF file.
enum class BlockType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
};

struct BlockFormat {
  BlockType type;
  std::string_view name;  // as in "q4_k"
  std::int64_t elements;  // of a block
  std::int64_t bytes;     // of a block
  /// blocks -> out.size() floats, a whole number of blocks. Null where we only know the size.
  void (*dequantize)(const std::byte* blocks, std::span<float> out);
  /// The other way. Null where we only read.
  void (*quantize)(std::span<const float> values, std::byte* blocks);
};

/// All types whose size we know; some are not read (dequantize is null).
std::span<const BlockFormat> block_formats();

/// Of a number in a file; null when unknown.
const BlockFormat* find_format(std::uint32_t number);
const BlockFormat& format_of(BlockType type);
std::optional<BlockType> block_type_of_name(std::string_view name);

/// "f32, f16, ..." of the types that can be written (or, without `written`, read).
std::string block_type_names(bool written);

/// Bytes of `elements`, a multiple of the block; nothing when it is none or the size overflows.
std::optional<std::int64_t> stored_bytes(const BlockFormat& format, std::int64_t elements);

/// Blocks to floats in the format's own float arithmetic, bit for bit what its authors' code gives.
/// out.size() is a multiple of the block, and the type is one that is read. NaN and infinite scales
/// give NaN or infinite values, never undefined behaviour. About 1 ns an element.
void dequantize(BlockType type, const std::byte* blocks, std::span<float> out);

/// Floats to blocks, each block by the smallest squared error that a search of its scales found
/// (f16, bf16 and f32: rounded to nearest even). values.size() is a multiple of the block.
/// The same on every machine. An element costs about 55 ns (Q4_K), 40 (Q6_K), 27 (Q4_0), 2 (Q8_0).
void quantize(BlockType type, std::span<const float> values, std::byte* blocks);

}  // namespace aisp::model
