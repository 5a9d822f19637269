// Nodes of recorded machines, and pages and threads of this one.
#include "machine/numa.h"

#include <unistd.h>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "machine/cpu.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

class RecordedTree {
 public:
  RecordedTree() : root_(::testing::TempDir() + "numa_tree_" + std::to_string(::getpid())) {
    fs::remove_all(root_);
  }
  ~RecordedTree() { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    const std::string full = root_ + "/sys/devices/system/node/" + path;
    fs::create_directories(fs::path(full).parent_path());
    std::ofstream(full) << text << "\n";
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

TEST(Numa, TwoSocketsAreTwoNodes) {
  RecordedTree tree;
  tree.write("has_memory", "0-1");
  tree.write("node0/cpulist", "0-3,8-11");
  tree.write("node1/cpulist", "4-7,12-15");
  const auto nodes = read_numa_nodes(tree.root());
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0].cpus, (std::vector<int>{0, 1, 2, 3, 8, 9, 10, 11}));
  EXPECT_EQ(nodes[1].id, 1);
  EXPECT_EQ(nodes[1].cpus, (std::vector<int>{4, 5, 6, 7, 12, 13, 14, 15}));
}

// Memory without cores (CXL, GPU memory) is a node; cores without memory are not.
TEST(Numa, NodesAreThoseWithMemory) {
  RecordedTree tree;
  tree.write("has_memory", "0,2");
  tree.write("node0/cpulist", "0-1");
  tree.write("node1/cpulist", "2-3");
  tree.write("node2/cpulist", "");
  const auto nodes = read_numa_nodes(tree.root());
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[1].id, 2);
  EXPECT_TRUE(nodes[1].cpus.empty());
}

TEST(Numa, WithoutSysfsThereIsOneNode) {
  RecordedTree tree;
  tree.write("has_memory", "rubbish,-,9-x,99999");
  for (const std::string& root : {tree.root(), tree.root() + "/absent"}) {
    const auto nodes = read_numa_nodes(root);
    ASSERT_EQ(nodes.size(), 1u) << root;
    EXPECT_FALSE(nodes[0].cpus.empty());
  }
}

TEST(Numa, PagesCanBePlacedAndFound) {
  constexpr std::size_t kBytes = 64 << 10;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  EXPECT_EQ(node_of(memory), -1) << "not touched yet";
  const std::span<std::byte> bytes(static_cast<std::byte*>(memory), kBytes);
  const auto nodes = read_numa_nodes();
  const std::string refused = place_on_node(bytes, nodes.back().id);
  bytes[0] = std::byte{1};
  const int node = node_of(memory);
  if (refused.empty() && node != -1) {
    EXPECT_EQ(node, nodes.back().id);
  }
  if (refused.empty()) {
    EXPECT_EQ(interleave_over(bytes, nodes), "");
    EXPECT_EQ(bytes[0], std::byte{1});
  }
  EXPECT_NE(place_on_node(bytes, 1023), "");
  EXPECT_NE(place_on_node(bytes, 5000), "");
  EXPECT_EQ(place_on_node(bytes.subspan(1, 8), 1023), "") << "no whole page: nothing to do";
  munmap(memory, kBytes);
}

TEST(Numa, AThreadStaysWhereItIsPinned) {
  std::thread([] {
    const int core = cpu().core_ids.front();
    pin_thread({});
    pin_thread({&core, 1});
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(CPU_COUNT(&mask), 1);
    EXPECT_TRUE(CPU_ISSET(core, &mask));
  }).join();
}

}  // namespace
}  // namespace aisp::machine
