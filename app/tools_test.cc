// `aisp tools roofline` through the real binary, on planted ceilings, so that its figures are
// known.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"
#include "app/roofline_bound.h"
#include "app/roofline_gpu.h"
#include "base/error.h"
#include "machine/environment.h"

namespace aisp::app {
namespace {

// 100 GFLOP/s of f32 and 10, 20, 40 ... GB/s from memory to the first cache, times the threads.
machine::Ceilings planted() {
  const machine::Cpu& cpu = machine::cpu();
  machine::Ceilings ceilings;
  ceilings.hardware_key = machine::hardware_key(cpu);
  for (const int threads : {1, cpu.cores}) {
    const double rate = 100.0 * threads;
    ceilings.compute.push_back(
        {"scalar", DType::kF32, threads, {rate, rate * 0.9, rate * 1.1}, rate});
    double bandwidth = 10.0 * threads;
    const auto add = [&](int level) {
      ceilings.bandwidth.push_back({level,
                                    "read",
                                    threads,
                                    std::size_t{1} << 20,
                                    {bandwidth, bandwidth, bandwidth},
                                    bandwidth});
      bandwidth *= 2;
    };
    add(0);
    for (std::size_t i = cpu.data_caches.size(); i-- > 0;) add(cpu.data_caches[i].level);
  }
  return ceilings;
}

class RooflineCommand : public Program {
 protected:
  RooflineCommand() {
    setenv("AISP_CACHE_DIR", folder_.c_str(), 1);
    std::ofstream(machine::ceilings_cache_path(machine::cpu())) << machine::to_json(planted());
  }
  ~RooflineCommand() override { unsetenv("AISP_CACHE_DIR"); }

  Ended roofline(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"tools", "roofline"});
    return run(arguments);
  }
};

TEST_F(RooflineCommand, ShowsTheMachine) {
  const Ended ended = roofline({});
  EXPECT_EQ(ended.code, 0) << ended.text;
  for (const char* part : {"Roofline, 1 thread\n", "scalar f32 100 GFLOP/s", "[m] DRAM 10.0 GB/s",
                           "f32 10.0", "GFLOP/s +---"}) {
    EXPECT_NE(ended.text.find(part), std::string::npos) << part << "\n" << ended.text;
  }
  const auto json = nlohmann::json::parse(roofline({"--json"}).text);
  EXPECT_EQ(json.at("schema"), "aisp.roofline");
  EXPECT_EQ(json.at("hardware_key"), machine::hardware_key(machine::cpu()));
  EXPECT_EQ(json.at("panels").at(0).at("threads"), 1);
}

TEST_F(RooflineCommand, BoundsAPair) {
  // 1e9 flops take 10 ms; 1e9 bytes from memory 100 ms, 1e6 bytes 0.1 ms.
  const std::vector<std::string> base = {"--json", "--threads", "1",   "--level",
                                         "dram",   "--flops",   "1e9", "--bytes"};
  auto arguments = base;
  arguments.push_back("1e9");
  auto bound = nlohmann::json::parse(roofline(arguments).text).at("bound");
  EXPECT_EQ(bound.at("limit"), "memory");
  EXPECT_EQ(bound.at("level"), "DRAM");
  EXPECT_NEAR(bound.at("seconds").get<double>(), 0.1, 1e-9);
  EXPECT_NEAR(bound.at("gflop_per_s").get<double>(), 10.0, 1e-6);
  arguments = base;
  arguments.push_back("1e6");
  bound = nlohmann::json::parse(roofline(arguments).text).at("bound");
  EXPECT_EQ(bound.at("limit"), "compute");
  EXPECT_NEAR(bound.at("seconds").get<double>(), 0.01, 1e-9);
  const Ended text = roofline({"--flops", "1e9", "--bytes", "1e13"});
  EXPECT_NE(text.text.find("limited by the bandwidth of DRAM"), std::string::npos) << text.text;
}

TEST_F(RooflineCommand, BytesGoToTheLevelThatHoldsThem) {
  const machine::Cpu& cpu = machine::cpu();
  for (const machine::Cache& cache : cpu.data_caches) {
    BoundQuestion question{.flops = 1.0, .threads = 1};
    question.bytes = static_cast<double>(cpu.cache_bytes(cache.level, 1));
    const Bound bound = find_bound(planted(), cpu, question);
    EXPECT_EQ(bound.levels[bound.chosen].level, "L" + std::to_string(cache.level));
  }
}

