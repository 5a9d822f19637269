// The measuring side: commands, counters, metrics, samples and files of this machine.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "doctor/fake_evidence.h"
#include "doctor/measures/gpu_samples.h"
#include "doctor/measures/prometheus.h"
#include "doctor/measures/user_command.h"
#include "doctor/measures/window.h"
#include "doctor/probe.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

const Measure& measure_of(const std::string& id) {
  for (const Measure& one : measures()) {
    if (id == one.id) return one;
  }
  throw Error("no measure", id, "");
}

TEST(UserCommand, ChoicesAreFoundAndFilledIn) {
  const std::string command = "train --b {batch=32|64} --i {input=real|none} ${HOME} {x}";
  EXPECT_EQ(choices(command, "batch"), (std::vector<std::string>{"32", "64"}));
  EXPECT_TRUE(choices(command, "size").empty());
  EXPECT_EQ(chosen(command, "batch", "64"), "train --b 64 --i real ${HOME} {x}");
  EXPECT_EQ(chosen("awk '{a = 1}'", "a", "2"), "awk '{a = 1}'");
}

TEST(UserCommand, RunsAreBoundedAndLeaveNothing) {
  const CommandRun quick = run_command("echo said; exit 3", 5.0);
  EXPECT_EQ(quick.status, 3);
  EXPECT_EQ(quick.output, "said\n");
  const CommandRun slow = run_command("sleep 60 & echo $!; sleep 60", 0.2);
  EXPECT_TRUE(slow.late);
  EXPECT_LT(slow.seconds, 5.0);
  usleep(50000);
  // Gone, or dead and waiting for an init that collects it.
  const std::string stat =
      machine::read_text(fmt::format("/proc/{}/stat", std::atoi(slow.output.c_str()))).value_or("");
  EXPECT_TRUE(stat.empty() || stat.find(") Z ") != std::string::npos) << stat;
}

TEST(UserCommand, ASweepFindsThePlantedDifference) {
  const Json found = sweep("sleep {batch=0.01|0.05}", "batch", 1.0);
  ASSERT_EQ(found.at("rows").size(), 2U);
  const auto first = found.at("rows")[0].at("seconds").get<std::vector<double>>();
  const auto second = found.at("rows")[1].at("seconds").get<std::vector<double>>();
  EXPECT_EQ(first.size(), second.size());
  EXPECT_GT(first.size(), 2U);
  EXPECT_GT(second.front(), first.front());
  EXPECT_THROW(sweep("exit {batch=0|1}", "batch", 1.0), Error);
}

TEST(UserCommand, SyntheticInputIsSeenToBeQuicker) {
  FakeEvidence evidence;
  evidence.looked_at.command = "sleep {input=0.06|0.02}";
  const Measure& measure = measure_of("synthetic-versus-real");
  ASSERT_EQ(measure.needs(evidence), "");
  const Finding finding = measure.decide(evidence, measure.measure(evidence, 1.0));
  EXPECT_EQ(finding.verdict, Verdict::kWarn) << finding.says;
}

TEST(Window, ProcessorsAndDisksFromCounters) {
  const auto use = cpu_use("cpu  0 0 0 0 0 0 0 0\ncpu0 100 0 0 100 0 0 0 0",
                           "cpu  1 0 0 1 0 0 0 0\ncpu0 200 0 0 100 100 0 50 0");
  ASSERT_EQ(use.size(), 2U);
  EXPECT_EQ(use[1].cpu, 0);
  EXPECT_NEAR(use[1].share(), 0.6, 1e-9);
  EXPECT_NEAR(use[1].softirq / use[1].busy, 1.0 / 3, 1e-9);
  const auto disks = disk_use("259 0 nvme0n1 1 0 1000 5 0 0 0 0 0 0 0",
                              "259 0 nvme0n1 2 0 3000 5 0 0 0 0 0 500 700", 1.0);
  ASSERT_EQ(disks.size(), 1U);
  EXPECT_NEAR(disks[0].read_mb_per_s, 2000 * 512 / 1e6, 1e-9);
  EXPECT_NEAR(disks[0].busy_share, 0.5, 1e-9);
  EXPECT_EQ(name_of_stat("7 (a (b) c) R 1"), "a (b) c");
  EXPECT_EQ(cpu_seconds_of_stat("garbage"), 0.0);
  EXPECT_TRUE(cpu_use("", "cpu x y").empty());
}

