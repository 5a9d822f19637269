// Traces: from the Chrome form to figures to verdicts.
#include "doctor/trace.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "doctor/fake_evidence.h"
#include "doctor/probe.h"

namespace aisp::doctor {
namespace {

// A trace of ten steps of a millisecond, built event by event.
class TraceText {
 public:
  void event(const char* cat, const std::string& name, double ts, double dur,
             const std::string& args = "{}") {
    events_ += fmt::format(
        "{}{{\"ph\": \"X\", \"cat\": \"{}\", \"name\": \"{}\", \"ts\": {}, "
        "\"dur\": {}, \"pid\": 0, \"tid\": 7, \"args\": {}}}",
        events_.empty() ? "" : ",\n", cat, name, ts, dur, args);
  }
  void kernel(const std::string& name, double ts, double dur) {
    event("kernel", name, ts, dur,
          R"({"device": 0, "stream": 7, "grid": [132, 1, 1], "block": [256, 1, 1],
              "registers per thread": 64, "shared memory": 0, "est. achieved occupancy %": 50})");
  }
  void copy(const char* name, double ts, double dur, double bytes) {
    event("gpu_memcpy", name, ts, dur,
          fmt::format("{{\"device\": 0, \"stream\": 8, \"bytes\": {}}}", bytes));
  }
  std::string text(int rank = 0) const {
    return fmt::format(
        "{{\"deviceProperties\": [{{\"numSms\": 132, \"sharedMemPerMultiprocessor\": "
        "233472}}], \"distributedInfo\": {{\"rank\": {}}}, \"traceEvents\": [{}]}}",
        rank, events_);
  }

 private:
  std::string events_;
};

TraceText good_trace() {
  TraceText trace;
  for (int step = 0; step < 10; ++step) {
    const double at = 1000.0 * step;
    trace.event("user_annotation", fmt::format("ProfilerStep#{}", step), at, 1000);
    trace.event("user_annotation", "forward", at, 500);
    trace.event("user_annotation", "backward", at + 500, 500);
    trace.event("cuda_runtime", "cudaLaunchKernel", at, 5);
    trace.kernel("sm90_xmma_gemm_bf16bf16_bf16f32_tn", at, 600);
    trace.kernel("triton_poi_fused_add_gelu_0", at + 600, 380);
    trace.copy("Memcpy HtoD (Pinned -> Device)", at + 100, 80, 4e6);
  }
  return trace;
}

TraceText bad_trace() {
  TraceText trace;
  for (int step = 0; step < 10; ++step) {
    const double at = 1000.0 * step;
    trace.event("user_annotation", fmt::format("ProfilerStep#{}", step), at, 1000);
    trace.event("cpu_op", "aten::linear", at, 990);
    trace.copy("Memcpy HtoD (Pageable -> Device)", at, 200, 4e6);
    for (int i = 0; i < 8; ++i)
      trace.copy("Memcpy HtoD (Pageable -> Device)", at + 200 + 10 * i, 8, 64);
    for (int i = 0; i < 40; ++i) {
      const double when = at + 300 + 10.0 * i;
      trace.kernel(i % 2 == 0 ? "ampere_sgemm_128x64_tn" : "vectorized_elementwise_kernel<4>", when,
                   4);
      trace.event("cuda_runtime", "cudaLaunchKernel", when, 5);
    }
    trace.kernel("ncclDevKernel_AllReduce_Sum_f32", at + 700, 250);
    for (const char* call :
         {"cudaMalloc", "cudaFree", "cudaDeviceSynchronize", "cudaDeviceSynchronize",
          "cudaDeviceSynchronize", "cuModuleLoadData"}) {
      trace.event("cuda_runtime", call, at + 960, 5);
    }
  }
  return trace;
}

class TraceMeasures : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("aisp_trace_{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  static Finding measure(const std::string& id, const std::string& trace) {
    FakeEvidence evidence;
    evidence.looked_at.trace = trace;
    for (const Measure& one : measures()) {
      if (id == one.id) {
        EXPECT_EQ(one.needs(evidence), "") << id;
        return one.decide(evidence, one.measure(evidence, 1.0));
      }
    }
    ADD_FAILURE() << "no measure " << id;
    return {};
  }

  std::filesystem::path folder_;
};

const char* const kJudged[] = {"pinned-transfers",
                               "input-copy-overlap",
                               "small-transfer-census",
                               "launch-bound-graphs",
                               "gpu-idle-gaps",
                               "python-overhead",
                               "sync-calls",
                               "allocation-churn",
                               "recompile-churn",
                               "tensor-core-math",
                               "compiler-fusion-use",
                               "systems-then-kernel",
                               "limiter-classification",
                               "nvtx-present",
                               "nvtx-coverage",
                               "comm-exposed-time",
                               "collective-share-small-scale"};

TEST_F(TraceMeasures, FireOnABadTrace) {
  const std::string path = write("bad.json", bad_trace().text());
  for (const char* id : kJudged) {
    const Finding finding = measure(id, path);
    EXPECT_EQ(finding.verdict, Verdict::kWarn) << id << ": " << finding.says;
  }
}

TEST_F(TraceMeasures, HoldOnAGoodOne) {
  const std::string path = write("good.json", good_trace().text());
  for (const char* id : kJudged) {
    const Finding finding = measure(id, path);
    const bool none = finding.verdict == Verdict::kNotApplicable ||  // no collectives
                      finding.verdict == Verdict::kCannotSee;        // no operators
    EXPECT_TRUE(finding.verdict == Verdict::kOk || none) << id << ": " << finding.says;
  }
  EXPECT_EQ(measure("stage-time-budget", path).verdict, Verdict::kOk);
  EXPECT_EQ(measure("occupancy-balance", path).verdict, Verdict::kOk);
}

TEST_F(TraceMeasures, NameTheSlowRank) {
  for (int rank = 0; rank < 4; ++rank) {
    TraceText trace;
    for (int i = 0; i < 5; ++i) trace.kernel("gemm", 1000.0 * i, rank == 2 ? 900 : 600);
    write(fmt::format("ranks/rank{}.json", rank), trace.text(rank));
  }
  const Finding finding = measure("rank-balance", (folder_ / "ranks").string());
  EXPECT_EQ(finding.verdict, Verdict::kWarn);
  EXPECT_NE(finding.says.find("rank 2"), std::string::npos) << finding.says;
}

TEST(Traces, RefuseWhatIsNone) {
  for (const char* text : {"", "7", "{}", "{\"traceEvents\": 1}", "{\"traceEvents\": [1, null]}"}) {
    EXPECT_THROW(parse_trace(text, "t.json"), Error) << text;
  }
}

TEST(Traces, SpansMergeAndOverlap) {
  const auto spans = merged({{5, 7}, {0, 2}, {1, 3}});
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_DOUBLE_EQ(length_us(spans), 5.0);
  EXPECT_DOUBLE_EQ(overlap_us({{2, 6}}, spans), 2.0);
  const auto between = gaps(spans, {0, 10});
  ASSERT_EQ(between.size(), 2U);
  EXPECT_DOUBLE_EQ(between[0].us(), 2.0);
  EXPECT_DOUBLE_EQ(between[1].us(), 3.0);
}

}  // namespace
}  // namespace aisp::doctor
