// GPUs through stand-ins for NVML and the CUDA driver: every planted value must arrive, every
// refusal must leave its value absent and a reason.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "machine/facts.h"
#include "machine/gpu_cuda.h"
#include "machine/gpu_reader.h"

namespace aisp::machine {
namespace {

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

std::string all_unseen(const std::vector<Facts::Unseen>& unseen) {
  std::string text;
  for (const auto& u : unseen) text += u.what + " | " + u.why + " | " + u.as_root + "\n";
  return text;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Gpu, PlantedValues) {
  GpuRefusals refusals;
  const GpuReader reader(AISP_FAKE_NVML);
  ASSERT_EQ(reader.why_not(), "");
  EXPECT_EQ(reader.driver_version(), "580.95.05");
  EXPECT_EQ(reader.cuda_version(), "13.0");
  const auto gpus = reader.read_all(refusals);
  ASSERT_EQ(gpus.size(), 2u);
  const Gpu& gpu = gpus[0];
  EXPECT_EQ(gpu.name, "NVIDIA H200");
  EXPECT_EQ(gpu.uuid, "GPU-0000-0");
  EXPECT_EQ(gpu.pci_address, "0000:1b:00.0");
  EXPECT_EQ(gpu.compute_major, 9);
  EXPECT_EQ(gpu.compute_minor, 0);
  EXPECT_EQ(gpu.memory_bytes, 150754820096u);
  EXPECT_EQ(gpu.memory_free_bytes, 150000000000u);
  EXPECT_EQ(gpu.memory_bus_bits, 6144);
  EXPECT_EQ(gpu.sm_clock_now, 345);
  EXPECT_EQ(gpu.sm_clock_max, 1980);
  EXPECT_EQ(gpu.memory_clock_now, 2619);
  EXPECT_EQ(gpu.memory_clock_max, 3201);
  EXPECT_EQ(gpu.power_now, 76.543);
  EXPECT_EQ(gpu.power_limit, 700.0);
  EXPECT_EQ(gpus[1].power_limit, 500.0);
  EXPECT_EQ(gpu.power_limit_default, 700.0);
  EXPECT_EQ(gpu.power_limit_max, 700.0);
  EXPECT_EQ(gpu.temperature, 34);
  EXPECT_EQ(gpu.temperature_margin, 53);
  EXPECT_EQ(gpu.memory_temperature, 41);
  EXPECT_EQ(gpu.throttle_reasons, 1u);
  EXPECT_EQ(gpu.utilization_percent, 42);
  EXPECT_EQ(gpu.memory_utilization_percent, 17);
  EXPECT_EQ(gpu.ecc_now, true);
  EXPECT_EQ(gpus[1].ecc_now, false);
  EXPECT_EQ(gpus[1].ecc_pending, true);
  EXPECT_EQ(gpu.ecc_uncorrected_volatile, 0u);
  EXPECT_EQ(gpu.ecc_uncorrected_aggregate, 7u);
  EXPECT_EQ(gpu.remapped_rows_uncorrectable, 2);
  EXPECT_EQ(gpu.remap_pending, true);
  EXPECT_EQ(gpu.remap_failed, false);
  EXPECT_EQ(gpu.persistence, true);
  EXPECT_EQ(gpu.compute_mode, "default");
  EXPECT_EQ(gpus[1].compute_mode, "exclusive_process");
  EXPECT_EQ(gpu.gsp_firmware, "580.95.05");
  EXPECT_EQ(gpu.vbios, "96.00.99.00.01\xEF\xBF\xBD");
}

TEST(Gpu, LinksSlicesAndProcesses) {
  GpuRefusals refusals;
  const auto gpus = GpuReader(AISP_FAKE_NVML).read_all(refusals);
  ASSERT_EQ(gpus.size(), 2u);
  const Gpu& gpu = gpus[0];
  EXPECT_EQ(gpu.pcie_generation_now, 1);
  EXPECT_EQ(gpu.pcie_generation_max, 5);
  EXPECT_EQ(gpu.pcie_width_now, 8);
  EXPECT_EQ(gpu.pcie_width_max, 16);
  EXPECT_EQ(gpu.pcie_replays, 3u);
  ASSERT_EQ(gpu.nvlinks.size(), 3u);
  EXPECT_TRUE(gpu.nvlinks[0].active);
  EXPECT_EQ(gpu.nvlinks[0].gb_per_s, 26.562);
  EXPECT_EQ(gpu.nvlinks[0].remote, "0000:05:00.0");
  EXPECT_EQ(gpu.nvlinks[0].remote_kind, "switch");
  EXPECT_EQ(gpu.nvlinks[1].gb_per_s, 25.0) << "its own speed is 0: the common one counts";
  EXPECT_EQ(gpu.nvlinks[1].remote, "") << "an address that is none";
  EXPECT_EQ(gpu.nvlinks[1].remote_kind, "");
  EXPECT_FALSE(gpu.nvlinks[2].active);
  EXPECT_EQ(gpu.nvlinks[2].gb_per_s, std::nullopt);
  EXPECT_EQ(gpu.fabric_state, "completed");
  EXPECT_EQ(gpu.fabric_clique, "ab000000000000000000000000000000/5");
  EXPECT_EQ(gpus[1].fabric_state, "in_progress");
  EXPECT_EQ(gpus[1].fabric_clique, std::nullopt);
  EXPECT_EQ(gpu.mig_now, false);
  EXPECT_TRUE(gpu.mig_devices.empty());
  EXPECT_EQ(gpus[1].mig_now, true);
  EXPECT_EQ(gpus[1].mig_devices, std::vector<std::string>{"NVIDIA H200 MIG 1g.18gb"});
  ASSERT_EQ(gpu.processes.size(), 100u);
  EXPECT_EQ(gpu.processes[0].pid, 4000000);
  EXPECT_EQ(gpu.processes[0].memory_bytes, std::nullopt);
  EXPECT_EQ(gpu.processes[99].memory_bytes, 99u << 20);
  EXPECT_TRUE(gpus[1].processes.empty());
}

TEST(Gpu, RefusalsAreSaidOnceForAll) {
  GpuRefusals refusals;
  const auto gpus = GpuReader(AISP_FAKE_NVML).read_all(refusals);
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].fan_percent, std::nullopt);
  EXPECT_EQ(gpus[0].fans, std::nullopt);
  EXPECT_EQ(gpus[0].temperature_slowdown, std::nullopt);
  EXPECT_EQ(gpus[1].ecc_uncorrected_aggregate, std::nullopt);
  EXPECT_EQ(all_unseen(refusals.gathered()),
            "GPU 1: ECC errors | NVML: Insufficient Permissions | these values\n"
            "GPUs 0, 1: number of fans | NVML: this release of NVML has no such function | \n"
            "GPUs 0, 1: fan speed, slowdown temperature | "
            "this GPU or driver does not have it (NVML: Not Supported) | \n");
}