constexpr const char* kMetrics = R"(# HELP vllm:num_preemptions_total x
vllm:num_preemptions_total{model_name="m"} 4.0
vllm:kv_cache_usage_perc{model_name="m"} 0.95
vllm:request_success_total{finished_reason="stop",model_name="m"} 90
vllm:request_success_total{finished_reason="abort",model_name="m"} 10
vllm:e2e_request_latency_seconds_bucket{le="1.0",model_name="m"} 50
vllm:e2e_request_latency_seconds_bucket{le="2.0",model_name="m"} 90
vllm:e2e_request_latency_seconds_bucket{le="20.0",model_name="m"} 200
vllm:e2e_request_latency_seconds_bucket{le="+Inf",model_name="m"} 200
not a metric
)";

TEST(Prometheus, SamplesAndQuantiles) {
  const Samples samples = parse_samples(kMetrics);
  EXPECT_DOUBLE_EQ(total(samples, "vllm:request_success_total"), 100.0);
  const Histogram requests = first_histogram(samples, request_histograms());
  EXPECT_DOUBLE_EQ(requests.count(), 200.0);
  EXPECT_NEAR(quantile_of(requests, 0.25), 1.0, 1e-9);
  EXPECT_NEAR(quantile_of(requests, 0.35), 1.5, 1e-9);
  EXPECT_EQ(quantile_of({}, 0.5), 0.0);
  EXPECT_TRUE(parse_samples("\x01\x02{{{{\n}{ 7\n").empty());
}

// A server of one answer on a port of its own.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, int times) {
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    listen(socket_, 4);
    socklen_t size = sizeof at;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this, answer, times] {
      for (int i = 0; i < times; ++i) {
        const int peer = accept(socket_, nullptr, nullptr);
        char buffer[4096];
        if (read(peer, buffer, sizeof buffer) > 0 &&
            write(peer, answer.data(), answer.size()) < 0) {
          ADD_FAILURE() << "the answer was not taken";
        }
        close(peer);
      }
    });
  }
  ~OneAnswer() {
    thread_.join();
    close(socket_);
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/metrics", port_); }

 private:
  int socket_ = -1, port_ = 0;
  std::thread thread_;
};

TEST(Prometheus, AServerIsAsked) {
  FakeEvidence evidence;
  const OneAnswer server("HTTP/1.0 200 OK\r\n\r\n" + std::string(kMetrics), 2);
  evidence.looked_at.metrics = server.url();
  const Measure& cache = measure_of("kv-cache-pressure");
  ASSERT_EQ(cache.needs(evidence), "");
  EXPECT_EQ(cache.decide(evidence, cache.measure(evidence, 0.05)).verdict, Verdict::kWarn);
}

TEST(Prometheus, RefusalsAreErrors) {
  {
    const OneAnswer server("HTTP/1.0 404 Not Found\r\n\r\n", 1);
    EXPECT_THROW(fetch_samples(server.url(), 1.0), Error);
  }
  EXPECT_THROW(fetch_samples("http://127.0.0.1:1/metrics", 0.5), Error);
  EXPECT_THROW(fetch_samples("https://example.com", 0.5), Error);
}

TEST(GpuSamples, LinesOfNvidiaSmi) {
  const Json found = parse_gpu_samples(
      "0, 97, 40, 1980, 2619, 560.12, 61, 60000, 0x0000000000000004, 700.00, 81559, 1980\n"
      "0, 96, 40, 1965, 2619, [N/A], 61, 60001, 0x0000000000000000, 700.00, 81559, 1980\n"
      "garbage\n",
      0.1);
  ASSERT_EQ(found.at("gpus").size(), 1U);
  const Json& gpu = found.at("gpus")[0];
  EXPECT_EQ(gpu.at("sm_clock"), Json({1980.0, 1965.0}));
  EXPECT_EQ(gpu.at("power").size(), 1U);
  EXPECT_EQ(gpu.at("throttle")[0], 4);
  EXPECT_EQ(gpu.at("power_limit"), 700.0);
}

class MeasuredFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("aisp_measure_{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::filesystem::path folder_;
};

TEST_F(MeasuredFiles, DriftOfDataIsSeen) {
  std::string before = "length,kind\n", same = before, moved = before;
  for (int i = 0; i < 400; ++i) {
    before += fmt::format("{},a\n", (i * 37) % 100);
    same += fmt::format("{},a\n", (i * 53) % 100);
    moved += fmt::format("{},a\n", 60 + (i * 53) % 100);
  }
  FakeEvidence evidence;
  evidence.looked_at.reference = write("before.csv", before);
  const Measure& drift = measure_of("data-drift");
  evidence.looked_at.data = write("same.csv", same);
  EXPECT_EQ(drift.decide(evidence, drift.measure(evidence, 1)).verdict, Verdict::kOk);
  evidence.looked_at.data = write("moved.csv", moved);
  EXPECT_EQ(drift.decide(evidence, drift.measure(evidence, 1)).verdict, Verdict::kWarn);
  evidence.looked_at.data = write("none.csv", "");
  EXPECT_THROW(drift.measure(evidence, 1), Error);
}

TEST_F(MeasuredFiles, DriftOfOutputsIsSeen) {
  FakeEvidence evidence;
  const Measure& drift = measure_of("numerical-drift-gate");
  evidence.looked_at.reference = write("a.txt", "1.0 2.0 -3.0");
  const auto verdict = [&](const std::string& text) {
    evidence.looked_at.outputs = write("b.txt", text);
    return drift.decide(evidence, drift.measure(evidence, 1)).verdict;
  };
  EXPECT_EQ(verdict("1.001, 2.0, -3.0"), Verdict::kOk);
  EXPECT_EQ(verdict("1.05 2 -3"), Verdict::kWarn);
  EXPECT_EQ(verdict("3.0 2.0 -3.0"), Verdict::kFail);
  EXPECT_EQ(verdict("1.0 2.0"), Verdict::kFail);
  EXPECT_THROW(verdict("one two"), Error);
  std::string npy("\x93NUMPY\x01\x00", 8);
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n";
  npy += static_cast<char>(header.size());
  npy += '\0';
  npy += header;
  for (const float value : {1.0F, 2.0F, -3.0F}) {
    npy.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  EXPECT_EQ(verdict(npy), Verdict::kOk);
}

// What needs nothing but this machine: finishes, and its figures can be judged.
TEST_F(MeasuredFiles, TheMachineItselfCanBeMeasured) {
  FakeEvidence nothing;
  for (const char* id :
       {"os-jitter", "scaling-efficiency", "memory-hierarchy", "hugepage-jitter"}) {
    const Measure& measure = measure_of(id);
    const Finding finding = measure.decide(nothing, measure.measure(nothing, 0.2));
    const bool one_processor = finding.verdict == Verdict::kNotApplicable;
    const bool too_busy = finding.says.find("the machine is busy") != std::string::npos;
    EXPECT_TRUE(finding.verdict == Verdict::kOk || finding.verdict == Verdict::kWarn ||
                one_processor || too_busy)
        << id << ": " << finding.says;
  }
  nothing.looked_at.data = write("data", std::string(8 << 20, 'x'));
  nothing.looked_at.checkpoints = folder_.string();
  nothing.files["/proc/meminfo"] = "MemAvailable: 24800000 kB";
  for (const char* id : {"storage-bandwidth", "restart-time", "page-cache-residency",
                         "loader-workers", "weakest-link-ladder"}) {
    const Measure& measure = measure_of(id);
    const Finding finding = measure.decide(nothing, measure.measure(nothing, 0.3));
    EXPECT_TRUE(finding.verdict == Verdict::kOk || finding.verdict == Verdict::kWarn)
        << id << ": " << finding.says;
  }
}

}  // namespace
}  // namespace aisp::doctor
