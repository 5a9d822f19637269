// A machine with two sockets, each with a PCIe switch that holds two GPUs and a network adapter,
// and a disk beside it: the tree must keep who is near whom, and no more.
#include "machine/topology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/cpu.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

TopologyNode two_sockets() {
  const auto xml = read_text(AISP_SOURCE_DIR "/machine/testdata/two_sockets.xml");
  Gpu gpu;
  gpu.index = 0;
  gpu.name = "NVIDIA H200";
  gpu.pci_address = "0000:11:00.0";
  return read_topology({gpu}, xml.value_or(""));
}

int count_kind(const TopologyNode& node, const std::string& kind) {
  int count = node.kind == kind;
  for (const TopologyNode& child : node.children) count += count_kind(child, kind);
  return count;
}

TEST(Topology, PartsOfTwoSockets) {
  const TopologyNode machine = two_sockets();
  EXPECT_EQ(machine.kind, "machine");
  EXPECT_EQ(machine.processors.size(), 8u);
  ASSERT_EQ(machine.children.size(), 2u);
  const std::pair<const char*, int> expected[] = {{"package", 2}, {"memory", 2}, {"core", 4},
                                                  {"gpu", 4},     {"disk", 2},   {"network", 2},
                                                  {"rdma", 2},    {"switch", 2}, {"hostbridge", 2}};
  for (const auto& [kind, count] : expected) EXPECT_EQ(count_kind(machine, kind), count) << kind;
  const TopologyNode& package = machine.children[0];
  EXPECT_EQ(package.label, "package 0");
  EXPECT_EQ(number_list(package.processors), "0-1,4-5");
  EXPECT_EQ(package.children.at(0).label, "NUMA node 0 1 TiB");
  EXPECT_EQ(package.children.at(1).label, "L3 105 MiB");
}

TEST(Topology, NeighboursOfAGpu) {
  const TopologyNode machine = two_sockets();
  const auto all = neighbours(machine);
  ASSERT_EQ(all.size(), 4u * 6u);
  EXPECT_EQ(all[0].gpu->label, "GPU 0 NVIDIA H200");
  const auto meets = [&](const std::string& device) {
    for (const Neighbour& one : all) {
      if (one.gpu == all[0].gpu && one.device->label == device) return one.meet;
    }
    return std::string("nowhere");
  };
  EXPECT_EQ(meets("ib0"), "the same PCIe switch");
  EXPECT_EQ(meets("mlx5_0"), "the same PCIe switch");
  EXPECT_EQ(meets("nvme0n1 3.5 TiB"), "the same PCIe root");
  EXPECT_EQ(meets("ib1"), "the machine as a whole");
  EXPECT_TRUE(std::is_sorted(all.begin(), all.begin() + 6,
                             [](const auto& a, const auto& b) { return a.steps < b.steps; }));
}

TEST(Topology, PlacesOfDevices) {
  const TopologyNode machine = two_sockets();
  const auto places = places_of_devices(machine);
  ASSERT_EQ(places.size(), 10u);
  EXPECT_EQ(places[0].part->label, "package 0");
  EXPECT_EQ(places[9].part->label, "package 1");
  EXPECT_EQ(number_list(places[9].part->processors), "2-3,6-7");
}

TEST(Topology, JsonKeepsTheTree) {
  const auto json = to_json(two_sockets());
  EXPECT_EQ(json.at("processors"), "0-7");
  EXPECT_EQ(json.at("children").at(1).at("label"), "package 1");
  EXPECT_FALSE(json.at("children").at(0).at("children").at(0).contains("children"));
  EXPECT_NE(json.dump().find("0000:11:00.0"), std::string::npos);
}

TEST(Topology, NumberLists) {
  EXPECT_EQ(number_list({}), "");
  EXPECT_EQ(number_list({3}), "3");
  EXPECT_EQ(number_list({0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
}

TEST(Topology, XmlThatIsNoneGivesOneNode) {
  const TopologyNode machine = read_topology({}, "<nothing/>");
  EXPECT_TRUE(machine.children.empty());
  EXPECT_NE(machine.label.find("nothing"), std::string::npos);
}

TEST(Topology, ThisMachine) {
  const TopologyNode machine = read_topology({});
  EXPECT_GE(count_kind(machine, "core"), cpu().cores);
}

}  // namespace
}  // namespace aisp::machine
