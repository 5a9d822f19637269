// Guard pages, canaries, poison, near-copies and file inputs.
#include "bench/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::bench {
namespace {

Lab random_lab(Place place = Place::kMemory) {
  Lab lab;
  lab.problem = [place](const Params& p) {
    return Problem{{{"x", DType::kF32, {p["n"]}, place}}, {{"y", DType::kF32, {p["n"]}}}};
  };
  lab.prepare = [](const Params&, std::uint64_t seed, const Io& io) {
    fill_uniform(io.fill<float>(0), seed);
  };
  return lab;
}

TEST(GuardedBuffer, WritesPastTheEndFault) {
  const GuardedBuffer buffer(1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
  EXPECT_TRUE(buffer.canaries_intact());
  buffer.data()[1000] = std::byte{1};  // the slack behind the data, before the guard page
  EXPECT_FALSE(buffer.canaries_intact());
  EXPECT_DEATH(buffer.data()[1024] = std::byte{1}, "");
}

TEST(GuardedBuffer, WritesBeforeTheStartAreSeen) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{5} << 20}) {
    const GuardedBuffer buffer(bytes);
    buffer.data()[-1] = std::byte{7};
    EXPECT_FALSE(buffer.canaries_intact()) << bytes;
  }
}

TEST(GuardedBuffer, RefusedMemoryIsAnError) {
  EXPECT_THROW(GuardedBuffer(std::size_t{1} << 60), Error);
}

TEST(InputSet, SameSeedSameInputsOtherSeedOtherInputs) {
  const Lab lab = random_lab();
  const Params params{{"n", 1000}};
  InputSet a(lab.problem(params), "/tmp"), b(lab.problem(params), "/tmp");
  a.fill(lab, params, 5);
  b.fill(lab, params, 5);
  EXPECT_EQ(a.input_checksum(), b.input_checksum());
  b.fill(lab, params, 6);
  EXPECT_NE(a.input_checksum(), b.input_checksum());
}

TEST(InputSet, PoisonIsNotANumberAndDependsOnTheSeed) {
  const Lab lab = random_lab();
  InputSet set(lab.problem({{"n", 77}}), "/tmp");
  set.poison_outputs(1);
  const auto first = set.io().out<float>(0)[76];
  EXPECT_TRUE(std::isnan(first));
  EXPECT_TRUE(std::isnan(set.io().out<float>(0)[0]));
  const auto bits = std::bit_cast<std::uint32_t>(first);
  set.poison_outputs(2);
  EXPECT_NE(bits, std::bit_cast<std::uint32_t>(set.io().out<float>(0)[76]));
}

TEST(InputSet, NearCopyDiffersInAFewElements) {
  const Lab lab = random_lab();
  const Params params{{"n", 10000}};
  InputSet a(lab.problem(params), "/tmp"), b(lab.problem(params), "/tmp");
  a.fill(lab, params, 1);
  b.fill(lab, params, 2);
  ASSERT_TRUE(b.become_near_copy(a, 3));
  int different = 0;
  for (std::size_t i = 0; i < 10000; ++i)
    different += a.io().in<float>(0)[i] != b.io().in<float>(0)[i];
  EXPECT_GE(different, 5);
  EXPECT_LE(different, 8);
}

TEST(InputSet, FileInputsAreRealFilesAndGoAway) {
  const Lab lab = random_lab(Place::kFile);
  const Params params{{"n", 5000}};
  std::string path;
  {
    InputSet set(lab.problem(params), "/tmp");
    set.fill(lab, params, 9);
    path = set.io().in_path(0);
    std::vector<float> expected(5000);
    fill_uniform(expected, 9);
    std::vector<float> got(5000);
    FILE* file = fopen(path.c_str(), "rb");
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(fread(got.data(), 4, 5000, file), 5000u);
    fclose(file);
    EXPECT_EQ(got, expected);
  }
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_THROW(InputSet(lab.problem(params), "/nonexistent-folder"), Error);
}

}  // namespace
}  // namespace aisp::bench