TEST(Gpu, Pairs) {
  GpuRefusals refusals;
  const auto pairs = GpuReader(AISP_FAKE_NVML).read_pairs(refusals);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].common_ancestor, "system");
  EXPECT_EQ(pairs[0].nvlink, true);
  EXPECT_EQ(pairs[0].peer_access, false);
}

TEST(Gpu, ReasonsWhyNone) {
  EXPECT_TRUE(has(GpuReader("/nowhere/libnvidia-ml.so.1").why_not(), "libnvidia-ml.so.1"));
  const std::pair<const char*, const char*> rows[] = {
      {"no_driver", "Driver Not Loaded"}, {"mismatch", "without a restart"}, {"no_gpu", "no GPU"}};
  for (const auto& [mode, why] : rows) {
    const Variable chosen("FAKE_NVML", mode);
    const GpuReader reader(AISP_FAKE_NVML);
    EXPECT_TRUE(has(reader.why_not(), why)) << reader.why_not();
    EXPECT_EQ(reader.count(), 0);
  }
}

TEST(Gpu, OneThatIsLostLeavesTheOthers) {
  const Variable chosen("FAKE_NVML", "lost");
  const GpuReader reader(AISP_FAKE_NVML);
  GpuRefusals refusals;
  EXPECT_EQ(reader.read_all(refusals).size(), 1u);
  EXPECT_EQ(reader.read_changing().size(), 1u);
  EXPECT_TRUE(reader.read_pairs(refusals).empty());
  EXPECT_TRUE(has(all_unseen(refusals.gathered()), "GPU 1: everything | NVML: GPU is lost"));
}

