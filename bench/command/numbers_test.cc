// Readers of numbers: layouts, byte orders, special values, and every way of being broken.
#include "bench/command/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"

namespace aisp::bench::command {
namespace {

std::string npy(const std::string& dictionary, const std::string& data, char version = 1) {
  std::string text("\x93NUMPY", 6);
  text += version;
  text += '\0';
  text += static_cast<char>(dictionary.size() & 255);
  text += static_cast<char>(dictionary.size() >> 8);
  if (version > 1) text += std::string(2, '\0');
  return text + dictionary + data;
}

std::string dictionary(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }\n";
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string text;
  for (const T value : values) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    text.append(raw, sizeof(T));
  }
  return text;
}

std::string error_of(const std::string& bytes) {
  try {
    parse_npy(bytes, "x.npy");
  } catch (const Error& problem) {
    EXPECT_EQ(problem.where(), "x.npy");
    return problem.problem();
  }
  return "";
}

TEST(Numbers, NpyOfEveryTypeAndVersion) {
  const Numbers f32 =
      parse_npy(npy(dictionary("<f4", "(2, 2)"), bytes_of({1.0f, 2.0f, 3.0f, 4.5f})), "x.npy");
  EXPECT_EQ(f32.type, Element::kF32);
  EXPECT_EQ(f32.shape, (std::vector<std::size_t>{2, 2}));
  EXPECT_EQ(f32.values, (std::vector<double>{1, 2, 3, 4.5}));
  const auto values = [](const std::string& descr, const std::string& data, char version) {
    return parse_npy(npy(dictionary(descr, "(1,)"), data, version), "x.npy").values.at(0);
  };
  EXPECT_EQ(values("<f8", bytes_of({-0.1}), 2), -0.1);
  EXPECT_EQ(values("<f2", bytes_of<std::uint16_t>({0xc000}), 3), -2.0);
  EXPECT_EQ(values("<f2", bytes_of<std::uint16_t>({0x0001}), 1), 0x1p-24);
  EXPECT_EQ(values("<i8", bytes_of<std::int64_t>({-7}), 1), -7.0);
  EXPECT_EQ(values("<i2", bytes_of<std::int16_t>({-300}), 1), -300.0);
  EXPECT_EQ(values("|i1", "\xff", 1), -1.0);
  EXPECT_EQ(values("|u1", "\xff", 1), 255.0);
  EXPECT_EQ(values("|b1", "\x01", 1), 1.0);
  EXPECT_EQ(values("<u8", bytes_of<std::uint64_t>({1ull << 63}), 1), 0x1p63);
  EXPECT_EQ(values(">i4", std::string("\0\0\1\0", 4), 1), 256.0);  // big-endian
}

TEST(Numbers, FortranOrderBecomesRowMajor) {
  // [[1, 2, 3], [4, 5, 6]] stored by columns.
  const Numbers got = parse_npy(
      npy(dictionary("<f4", "(2, 3)", true), bytes_of({1.0f, 4.0f, 2.0f, 5.0f, 3.0f, 6.0f})), "x");
  EXPECT_EQ(got.values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(Numbers, ScalarAndEmptyArrays) {
  EXPECT_EQ(parse_npy(npy(dictionary("<f4", "()"), bytes_of({1.5f})), "x").values.size(), 1u);
  EXPECT_TRUE(parse_npy(npy(dictionary("<f4", "(0, 3)"), ""), "x").values.empty());
}

TEST(Numbers, BrokenNpyFilesSayWhat) {
  const std::string good = npy(dictionary("<f4", "(3,)"), bytes_of({1.0f, 2.0f, 3.0f}));
  EXPECT_EQ(error_of(good), "");
  EXPECT_NE(error_of("").find("does not begin"), std::string::npos);
  EXPECT_NE(error_of("1.0 2.0 3.0 4.0").find("does not begin"), std::string::npos);
  EXPECT_NE(error_of(good.substr(0, 20)).find("ends in its header"), std::string::npos);
  EXPECT_NE(error_of(good.substr(0, good.size() - 1)).find("11 bytes of elements"),
            std::string::npos);
  EXPECT_NE(error_of(good + "x").find("13 bytes of elements"), std::string::npos);
  EXPECT_NE(error_of(npy(dictionary("<c8", "(1,)"), "12345678")).find("'<c8' is not supported"),
            std::string::npos);
  EXPECT_NE(
      error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "1234"))
          .find("records"),
      std::string::npos);
  EXPECT_NE(error_of(npy("{'descr': '<f4', 'shape': (1,)}", "1234")).find("no fortran_order"),
            std::string::npos);
  EXPECT_NE(error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': 1}", "1234"))
                .find("shape is not understood"),
            std::string::npos);
  EXPECT_NE(error_of(npy(dictionary("<f4", "(99999999, 99999999)"), "")).find("beyond all memory"),
            std::string::npos);
  EXPECT_NE(error_of(npy(dictionary("<f4", "(1,)"), "1234", 9)).find("version 9"),
            std::string::npos);
  // No cut of a good file is read past its end.
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(error_of(good.substr(0, length)), "") << length;
  }
}

TEST(Numbers, RawNeedsWholeElements) {
  const Numbers got = parse_raw(bytes_of<std::uint16_t>({0x3f80, 0xc000}), Element::kBF16, "x");
  EXPECT_EQ(got.values, (std::vector<double>{1.0, -2.0}));
  EXPECT_THROW(parse_raw("12345", Element::kF32, "x"), Error);
  EXPECT_EQ(element_of("i16", "--dtype"), Element::kI16);
  EXPECT_THROW(element_of("float", "--dtype"), UsageError);
}

TEST(Numbers, TextKeepsWordsWithTheirPlaces) {
  const Numbers got = parse_text("loss, 0.5\nacc; nan 1e-3\t-inf 0x1p3 12px\n");
  ASSERT_EQ(got.values.size(), 5u);
  EXPECT_EQ(got.values[0], 0.5);
  EXPECT_TRUE(std::isnan(got.values[1]));
  EXPECT_EQ(got.values[3], -INFINITY);
  EXPECT_EQ(got.values[4], 8.0);
  EXPECT_EQ(got.words, (std::vector<std::string>{"loss", "acc", "12px"}));
  EXPECT_EQ(got.places, (std::vector<std::size_t>{0, 2, 7}));
  EXPECT_TRUE(parse_text("").values.empty());
}

}  // namespace
}  // namespace aisp::bench::command
