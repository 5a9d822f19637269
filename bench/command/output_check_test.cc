// What counts as the same output, and what is said when it is not.
#include "bench/command/output_check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <fstream>

#include "base/error.h"

namespace aisp::bench::command {
namespace {

Output numbers(std::vector<double> values, Element type = Element::kF32) {
  Output output;
  output.numbers.type = type;
  output.numbers.shape = {values.size()};
  output.numbers.values = std::move(values);
  return output;
}

OutputCheck within(double relative, double absolute, double ulps) {
  OutputCheck check;
  check.of = OutputCheck::Of::kFile;
  check.as = OutputCheck::As::kNpy;
  check.relative = relative;
  check.absolute = absolute;
  check.ulps = ulps;
  return check;
}

std::string difference(const Output& got, const Output& want, const OutputCheck& check) {
  return compare_outputs(got, want, check).difference;
}

TEST(OutputCheck, BytesAreEqualOrNot) {
  const OutputCheck bytes;
  const auto read = [&](const char* text) { return read_output(text, bytes, "x"); };
  EXPECT_EQ(difference(read("abc"), read("abc"), bytes), "");
  EXPECT_NE(difference(read("abd"), read("abc"), bytes), "");
  EXPECT_EQ(difference(read("abcd"), read("abc"), bytes), "4 bytes where 3 are right");
  EXPECT_EQ(difference(read(""), read(""), bytes), "");
}

TEST(OutputCheck, TolerancesHoldAtTheirEdge) {
  const OutputCheck relative = within(1e-3, 0.0, 0.0);
  EXPECT_EQ(difference(numbers({1000.0}), numbers({1001.0}), relative), "");
  EXPECT_NE(difference(numbers({1000.0}), numbers({1002.0}), relative), "");
  const OutputCheck absolute = within(0.0, 0.5, 0.0);
  EXPECT_EQ(difference(numbers({1.0, -1.0}), numbers({1.5, -1.5}), absolute), "");
  EXPECT_NE(difference(numbers({1.0}), numbers({1.51}), absolute), "");
  const OutputCheck exact = within(0.0, 0.0, 0.0);
  EXPECT_EQ(difference(numbers({0.0}), numbers({-0.0}), exact), "");
  EXPECT_NE(difference(numbers({0.0}), numbers({1e-300}), exact), "");
  const std::string said = difference(numbers({1, 2, 9, 4}), numbers({1, 2, 3, 4}), relative);
  EXPECT_NE(said.find("1 of 4 wrong"), std::string::npos) << said;
  EXPECT_NE(said.find("[2]"), std::string::npos) << said;
}

TEST(OutputCheck, NonFiniteMatchesOnlyItself) {
  const OutputCheck lax = within(1e3, 1e300, 1e9);
  EXPECT_EQ(difference(numbers({NAN}), numbers({NAN}), lax), "");
  EXPECT_EQ(difference(numbers({INFINITY}), numbers({INFINITY}), lax), "");
  EXPECT_NE(difference(numbers({NAN}), numbers({1.0}), lax), "");
  EXPECT_NE(difference(numbers({1.0}), numbers({NAN}), lax), "");
  EXPECT_NE(difference(numbers({INFINITY}), numbers({-INFINITY}), lax), "");
  EXPECT_NE(difference(numbers({INFINITY}), numbers({3e38}), within(1, 0, 0)), "");
}

TEST(OutputCheck, UlpsCountTheStepsOfTheType) {
  const float one = 1.0f;
  const auto after = [&](int steps) {
    return static_cast<double>(std::bit_cast<float>(std::bit_cast<std::uint32_t>(one) +
                                                    static_cast<std::uint32_t>(steps)));
  };
  const OutputCheck four = within(0.0, 0.0, 4.0);
  EXPECT_EQ(difference(numbers({after(4)}), numbers({1.0}), four), "");
  EXPECT_NE(difference(numbers({after(5)}), numbers({1.0}), four), "");
  // Across zero: the smallest values of either sign are two steps apart.
  EXPECT_EQ(difference(numbers({0x1p-149}), numbers({-0x1p-149}), four), "");
  EXPECT_EQ(
      difference(numbers({1.0 + 0x1p-50}, Element::kF64), numbers({1.0}, Element::kF64), four), "");
  EXPECT_NE(
      difference(numbers({1.0 + 0x1p-49}, Element::kF64), numbers({1.0}, Element::kF64), four), "");
  EXPECT_EQ(
      difference(numbers({1.0 + 0x1p-5}, Element::kBF16), numbers({1.0}, Element::kBF16), four),
      "");
  EXPECT_EQ(difference(numbers({1.0 + 0x1p-8}, Element::kF16), numbers({1.0}, Element::kF16), four),
            "");
  EXPECT_NE(difference(numbers({1.0 + 0x1p-7}, Element::kF16), numbers({1.0}, Element::kF16), four),
            "");
}

TEST(OutputCheck, TypeShapeAndWordsMustAgree) {
  const OutputCheck lax = within(1.0, 1.0, 0.0);
  EXPECT_EQ(difference(numbers({1}, Element::kF64), numbers({1}), lax),
            "elements are f64, not f32");
  EXPECT_EQ(difference(numbers({1, 2}), numbers({1}), lax), "its shape is (2), not (1)");
  Output matrix = numbers({1, 2, 3, 4});
  matrix.numbers.shape = {2, 2};
  EXPECT_EQ(difference(numbers({1, 2, 3, 4}), matrix, lax), "its shape is (4), not (2, 2)");
  OutputCheck text = lax;
  text.as = OutputCheck::As::kText;
  const auto read = [&](const char* bytes) { return read_output(bytes, text, "x"); };
  EXPECT_EQ(difference(read("loss 0.5"), read("loss 0.6"), text), "");
  EXPECT_EQ(difference(read("gain 0.5"), read("loss 0.5"), text),
            "word 1 is \"gain\", not \"loss\"");
  EXPECT_EQ(difference(read("0.5 loss"), read("loss 0.5"), text), "words stand at other places");
}

TEST(OutputCheck, FilesThatCannotBeReadAreErrors) {
  const OutputCheck bytes;
  EXPECT_THROW(read_output_file("/nonexistent/file", bytes), Error);
  EXPECT_THROW(read_output_file("/tmp", bytes), Error);
  const std::string path = "/tmp/aisp-output-check-" + std::to_string(getpid());
  std::ofstream(path) << "1 2 3";
  EXPECT_EQ(read_output_file(path, bytes).hash, read_output("1 2 3", bytes, "x").hash);
  EXPECT_THROW(read_output_file(path, within(0, 0, 1)), Error);  // no .npy
  unlink(path.c_str());
}

TEST(OutputCheck, TheKindFollowsFromNameAndTolerance) {
  EXPECT_EQ(kind_of_file("y.npy", false, false), OutputCheck::As::kBytes);
  EXPECT_EQ(kind_of_file("y.npy", false, true), OutputCheck::As::kNpy);
  EXPECT_EQ(kind_of_file("y.bin", true, true), OutputCheck::As::kRaw);
  EXPECT_EQ(kind_of_file("y.csv", false, true), OutputCheck::As::kText);
  EXPECT_EQ(describe(within(1e-5, 0, 4)), "numbers within 1e-05 of each value or 4 ULP");
}

}  // namespace
}  // namespace aisp::bench::command
