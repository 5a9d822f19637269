// Reading at an offset, and what cannot be read. That cold is cold is tested by ch05:storage_cpu,
// which finds a disk for it.
#include "machine/page_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"

namespace aisp::machine {
namespace {

TEST(PageCache, ReadsTheBytesAtAnOffset) {
  const std::string path = ::testing::TempDir() + "page_cache_test";
  std::ofstream(path) << "0123456789";
  const File file(path.c_str(), O_RDONLY);
  EXPECT_EQ(file.size_bytes(), 10u);
  std::vector<std::byte> bytes(4);
  read_at(file, bytes, 3);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), 4), "3456");
  EXPECT_THROW(read_at(file, bytes, 7), Error) << "one byte is missing";
  EXPECT_THROW(read_at(file, bytes, 100), Error);
  const File write_only(path.c_str(), O_WRONLY);
  EXPECT_THROW(read_at(write_only, bytes, 0), Error);
  EXPECT_THROW(File("/nonexistent/file", O_RDONLY), Error);
}

}  // namespace
}  // namespace aisp::machine