TEST_F(RooflineCommand, PlacesARun) {
  const std::string folder = folder_ + "/run";
  ASSERT_EQ(run(small_run(folder)).code, 0);  // --profile none: the ceilings come from the cache
  const Ended ended = roofline({"--run", folder});
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_NE(ended.text.find("ch06:ilp/"), std::string::npos) << ended.text;
  // The same run, as if of another machine: its roofs are not known here.
  std::string header = text_of(folder + "/run.json");
  const std::string key = machine::hardware_key(machine::cpu());
  header.replace(header.find(key), key.size(), "another-machine");
  std::ofstream(folder + "/run.json") << header;
  const Ended foreign = roofline({"--run", folder});
  EXPECT_EQ(foreign.code, 4);
  EXPECT_NE(foreign.text.find("of another machine (another-machine)"), std::string::npos);
}

TEST_F(RooflineCommand, WritesAPicture) {
  const std::string file = folder_ + "/roofline.svg";
  ASSERT_EQ(roofline({"--svg", file}).code, 0);
  EXPECT_NE(text_of(file).find("DRAM 10.0 GB/s"), std::string::npos);
  EXPECT_EQ(roofline({"--svg", "-"}).text, text_of(file));
}

TEST_F(RooflineCommand, BoundsAPairOnAGpu) {
  bench::DeviceCeilings card{.gpu = "0: G", .l2_bytes = 1e6, .costs = {}};
  const auto add = [&](const char* name, double value) {
    card.costs.costs.push_back({name, "", {value, value, value}, value, ""});
  };
  add("device copy", 4000.0);
  add("copy, host to device, pinned", 50.0);
  add("matrix product, bf16", 800.0);
  BoundQuestion question{.flops = 8e12, .bytes = 4e9, .dtype = "bf16"};
  const Bound bound = find_gpu_bound(card, question);
  EXPECT_FALSE(bound.memory_bound);
  EXPECT_NEAR(bound.seconds(), 10e-3, 1e-9);
  question.level = "host link";
  EXPECT_TRUE(find_gpu_bound(card, question).memory_bound);
  EXPECT_NEAR(find_gpu_bound(card, question).seconds(), 80e-3, 1e-9);
  question.level = "L2";
  EXPECT_THROW(find_gpu_bound(card, question), UsageError);
  question = {.flops = 1, .bytes = 1, .dtype = "f64"};
  EXPECT_THROW(find_gpu_bound(card, question), UsageError);
  question = {.flops = 1, .bytes = 1, .dtype = "bf16", .threads = 2};
  EXPECT_THROW(find_gpu_bound(card, question), UsageError);
}

TEST_F(RooflineCommand, WithoutAGpuTheReasonIsOneLine) {
  if (machine::cuda_device().why_not.empty()) GTEST_SKIP() << "there is a GPU";
  const Ended ended = roofline({"--device", "cuda"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_NE(ended.text.find(machine::cuda_device().why_not), std::string::npos) << ended.text;
  EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
}

TEST_F(RooflineCommand, BadQuestionsAreOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--flops", "1e9"}, "--flops without --bytes"},
      {{"--bytes", "1e9"}, "--bytes without --flops"},
      {{"--flops", "0", "--bytes", "1"}, "--flops is 0"},
      {{"--flops", "1", "--bytes=-3"}, "--bytes is -3"},
      {{"--flops", "inf", "--bytes", "1"}, "--flops is inf"},
      {{"--flops", "many", "--bytes", "1"}, "--flops"},
      {{"--flops", "1", "--bytes", "1", "--dtype", "q4"}, "unknown type \"q4\""},
      {{"--flops", "1", "--bytes", "1", "--dtype", "i64"}, "no ceiling was measured"},
      {{"--flops", "1", "--bytes", "1", "--threads", "-1"}, "--threads is -1"},
      {{"--flops", "1", "--bytes", "1", "--threads", "1000000"}, "usable core"},
      {{"--flops", "1", "--bytes", "1", "--level", "L9"}, "unknown level \"L9\""},
      {{"--run", "/nowhere"}, "no such run folder"},
      {{"--device", "tpu"}, "--device"},
      {{"--svg", "/nowhere/x.svg"}, "/nowhere"},
      {{"--frobnicate"}, "unknown option --frobnicate"}};
  for (const auto& [arguments, says] : cases) {
    const Ended ended = roofline(arguments);
    EXPECT_EQ(ended.code, 4) << says;
    EXPECT_NE(ended.text.find(says), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

}  // namespace
}  // namespace aisp::app
