// The storage lab beyond equality: cold means cold and direct means past the page cache,
// destinations of any alignment are filled, and what can go wrong with a file is an Error.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {

bench::Lab describe();

namespace {

bool is_tmpfs(const std::string& folder) {
  struct statfs status {};
  return statfs(folder.c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
}

// A file of `bytes` bytes whose contents follow from the seed; removed at the end.
class TestFile {
 public:
  TestFile(const std::string& folder, std::size_t bytes, std::uint64_t seed = 1)
      : path_(folder + "/aisp-storage-test-" + std::to_string(getpid())), contents_(bytes) {
    Rng rng(seed);
    for (auto& byte : contents_) byte = static_cast<char>(rng.next());
    std::ofstream(path_, std::ios::binary).write(contents_.data(), std::ssize(contents_));
    const File file(path_.c_str(), O_RDWR);
    EXPECT_EQ(fdatasync(file.descriptor()), 0);
  }
  ~TestFile() { unlink(path_.c_str()); }
  const char* path() const { return path_.c_str(); }
  const std::vector<char>& contents() const { return contents_; }

 private:
  std::string path_;
  std::vector<char> contents_;
};

// Runs a technique on a file and a destination of the test's own.
void load(const bench::Technique& technique, const char* path, void* into, std::size_t bytes) {
  bench::Io::Buffer in{nullptr, bytes, DType::kBF16, path};
  bench::Io::Buffer out{into, bytes, DType::kBF16, nullptr};
  const bench::Params params{{"count", static_cast<std::int64_t>(bytes / 2)}, {"cold", 0}};
  technique.plan(params)->run({{&in, 1}, {&out, 1}}, 1);
}

class StorageLab : public ::testing::Test {
 protected:
  // A folder on a disk that knows direct I/O, or the test is skipped.
  void SetUp() override {
    const char* chosen = std::getenv("TMPDIR");
    for (const std::string folder : {chosen != nullptr ? chosen : "/tmp", "/var/tmp", "."}) {
      if (is_tmpfs(folder)) continue;
      try {
        const TestFile file(folder, 4096);
        const DirectFile direct(file.path());
        const Scratch block = allocate_scratch(4096);
        if (direct.read({block.get(), 4096}, 0) == 4096) {
          folder_ = folder;
          return;
        }
      } catch (const Error&) {
        continue;
      }
    }
    GTEST_SKIP() << "no folder on a disk with direct I/O";
  }

  static std::vector<bench::Technique> usable() {
    std::vector<bench::Technique> techniques;
    for (auto& technique : describe().techniques) {
      if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
      techniques.push_back(technique);
    }
    return techniques;
  }

  std::string folder_;
};

TEST_F(StorageLab, EveryTechniqueIsRight) {
  const bench::Lab lab = describe();
  std::vector<bench::Params> sizes = lab.ragged;
  for (const auto& one : lab.cases) sizes.push_back(one.smoke);
  for (const auto& params : sizes) {
    for (const auto& technique : usable()) {
      EXPECT_EQ(bench::run_and_check(lab, params, technique, 11, folder_), "")
          << technique.name << " count=" << params["count"];
    }
  }
}

TEST_F(StorageLab, ColdIsColdAndWarmIsWarm) {
  constexpr std::size_t kBytes = (1 << 20) + 100;
  const TestFile file(folder_, kBytes);
  make_warm(file.path());
  EXPECT_GE(cached_bytes(file.path()), kBytes);
  make_cold(file.path());
  EXPECT_EQ(cached_bytes(file.path()), 0u);
  make_warm(file.path());
  EXPECT_GE(cached_bytes(file.path()), kBytes);
}

TEST_F(StorageLab, OnlyDirectTechniquesPassByThePageCache) {
  constexpr std::size_t kBytes = 1 << 20;
  const TestFile file(folder_, kBytes);
  std::vector<char> out(kBytes + 4096);
  void* page = out.data();
  std::size_t space = out.size();
  ASSERT_NE(std::align(4096, kBytes, page, space), nullptr);
  for (const auto& technique : usable()) {
    make_cold(file.path());
    load(technique, file.path(), page, kBytes);
    const bool direct = technique.name.find("direct") != std::string::npos;
    EXPECT_EQ(cached_bytes(file.path()) == 0, direct) << technique.name;
  }
}

TEST_F(StorageLab, DestinationsOfAnyAlignmentAreFilled) {
  for (const std::size_t bytes : {2u, 510u, 512u, 4096u, 4098u, 1048576u, 17u * 1048576u + 1026u}) {
    const TestFile file(folder_, bytes, bytes);
    for (const std::size_t shift : {0u, 2u, 64u}) {
      for (const auto& technique : usable()) {
        std::vector<char> out(bytes + 256, 'x');
        auto* begin = out.data() + shift;
        load(technique, file.path(), begin, bytes);
        ASSERT_EQ(std::memcmp(begin, file.contents().data(), bytes), 0)
            << technique.name << " " << bytes << " bytes, shifted by " << shift;
        ASSERT_EQ(out[bytes + shift], 'x') << technique.name << " wrote past the end";
        if (shift > 0) {
          ASSERT_EQ(begin[-1], 'x') << technique.name;
        }
      }
    }
  }
}

TEST_F(StorageLab, AMissingFileIsAnError) {
  char out[512];
  for (const auto& technique : usable()) {
    EXPECT_THROW(load(technique, "/nonexistent/weights.bin", out, sizeof out), Error)
        << technique.name;
  }
}

TEST_F(StorageLab, AFileShorterThanItsTensorIsAnError) {
  const TestFile file(folder_, 70000);
  std::vector<char> out(3 << 20);
  for (const auto& technique : usable()) {
    EXPECT_THROW(load(technique, file.path(), out.data(), out.size()), Error) << technique.name;
  }
}

TEST(StorageLabWithoutDisk, ColdOnAMemoryFilesystemIsRefused) {
  if (!is_tmpfs("/dev/shm") || access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no tmpfs here";
  const TestFile file("/dev/shm", 8192);
  EXPECT_THROW(make_cold(file.path()), Error);
}

}  // namespace
}  // namespace aisp::labs::ch05::storage_cpu
