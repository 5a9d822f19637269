// Walks over folders: what is counted, what is told apart, and that they end.
#include "doctor/walk.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "machine/temporary_tree.h"

namespace aisp::doctor {
namespace {

TEST(Walk, CountsSizesAndFormats) {
  machine::TemporaryTree tree;
  tree.put("/a/one.csv", std::string(1000, 'x'));
  tree.put("/a/two.parquet", std::string(3000, 'y'));
  tree.put("/b/c/magic", "PAR1" + std::string(50, '\1'));
  tree.put("/b/c/words", "hello, world\n");
  tree.put("/b/c/bytes", std::string("\0\1\2", 3));
  tree.link("/b/loop", "..");  // not followed
  const auto walk = walk_folder(tree.root());
  ASSERT_TRUE(walk);
  EXPECT_TRUE(walk->complete);
  EXPECT_EQ(walk->files, 5U);
  EXPECT_EQ(walk->folders, 4U);
  EXPECT_EQ(walk->sizes, (std::vector<std::uint64_t>{3, 13, 54, 1000, 3000}));
  EXPECT_EQ(walk->formats.at("csv").bytes, 1000U);
  EXPECT_EQ(walk->formats.at("parquet").files, 2U);
  EXPECT_EQ(walk->formats.at("text").files, 1U);
  EXPECT_EQ(walk->formats.at("other").files, 1U);
}

TEST(Walk, FindsFilesThatAreThereTwice) {
  machine::TemporaryTree tree;
  tree.put("/a.bin", std::string(5000, 'x'));
  tree.put("/b.bin", std::string(5000, 'x'));
  tree.put("/c.bin", std::string(5000, 'y'));  // the same size, another content
  tree.put("/empty1", "");
  tree.put("/empty2", "");
  EXPECT_EQ(walk_folder(tree.root()).value_or(Walk{}).duplicates, 1U);
}

TEST(Walk, StopsAtItsLimits) {
  machine::TemporaryTree tree;
  for (int i = 0; i < 300; ++i) tree.put("/d/" + std::to_string(i), "x");
  const auto few = walk_folder(tree.root(), {.most_names = 100, .most_sampled = 10});
  ASSERT_TRUE(few);
  EXPECT_FALSE(few->complete);
  EXPECT_LE(few->files, 100U);
  EXPECT_EQ(few->sizes.size(), 10U);
  const auto late = walk_folder(tree.root(), {.seconds = 0.0});
  ASSERT_TRUE(late);
  EXPECT_FALSE(late->complete);
}

TEST(Walk, OfOneFileOrNone) {
  machine::TemporaryTree tree;
  tree.put("/only.npy", "1234");
  const auto one = walk_folder(tree.root() + "/only.npy");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->formats.at("npy").bytes, 4U);
  EXPECT_FALSE(walk_folder(tree.root() + "/absent"));
  EXPECT_FALSE(walk_folder("/dev/null"));
}

TEST(Walk, IsTheSameThroughJson) {
  machine::TemporaryTree tree;
  tree.put("/a.json", "{}");
  tree.put("/b/c.tar", std::string(700, 'x'));
  const auto walk = walk_folder(tree.root());
  ASSERT_TRUE(walk);
  EXPECT_EQ(to_json(walk_from_json(to_json(*walk))).dump(), to_json(*walk).dump());
}

}  // namespace
}  // namespace aisp::doctor
