// See block_types.h: the table of formats.
#include "model/block_types.h"

#include "base/check.h"
#include "model/block_loops.h"

namespace aisp::model {
namespace {

// Types of GGUF that we only measure, so that a file which has them can be shown and named in an
// error. Elements and bytes of a block: ggml_blck_size() and ggml_type_size() of libggml.
constexpr BlockType only_size(std::uint32_t number) { return static_cast<BlockType>(number); }

constexpr BlockFormat kFormats[] = {
    {BlockType::kF32, "f32", 1, 4, decode_f32, encode_f32},
    {BlockType::kF16, "f16", 1, 2, decode_f16, encode_f16},
    {BlockType::kBF16, "bf16", 1, 2, decode_bf16, encode_bf16},
    {BlockType::kQ8_0, "q8_0", 32, 34, decode_q8_0, encode_q8_0},
    {BlockType::kQ4_0, "q4_0", 32, 18, decode_q4_0, encode_q4_0},
    {BlockType::kQ4_K, "q4_k", 256, 144, decode_q4_k, encode_q4_k},
    {BlockType::kQ6_K, "q6_k", 256, 210, decode_q6_k, encode_q6_k},
    {BlockType::kQ4_1, "q4_1", 32, 20, decode_q4_1, nullptr},
    {BlockType::kQ5_0, "q5_0", 32, 22, decode_q5_0, nullptr},
    {BlockType::kQ5_1, "q5_1", 32, 24, decode_q5_1, nullptr},
    {BlockType::kQ2_K, "q2_k", 256, 84, decode_q2_k, nullptr},
    {BlockType::kQ3_K, "q3_k", 256, 110, decode_q3_k, nullptr},
    {BlockType::kQ5_K, "q5_k", 256, 176, decode_q5_k, nullptr},
    {BlockType::kF64, "f64", 1, 8, decode_f64, nullptr},
    {BlockType::kI8, "i8", 1, 1, nullptr, nullptr},
    {BlockType::kI16, "i16", 1, 2, nullptr, nullptr},
    {BlockType::kI32, "i32", 1, 4, nullptr, nullptr},
    {BlockType::kI64, "i64", 1, 8, nullptr, nullptr},
    {only_size(9), "q8_1", 32, 36, nullptr, nullptr},
    {only_size(15), "q8_k", 256, 292, nullptr, nullptr},
    {only_size(16), "iq2_xxs", 256, 66, nullptr, nullptr},
    {only_size(17), "iq2_xs", 256, 74, nullptr, nullptr},
    {only_size(18), "iq3_xxs", 256, 98, nullptr, nullptr},
    {only_size(19), "iq1_s", 256, 50, nullptr, nullptr},
    {only_size(20), "iq4_nl", 32, 18, nullptr, nullptr},
    {only_size(21), "iq3_s", 256, 110, nullptr, nullptr},
    {only_size(22), "iq2_s", 256, 82, nullptr, nullptr},
    {only_size(23), "iq4_xs", 256, 136, nullptr, nullptr},
    {only_size(29), "iq1_m", 256, 56, nullptr, nullptr},
    {only_size(34), "tq1_0", 256, 54, nullptr, nullptr},
    {only_size(35), "tq2_0", 256, 66, nullptr, nullptr},
    {only_size(39), "mxfp4", 32, 17, nullptr, nullptr},
    {only_size(40), "nvfp4", 64, 36, nullptr, nullptr},
};

}  // namespace

std::span<const BlockFormat> block_formats() { return kFormats; }

const BlockFormat* find_format(std::uint32_t number) {
  for (const BlockFormat& format : kFormats) {
    if (static_cast<std::uint32_t>(format.type) == number) return &format;
  }
  return nullptr;
}

const BlockFormat& format_of(BlockType type) {
  const BlockFormat* format = find_format(static_cast<std::uint32_t>(type));
  check(format != nullptr, "a tensor has a type that its reader let through");
  return *format;
}

std::optional<BlockType> block_type_of_name(std::string_view name) {
  for (const BlockFormat& format : kFormats) {
    if (format.name == name) return format.type;
  }
  return std::nullopt;
}

std::string block_type_names(bool written) {
  std::string names;
  for (const BlockFormat& format : kFormats) {
    if (written ? format.quantize == nullptr : format.dequantize == nullptr) continue;
    if (!names.empty()) names += ", ";
    names += format.name;
  }
  return names;
}

std::optional<std::int64_t> stored_bytes(const BlockFormat& format, std::int64_t elements) {
  std::int64_t bytes = 0;
  if (elements < 0 || elements % format.elements != 0) return std::nullopt;
  if (__builtin_mul_overflow(elements / format.elements, format.bytes, &bytes)) return std::nullopt;
  return bytes;
}

void dequantize(BlockType type, const std::byte* blocks, std::span<float> out) {
  const BlockFormat& format = format_of(type);
  check(format.dequantize != nullptr, "a tensor of a type that is not read");
  check(out.size() % static_cast<std::size_t>(format.elements) == 0, "part of a block");
  format.dequantize(blocks, out);
}

void quantize(BlockType type, std::span<const float> values, std::byte* blocks) {
  const BlockFormat& format = format_of(type);
  check(format.quantize != nullptr, "a tensor of a type that is not written");
  check(values.size() % static_cast<std::size_t>(format.elements) == 0, "part of a block");
  format.quantize(values, blocks);
}

}  // namespace aisp::model
