// Libraries are found as the loader finds them, and asked without danger.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "machine/facts.h"
#include "machine/library_question.h"
#include "machine/loader_cache.h"
#include "machine/temporary_tree.h"

namespace aisp::machine {
namespace {

void add_word(std::string& bytes, std::uint32_t value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The bytes of an ld.so.cache with these (flags, name, path).
struct Entry {
  std::uint32_t flags;
  std::string name, path;
};
std::string loader_cache(const std::vector<Entry>& entries) {
  std::string head = "glibc-ld.so.cache1.1", names;
  add_word(head, static_cast<std::uint32_t>(entries.size()));
  head.resize(48);
  const std::size_t start = 48 + 24 * entries.size();
  for (const Entry& entry : entries) {
    add_word(head, entry.flags);
    add_word(head, static_cast<std::uint32_t>(start + names.size()));
    names += entry.name + '\0';
    add_word(head, static_cast<std::uint32_t>(start + names.size()));
    names += entry.path + '\0';
    head.append(12, '\0');
  }
  return head + names;
}

const Library* library_named(const Facts& facts, const std::string& name) {
  for (const Library& library : facts.libraries) {
    if (library.name == name) return &library;
  }
  return nullptr;
}

TEST(LoaderCache, ListsThe64BitLibraries) {
  const std::string bytes = loader_cache({{0x0303, "libnccl.so.2", "/usr/lib/libnccl.so.2"},
                                          {0x0003, "libnccl.so.2", "/usr/lib32/libnccl.so.2"},
                                          {0x0a03, "libcuda.so.1", "/usr/lib/libcuda.so.1"}});
  // An older list stands in front in files of older systems.
  for (const std::string& file : {bytes, "ld.so-1.7.0\0padding" + bytes}) {
    const auto found = parse_loader_cache(file);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].name, "libnccl.so.2");
    EXPECT_EQ(found[0].path, "/usr/lib/libnccl.so.2");
    EXPECT_EQ(found[1].name, "libcuda.so.1");
  }
}

TEST(LoaderCache, DamagedFilesGiveNothingWrong) {
  const std::string bytes = loader_cache({{0x0303, "libnccl.so.2", "/usr/lib/libnccl.so.2"}});
  EXPECT_TRUE(parse_loader_cache("").empty());
  EXPECT_TRUE(parse_loader_cache("no cache at all").empty());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_TRUE(parse_loader_cache(std::string_view(bytes).substr(0, cut)).empty()) << cut;
  }
  std::string many = bytes;
  std::memset(many.data() + 20, 0xff, 4);  // a count of four thousand million
  EXPECT_LE(parse_loader_cache(many).size(), 2u);
}

TEST(Libraries, VersionsFromFileNames) {
  TemporaryTree tree;
  tree.put("/opt/nccl/libnccl.so.2.27.3", "");
  tree.link("/opt/nccl/libnccl.so.2", "libnccl.so.2.27.3");
  tree.put("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblasp-r0.3.26.so", "");
  tree.link("/usr/lib/x86_64-linux-gnu/libopenblas.so.0",
            "openblas-pthread/libopenblasp-r0.3.26.so");
  tree.put("/usr/local/cuda/lib64/libcudart.so.12.8.90", "");
  tree.link("/usr/local/cuda/lib64/libcudart.so.12", "libcudart.so.12.8.90");
  tree.put("/usr/lib64/libcudart.so.11.0", "");
  tree.put("/usr/lib64/libcudnn.so.9", "");
  tree.put("/usr/lib64/libcudnn.so.x", "");
  tree.put("/etc/ld.so.cache", loader_cache({{0x0303, "libnccl.so.2", "/opt/nccl/libnccl.so.2"},
                                             {0x0303, "libdnnl.so.3", "/gone/libdnnl.so.3"}}));
  const Facts facts = read_facts(tree.root());
  ASSERT_NE(library_named(facts, "libnccl.so.2"), nullptr);
  EXPECT_EQ(library_named(facts, "libnccl.so.2")->version, "2.27.3");
  EXPECT_EQ(library_named(facts, "libnccl.so.2")->path, "/opt/nccl/libnccl.so.2");
  ASSERT_NE(library_named(facts, "libopenblas.so.0"), nullptr);
  EXPECT_EQ(library_named(facts, "libopenblas.so.0")->version, "0.3.26");
  EXPECT_EQ(facts.cuda_runtime, "12.8") << "the highest major number";
  ASSERT_NE(library_named(facts, "libcudnn.so.9"), nullptr);
  EXPECT_EQ(library_named(facts, "libcudnn.so.9")->version, "") << "9 is its interface";
  EXPECT_EQ(library_named(facts, "libdnnl.so.3"), nullptr) << "listed, but gone";
}

TEST(Libraries, NumbersAsTexts) {
  EXPECT_EQ(version_text(VersionQuestion::kNccl, 22809), "2.28.9");
  EXPECT_EQ(version_text(VersionQuestion::kNccl, 2804), "2.8.4");
  EXPECT_EQ(version_text(VersionQuestion::kCudnn, 91002), "9.10.2");
  EXPECT_EQ(version_text(VersionQuestion::kCudnn, 8907), "8.9.7");
  EXPECT_EQ(version_text(VersionQuestion::kCublasLt, 130100), "13.1.0");
  EXPECT_EQ(version_text(VersionQuestion::kCudaRuntime, 13000), "13.0");
}

TEST(Libraries, AskedInAChild) {
  EXPECT_EQ(ask_library(AISP_FAKE_NCCL, VersionQuestion::kNccl).version, "2.28.9");
  EXPECT_EQ(ask_library(AISP_FAKE_NCCL, VersionQuestion::kCudnn).version, "") << "no such function";
  EXPECT_EQ(ask_library("/nowhere.so", VersionQuestion::kNccl).version, "");
  EXPECT_EQ(ask_library(AISP_FAKE_CRASH, VersionQuestion::kNccl).version, "");
}

TEST(Libraries, OneThatHangsIsLeft) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(ask_library(AISP_FAKE_HANG, VersionQuestion::kNccl, 0.2).version, "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

}  // namespace
}  // namespace aisp::machine
