// The loops behind block_types.h: one pair per format, named in the table of block_types.cc.
// out.size() and values.size() are multiples of the block; nothing else is asked.
#pragma once

#include <cstddef>
#include <span>

namespace aisp::model {

void decode_f32(const std::byte* blocks, std::span<float> out);
void decode_f64(const std::byte* blocks, std::span<float> out);
void decode_f16(const std::byte* blocks, std::span<float> out);
void decode_bf16(const std::byte* blocks, std::span<float> out);
void decode_q4_0(const std::byte* blocks, std::span<float> out);
void decode_q4_1(const std::byte* blocks, std::span<float> out);
void decode_q5_0(const std::byte* blocks, std::span<float> out);
void decode_q5_1(const std::byte* blocks, std::span<float> out);
void decode_q8_0(const std::byte* blocks, std::span<float> out);
void decode_q2_k(const std::byte* blocks, std::span<float> out);
void decode_q3_k(const std::byte* blocks, std::span<float> out);
void decode_q4_k(const std::byte* blocks, std::span<float> out);
void decode_q5_k(const std::byte* blocks, std::span<float> out);
void decode_q6_k(const std::byte* blocks, std::span<float> out);

void encode_f32(std::span<const float> values, std::byte* blocks);
void encode_f16(std::span<const float> values, std::byte* blocks);
void encode_bf16(std::span<const float> values, std::byte* blocks);
void encode_q4_0(std::span<const float> values, std::byte* blocks);
void encode_q8_0(std::span<const float> values, std::byte* blocks);
void encode_q4_k(std::span<const float> values, std::byte* blocks);
void encode_q6_k(std::span<const float> values, std::byte* blocks);

}  // namespace aisp::model
