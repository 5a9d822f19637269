// Counters in words: what stands out is said, what was not counted is not, and nothing that a
// record holds becomes markup.
#include "report/counters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/record_sample.h"
#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"
#include "report/test_pages.h"

namespace aisp::report {
namespace {

// Figures of transposes on an H200.
bench::KernelCounters kernel(double store_sectors, double conflicts, double occupancy) {
  return {
      .kernel = "turn",
      .grid = "(128, 448, 1)",
      .block = "(32, 8, 1)",
      .values = {{"gpu__time_duration.sum", 1e6},
                 {"dram__bytes_read.sum", 240e6},
                 {"dram__bytes_write.sum", 230e6},
                 {"l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum", 1e6},
                 {"l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum", 4e6},
                 {"l1tex__t_requests_pipe_lsu_mem_global_op_st.sum", 1e6},
                 {"l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum", store_sectors * 1e6},
                 {"l1tex__data_pipe_lsu_wavefronts_mem_shared.sum", 1e6},
                 {"l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum", conflicts * 1e6},
                 {"sm__warps_active.avg.pct_of_peak_sustained_active", occupancy},
                 {"sm__maximum_warps_per_active_cycle_pct", 75.0},
                 {"launch__registers_per_thread", 38.0},
                 {"launch__occupancy_limit_registers", 6.0},
                 {"launch__occupancy_limit_shared_mem", 7.0},
                 {"launch__occupancy_limit_warps", 8.0},
                 {"launch__occupancy_limit_blocks", 32.0},
                 {"sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active", 0.0},
                 {"smsp__average_warps_issue_stalled_long_scoreboard_per_issue_active.ratio", 8},
                 {"smsp__average_warps_issue_stalled_selected_per_issue_active.ratio", 1.0},
                 {"smsp__average_warps_issue_stalled_barrier_per_issue_active.ratio", 1.0}}};
}

bench::CounterProfile profile(std::vector<bench::KernelCounters> kernels) {
  return {.level = "deep_dive", .tool = "ncu 2025.3.1.0", .kernels = std::move(kernels)};
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const auto& sentence : sentences) text += sentence + "\n";
  return text;
}

TEST(Counters, TheKernelsOfACallAreTakenTogether) {
  auto shorter = kernel(32.0, 0.0, 20.0);
  shorter.values["gpu__time_duration.sum"] = 1e6 / 3.0;
  const CounterDigest d = digest(profile({kernel(4.0, 0.0, 60.0), shorter}));
  EXPECT_EQ(d.kernels, 2u);
  EXPECT_DOUBLE_EQ(d.bytes_read, 480e6);
  EXPECT_DOUBLE_EQ(d.store_sectors, 18.0);  // a mean over requests
  EXPECT_NEAR(d.occupancy, 0.50, 1e-9);     // a mean over time
  EXPECT_EQ(d.limited_by, "registers");
  ASSERT_EQ(d.waits.size(), 2u);
  EXPECT_EQ(d.waits[0].first, "loads from memory");
  EXPECT_NEAR(d.waits[0].second, 0.8, 1e-9);
  EXPECT_EQ(digest({}).kernels, 0u);
}

TEST(Counters, WhatStandsOutIsSaid) {
  bench::CaseResult result = bench::sample::transpose_case();
  result.bytes_read = result.bytes_written = 235e6;
  const CounterDigest strided = digest(profile({kernel(32.0, 0.0, 70.0)}));
  const CounterDigest tiled = digest(profile({kernel(4.0, 0.93, 70.0)}));
  const std::string alone = joined(explain_counters(result, strided, nullptr));
  EXPECT_NE(alone.find("store touches 32 sectors"), std::string::npos) << alone;
  EXPECT_NE(alone.find("lie far apart"), std::string::npos) << alone;
  EXPECT_NE(alone.find("registers allow 75.0 %, at 38 a thread"), std::string::npos) << alone;
  EXPECT_EQ(alone.find("bank conflicts"), std::string::npos) << alone;
  EXPECT_EQ(alone.find("tensor"), std::string::npos) << alone;
  const std::string against = joined(explain_counters(result, tiled, &strided));
  EXPECT_NE(against.find("4 sectors of 32 bytes instead of 32"), std::string::npos) << against;
  EXPECT_NE(against.find("93.0 % of the passes over shared memory are bank conflicts"),
            std::string::npos)
      << against;
  const std::string back = joined(explain_counters(result, strided, &tiled));
  EXPECT_NE(back.find("almost without bank conflicts"), std::string::npos) << back;
}

TEST(Counters, WhatWasNotCountedIsNotSaid) {
  auto few = kernel(4.0, 0.0, 50.0);
  few.values = {{"sm__warps_active.avg.pct_of_peak_sustained_active", 50.0}};
  const auto result = bench::sample::transpose_case();
  const std::string text = joined(explain_counters(result, digest(profile({few})), nullptr));
  EXPECT_EQ(text, "50.0 % of the places for warps are taken.\n");
}

bench::RunRecord counted_run() {
  bench::RunRecord run = bench::sample::run();
  for (auto& technique : run.results[0].techniques) {
    if (technique.outcome == bench::Outcome::kOk) technique.profile = profile({kernel(4, 0, 50)});
  }
  for (auto& technique : run.results[1].techniques) {
    if (technique.outcome != bench::Outcome::kOk) continue;
    technique.profile = {.level = "minimal", .why_not = "no <ncu> on the PATH"};
  }
  return run;
}

TEST(Counters, ArePartOfEveryFormOfTheReport) {
  const bench::RunRecord run = counted_run();
  const std::string html = render_html(run);
  expect_well_formed(html);
  EXPECT_TRUE(contains(html, "What a call did, by hardware counters"));
  EXPECT_TRUE(contains(html, "under ncu 2025.3.1.0, deep_dive"));
  EXPECT_TRUE(contains(html, "No counters: no &lt;ncu&gt; on the PATH."));
  EXPECT_EQ(html, render_html(through_json(run)));
  EXPECT_TRUE(contains(render_markdown(run), "go through device memory"));
  const auto json = bench::Json::parse(render_json(run));
  EXPECT_EQ(json["results"][0]["techniques"][0]["profile"]["kernels"][0]["kernel"], "turn");
  EXPECT_FALSE(contains(render_html(bench::sample::run()), "hardware counters"));
}

TEST(Counters, HostileKernelsStayText) {
  bench::RunRecord run = counted_run();
  auto& hostile = run.results[0].techniques[0].profile;
  hostile->tool = hostile->level = "</p><script>alert(1)</script>";
  hostile->kernels[0].values["dram__bytes_read.sum"] = -1e300;
  hostile->kernels[0].values["launch__registers_per_thread"] = 1e308;
  const std::string html = render_html(run);
  expect_well_formed(html);
  EXPECT_FALSE(contains(body_of(html), "<script>alert"));
}

}  // namespace
}  // namespace aisp::report
