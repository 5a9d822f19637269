// `aisp machine` through the real binary: tables for people, one JSON document for programs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "machine/ceilings.h"
#include "machine/costs.h"
#include "machine/cpu.h"
#include "machine/environment.h"
#include "machine/facts.h"

namespace aisp::app {
namespace {

namespace fs = std::filesystem;

class MachineCommand : public testing::Test {
 protected:
  void SetUp() override {
    cache_ = fs::temp_directory_path() / ("aisp_machine_command_" + std::to_string(getpid()));
    fs::remove_all(cache_);
  }
  void TearDown() override { fs::remove_all(cache_); }

  // Standard output; standard error must stay empty, because it is no terminal here.
  std::string run(const std::string& arguments, const std::string& variables = "") {
    const std::string errors = cache_.string() + ".errors";
    const std::string command = variables + " AISP_CACHE_DIR='" + cache_.string() +
                                "' '" AISP_BINARY "' machine " + arguments + " 2>'" + errors + "'";
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    std::array<char, 4096> chunk{};
    std::size_t got;
    while (pipe != nullptr && (got = fread(chunk.data(), 1, chunk.size(), pipe)) > 0) {
      out.append(chunk.data(), got);
    }
    const int status = pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << out;
    EXPECT_EQ(fs::file_size(errors), 0u);
    fs::remove(errors);
    return out;
  }

