// Differences between machines: what is found, and what is left alone.
#include "doctor/fleet.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace aisp::doctor {
namespace {

Examination machine(const std::string& host, Verdict swap, int width, double bandwidth) {
  Examination e;
  e.host = e.facts.hostname = host;
  machine::Gpu gpu;
  gpu.uuid = "GPU-" + host;
  gpu.pcie_width_now = width;
  gpu.temperature = 30 + width;
  e.facts.gpus.push_back(gpu);
  Row row;
  row.item = *find_item("swap-off");
  row.finding.verdict = swap;
  row.finding.evidence = {{"/proc/sys/vm/swappiness", swap == Verdict::kOk ? "10" : "60"}};
  e.rows.push_back(row);
  Row measured;
  measured.item = *find_item("storage-bandwidth");
  measured.finding = ok("read", {{"sequential read, GB/s", std::to_string(bandwidth) + " [1, 2]"}});
  e.rows.push_back(measured);
  return e;
}

std::set<std::string> keys(const std::vector<Difference>& all) {
  std::set<std::string> names;
  for (const auto& one : all) names.insert(one.key);
  return names;
}

TEST(Fleet, EqualMachinesDiffer_InNothing) {
  EXPECT_TRUE(
      differences({machine("a", Verdict::kOk, 16, 5), machine("b", Verdict::kOk, 16, 5)}).empty());
}

TEST(Fleet, TheOddOneIsNamed) {
  const auto all =
      differences({machine("a", Verdict::kOk, 16, 5), machine("b", Verdict::kWarn, 8, 5),
                   machine("c", Verdict::kOk, 16, 5)});
  EXPECT_EQ(keys(all), (std::set<std::string>{"swap-off", "/proc/sys/vm/swappiness",
                                              "gpus/0/pcie_width_now"}));
  for (const auto& one : all) EXPECT_EQ(one.odd(), std::vector<std::string>{"b"}) << one.key;
}

TEST(Fleet, TwoMachinesHaveNoMajority) {
  const auto all =
      differences({machine("a", Verdict::kOk, 16, 5), machine("b", Verdict::kOk, 8, 5)});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].usual, "");
  EXPECT_EQ(all[0].odd(), (std::vector<std::string>{"a", "b"}));
}

TEST(Fleet, ASlowDiskLiesApart) {
  const std::vector<Examination> machines = {
      machine("a", Verdict::kOk, 16, 5.0), machine("b", Verdict::kOk, 16, 5.1),
      machine("c", Verdict::kOk, 16, 4.95), machine("d", Verdict::kOk, 16, 2.0)};
  const auto found = outliers(machines);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].host, "d");
  EXPECT_DOUBLE_EQ(found[0].value, 2.0);
}

TEST(Fleet, DocumentsMakeTheRoundTrip) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("aisp_fleet_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  for (const char* const host : {"a", "b"}) {
    std::ofstream(folder / (std::string(host) + ".json"))
        << to_json(machine("node", Verdict::kWarn, 16, 5)).dump();
  }
  const auto machines = read_documents({folder.string()});
  ASSERT_EQ(machines.size(), 2u);
  EXPECT_EQ(machines[0].host, "node");
  EXPECT_EQ(machines[1].host, "node#2");
  EXPECT_EQ(machines[0].rows[0].finding.verdict, Verdict::kWarn);
  std::ofstream(folder / "c.json") << "{\"schema\": \"else\"}";
  EXPECT_THROW(read_documents({folder.string()}), Error);
  EXPECT_THROW(read_documents({(folder / "none.json").string()}), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace aisp::doctor