TEST(Gpu, LibraryWithoutMostFunctions) {
  GpuRefusals refusals;
  const GpuReader reader(AISP_FAKE_NVML_BARE);
  ASSERT_EQ(reader.why_not(), "");
  const auto gpus = reader.read_all(refusals);
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[1].name, "NVIDIA H200");
  EXPECT_EQ(gpus[1].memory_bytes, std::nullopt);
  EXPECT_EQ(reader.driver_version(), "");
  EXPECT_TRUE(has(all_unseen(refusals.gathered()), "no such function"));
}

TEST(Gpu, DriverCompletesWhatNvmlLacks) {
  const Variable nvml("AISP_NVML", AISP_FAKE_NVML), cuda("AISP_LIBCUDA", AISP_FAKE_CUDA);
  const Facts facts = read_facts();
  ASSERT_EQ(facts.gpus.size(), 2u);
  EXPECT_EQ(facts.gpu_driver, "580.95.05");
  EXPECT_EQ(facts.cuda_driver, "13.1");
  EXPECT_EQ(facts.gpus[0].multiprocessors, 132);
  EXPECT_EQ(facts.gpus[0].l2_bytes, 62914560u);
  EXPECT_EQ(facts.gpus[1].multiprocessors, std::nullopt) << "a slice's share is not the GPU's";
  EXPECT_EQ(facts.gpus[0].pageable_memory_access, true);
  EXPECT_EQ(facts.gpus[0].host_page_tables, false);
  EXPECT_EQ(facts.gpus[0].gpudirect_rdma, true);
  EXPECT_EQ(facts.gpus[0].dma_buf, std::nullopt);
  ASSERT_EQ(facts.gpu_pairs.size(), 1u);
  EXPECT_EQ(facts.gpu_pairs[0].peer_access, true) << "the driver's word counts";
  EXPECT_NO_THROW(facts_from_json(nlohmann::ordered_json::parse(to_json(facts).dump())));
}

TEST(Gpu, DriverHidesOne) {
  const Variable nvml("AISP_NVML", AISP_FAKE_NVML), cuda("AISP_LIBCUDA", AISP_FAKE_CUDA);
  const Variable hidden("FAKE_CUDA", "hidden");
  const Facts facts = read_facts();
  ASSERT_EQ(facts.gpus.size(), 2u);
  EXPECT_EQ(facts.gpu_pairs.at(0).peer_access, false) << "NVML's word where the driver has none";
  EXPECT_TRUE(has(all_unseen(facts.unseen), "GPU 1: CUDA attributes"));
}

TEST(Gpu, DriverAlone) {
  const Variable nvml("AISP_NVML", "/nowhere.so"), cuda("AISP_LIBCUDA", AISP_FAKE_CUDA);
  const Facts facts = read_facts();
  ASSERT_EQ(facts.gpus.size(), 2u);
  EXPECT_EQ(facts.gpus[0].name, "NVIDIA H200 (driver)");
  EXPECT_EQ(facts.gpus[0].memory_bytes, 150109880320u);
  EXPECT_EQ(facts.gpus[1].multiprocessors, 132);
  EXPECT_EQ(facts.gpu_pairs.at(0).peer_access, true);
  EXPECT_TRUE(has(all_unseen(facts.unseen), "what NVML knows"));
}

TEST(Gpu, NeitherLibrary) {
  const Variable nvml("AISP_NVML", "/nowhere.so"), cuda("AISP_LIBCUDA", "/nowhere.so");
  const Facts facts = read_facts();
  EXPECT_TRUE(facts.gpus.empty());
  EXPECT_TRUE(has(all_unseen(facts.unseen), "GPUs | /nowhere.so"));
}

TEST(Gpu, DriverThatFails) {
  const Variable nvml("AISP_NVML", AISP_FAKE_NVML), cuda("AISP_LIBCUDA", AISP_FAKE_CUDA);
  for (const auto& [mode, why] :
       {std::pair{"no_device", "shows no GPU"}, std::pair{"fails", "unknown error"}}) {
    const Variable chosen("FAKE_CUDA", mode);
    const Facts facts = read_facts();
    EXPECT_EQ(facts.gpus.size(), 2u);
    EXPECT_TRUE(has(all_unseen(facts.unseen), why)) << all_unseen(facts.unseen);
  }
}

}  // namespace
}  // namespace aisp::machine
