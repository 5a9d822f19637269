// Stored types: what blocks mean, against recorded answers of another implementation; what
// quantizing loses, against the errors that each format's definition allows.
#include "model/block_types.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "base/rng.h"

namespace aisp::model {
namespace {

std::vector<std::byte> bytes_of_hex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(BlockTypes, MeanWhatLlamaCppReads) {
  std::ifstream file(AISP_SOURCE_DIR "/model/testdata/block_vectors.txt");
  std::map<std::string, int> seen;
  std::string name, blocks_hex, floats_hex;
  while (file >> name >> blocks_hex >> floats_hex) {
    const auto type = block_type_of_name(name);
    ASSERT_TRUE(type) << name;
    const std::vector<std::byte> blocks = bytes_of_hex(blocks_hex), want = bytes_of_hex(floats_hex);
    std::vector<float> got(want.size() / sizeof(float));
    dequantize(*type, blocks.data(), got);
    ASSERT_EQ(stored_bytes(format_of(*type), static_cast<std::int64_t>(got.size())),
              static_cast<std::int64_t>(blocks.size()));
    EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size()), 0) << name;
    ++seen[name];
  }
  EXPECT_EQ(seen.size(), 12u);  // every quantized type that we read, f16 and bf16
}

// Root mean square error of a round trip over that of the values.
double relative_error(BlockType type, const std::vector<float>& values) {
  const auto bytes = stored_bytes(format_of(type), static_cast<std::int64_t>(values.size()));
  std::vector<std::byte> blocks(static_cast<std::size_t>(*bytes));
  quantize(type, values, blocks.data());
  std::vector<float> back(values.size());
  dequantize(type, blocks.data(), back);
  double error = 0, size = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    error += std::pow(double(back[i]) - double(values[i]), 2);
    size += std::pow(double(values[i]), 2);
  }
  return std::sqrt(error / size);
}

// Normal values. llama.cpp's own quantizers (without importances) leave 0.00535, 0.0178, 0.0714 and
// 0.0859 on such values; ours 0.00535, 0.0173, 0.0712 and 0.0809 of a million of them.
TEST(BlockTypes, QuantizeLosesLittle) {
  std::vector<float> values(1 << 16);
  fill_normal(values, 7, 0.02f);
  const std::pair<BlockType, double> limits[] = {
      {BlockType::kF32, 0.0},     {BlockType::kF16, 0x1p-11}, {BlockType::kBF16, 0x1p-8},
      {BlockType::kQ8_0, 0.0055}, {BlockType::kQ6_K, 0.0177}, {BlockType::kQ4_K, 0.0724},
      {BlockType::kQ4_0, 0.0830},
  };
  for (const auto& [type, limit] : limits) {
    EXPECT_LE(relative_error(type, values), limit) << format_of(type).name;
  }
}

TEST(BlockTypes, EveryElementIsWithinAStep) {
  std::vector<float> values(8 * 256);
  fill_normal(values, 11);
  for (int i = 0; i < 256; ++i) values[static_cast<std::size_t>(i)] = 0.0f;      // no scale at all
  for (int i = 256; i < 512; ++i) values[static_cast<std::size_t>(i)] = 3.0f;    // constant
  for (int i = 512; i < 768; ++i) values[static_cast<std::size_t>(i)] = -1e-7f;  // tiny
  for (int i = 768; i < 1024; ++i) values[static_cast<std::size_t>(i)] *= 1000.f;  // large
  values[1100] = 20.0f;                                                            // an outlier
  for (const BlockFormat& format : block_formats()) {
    if (format.quantize == nullptr) continue;
    std::vector<std::byte> blocks(
        static_cast<std::size_t>(*stored_bytes(format, static_cast<std::int64_t>(values.size()))));
    quantize(format.type, values, blocks.data());
    std::vector<float> back(values.size());
    dequantize(format.type, blocks.data(), back);
    for (std::size_t at = 0; at < values.size(); at += 32) {
      float peak = 0.0f;
      for (std::size_t i = at; i < at + 32; ++i) peak = std::max(peak, std::fabs(values[i]));
      // Four bits with both ends of the range used: a step is at most 2 peak / 15; the smallest
      // squared error may clip an end by another half of one. A group's 6-bit scale adds its own.
      for (std::size_t i = at; i < at + 32; ++i) {
        EXPECT_LE(std::fabs(back[i] - values[i]), 0.2f * peak + 2e-7f) << format.name << " " << i;
      }
    }
  }
}

TEST(BlockTypes, SizesDoNotOverflow) {
  const BlockFormat& q4 = format_of(BlockType::kQ4_K);
  EXPECT_EQ(stored_bytes(q4, 512), 288);
  EXPECT_FALSE(stored_bytes(q4, 100));
  EXPECT_FALSE(stored_bytes(q4, -256));
  EXPECT_FALSE(stored_bytes(format_of(BlockType::kF64), std::int64_t{1} << 61));
  EXPECT_EQ(find_format(4), nullptr);
  EXPECT_EQ(block_type_of_name("q9_9"), std::nullopt);
  EXPECT_NE(block_type_names(true).find("q4_k"), std::string::npos);
  EXPECT_EQ(block_type_names(true).find("q5_k"), std::string::npos);
  EXPECT_NE(block_type_names(false).find("q5_k"), std::string::npos);
}

TEST(BlockTypes, NotANumberIsDefined) {
  std::vector<float> values(256, NAN);
  values[3] = INFINITY;
  for (const BlockFormat& format : block_formats()) {
    if (format.quantize == nullptr) continue;
    std::vector<std::byte> blocks(static_cast<std::size_t>(*stored_bytes(format, 256)));
    quantize(format.type, values, blocks.data());  // the sanitizers look on
    dequantize(format.type, blocks.data(), values);
    values.assign(256, NAN);
  }
}

}  // namespace
}  // namespace aisp::model