  fs::path cache_;
};

TEST_F(MachineCommand, PrintsWhatTheMachineIsWithoutMeasuring) {
  const std::string out = run("--no-ceilings");
  EXPECT_NE(out.find(machine::hardware_key(machine::cpu())), std::string::npos);
  EXPECT_NE(out.find("Environment"), std::string::npos);
  EXPECT_EQ(out.find("Bandwidth"), std::string::npos);
  EXPECT_FALSE(fs::exists(cache_));
}

// Two planted GPUs, one of them sliced: machine/fakes.
const char* const kTwoGpus = "AISP_NVML='" AISP_FAKE_NVML "' AISP_LIBCUDA='" AISP_FAKE_CUDA "'";

TEST_F(MachineCommand, SaysWhatIsNotSeenAndWhy) {
  const std::string out = run("--no-ceilings", "AISP_NVML=/nowhere.so AISP_LIBCUDA=/nowhere.so");
  for (const char* section : {"\nDevices\n", "\nLibraries", "\nContainer and limits\n"}) {
    EXPECT_NE(out.find(section), std::string::npos) << section;
  }
  const std::size_t end = out.find("\nNot seen here\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_NE(out.find("/nowhere.so", end), std::string::npos) << out.substr(end);
}

TEST_F(MachineCommand, ShowsGpus) {
  const std::string out = run("--no-ceilings", kTwoGpus);
  for (const char* text :
       {"GPU 0 NVIDIA H200, 0000:1b:00.0", "generation 1 x8 now, 5 x16 at most",
        "77 W now, limit 500 W, default 700 W", "ECC          off, on after a reset",
        "MIG on: NVIDIA H200 MIG 1g.18gb", "persistence on", "2 of 3 links active", "and 92 more",
        "GPU 0 - GPU 1", "root would see these values"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text;
  }
}

TEST_F(MachineCommand, JsonHoldsTheFacts) {
  const auto root = nlohmann::ordered_json::parse(run("--json --no-ceilings", kTwoGpus));
  const machine::Facts facts = machine::facts_from_json(root.at("facts"));
  EXPECT_EQ(facts.gpus.size(), 2u);
  EXPECT_FALSE(facts.kernel.empty());
}

TEST_F(MachineCommand, ShowsTheTopologyOfTwoSockets) {
  const std::string other = "HWLOC_XMLFILE='" AISP_SOURCE_DIR "/machine/testdata/two_sockets.xml'";
  const std::string svg = cache_.string() + ".svg";
  const std::string out = run("--topology --svg '" + svg + "'", other + " AISP_NVML=/nowhere.so");
  for (const char* text : {"  package 0: processors 0-1,4-5\n", "2 x L2 2 MiB > L1d 48 KiB > core",
                           "ib0 (network, 0000:14:00.0)", "Devices near processors",
                           "the same PCIe switch   ib0, mlx5_0"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out;
  }
  std::ifstream file(svg);
  const std::string picture{std::istreambuf_iterator<char>(file), {}};
  fs::remove(svg);
  EXPECT_TRUE(picture.starts_with("<svg xmlns=")) << picture.substr(0, 100);
  EXPECT_NE(picture.find("0000:14:00.0"), std::string::npos);
  const auto json = nlohmann::json::parse(run("--topology --json", other));
  EXPECT_EQ(json.at("topology").at("children").size(), 2u);
}

TEST_F(MachineCommand, PictureThatCannotBeWrittenIsAnError) {
  const std::string command = "'" AISP_BINARY "' machine --svg /nowhere/x.svg 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  char line[256] = {};
  ASSERT_NE(fgets(line, sizeof line, pipe), nullptr);
  const int status = pclose(pipe);
  EXPECT_EQ(std::string(line).find("aisp: /nowhere/x.svg: cannot be written"), 0u) << line;
  EXPECT_NE(status, 0);
}

TEST_F(MachineCommand, WatchPrintsOneLineASample) {
  const std::string out = run("--watch 0.05 --count 3", kTwoGpus);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3) << out;
  for (const char* text : {"load ", "GPU 0  345 MHz", "GPU 1  345 MHz", "77 W", "busy 42 %"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out;
  }
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
}

TEST_F(MachineCommand, WatchEndsCleanlyWhenInterrupted) {
  const fs::path lines = cache_.string() + ".lines";
  const pid_t child = fork();
  if (child == 0) {
    const int file = open(lines.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    execl(AISP_BINARY, AISP_BINARY, "machine", "--watch", "0.05", nullptr);
    _exit(127);
  }
  // The first line says that it watches.
  for (int i = 0; i < 1000 && (!fs::exists(lines) || fs::file_size(lines) == 0); ++i) usleep(10000);
  kill(child, SIGINT);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_GT(fs::file_size(lines), 0u);
  fs::remove(lines);
}

TEST_F(MachineCommand, JsonIsOneDocumentWithValidCeilings) {
  const auto root = nlohmann::ordered_json::parse(run("--json --seconds 1"));
  EXPECT_EQ(root.at("schema"), "aisp.machine");
  EXPECT_EQ(root.at("hardware_key"), machine::hardware_key(machine::cpu()));
  EXPECT_EQ(root.at("cpu").at("cores"), machine::cpu().cores);
  EXPECT_TRUE(root.at("environment").contains("kernel"));
  const auto ceilings = machine::ceilings_from_json(root.at("ceilings").dump());
  EXPECT_GT(ceilings.compute_gflop_per_s(DType::kF32, 1), 0.0);
  const auto costs = machine::costs_from_json(root.at("costs"));
  EXPECT_EQ(costs.cores, machine::cpu().cores);
  EXPECT_GT(costs.costs.size() + costs.missing.size(), 40u);
}

TEST_F(MachineCommand, CostsAreLeftOutWhenAsked) {
  const auto root = nlohmann::ordered_json::parse(run("--json --no-costs --seconds 1"));
  EXPECT_TRUE(root.contains("ceilings"));
  EXPECT_FALSE(root.contains("costs"));
}

TEST_F(MachineCommand, ADiskThatIsNotThereIsAReason) {
  const std::string out = run("--seconds 1 --disk /nowhere/at/all");
  EXPECT_NE(out.find("load latency"), std::string::npos);
  EXPECT_NE(out.find("Not measured here"), std::string::npos);
  EXPECT_NE(out.find("/nowhere/at/all: no file can be made there: No such file"),
            std::string::npos);
}

TEST_F(MachineCommand, TablesShowEveryLevelWithItsInterval) {
  const std::string out = run("--seconds 1");
  for (const char* text : {"Arithmetic", "Bandwidth", "95 % interval", "scalar", "copy", "best"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text;
  }
  for (const machine::Cache& cache : machine::cpu().data_caches) {
    EXPECT_NE(out.find("\n  L" + std::to_string(cache.level) + " "), std::string::npos);
  }
}

}  // namespace
}  // namespace aisp::app
