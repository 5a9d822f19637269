// What the plots are drawn from: quantiles, rooflines, and JSON that cannot leave its script
// element.
#include "report/plot_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/roofline.h"
#include "report/test_pages.h"

namespace aisp::report {
namespace {

Json plot_data(const bench::RunRecord& run) {
  return Json::parse(render_plot_data(build_model(run), run.header));
}

TEST(PlotData, HoldsEveryRowInOrder) {
  const Json data = plot_data(bench::sample::run());
  ASSERT_EQ(data["cases"].size(), 4u);
  const Json& gemm = data["cases"][0];
  EXPECT_EQ(gemm["id"], "case-1");
  EXPECT_EQ(gemm["lab_id"], "lab-1");
  EXPECT_EQ(gemm["chapter"], "ch01");
  EXPECT_EQ(gemm["rows"][gemm["best"].get<std::size_t>()]["name"], "strided");
  ASSERT_EQ(gemm["rows"].size(), 10u);
  EXPECT_EQ(gemm["rows"][1]["state"], "faster");
  EXPECT_EQ(gemm["rows"][1]["speedup"][0], 2.227);
  EXPECT_EQ(gemm["rows"][1]["says"],
            "batched: faster 2.23x [2.21, 2.25], 9.60 ms, 168 GFLOP/s, "
            "5.90 GB/s, 1.25 k products/s, 75.6 % compute ceiling");
  EXPECT_EQ(gemm["rows"][6]["state"], "wrong");
  EXPECT_EQ(gemm["rows"][6]["speedup"], nullptr) << "what is wrong has no time";
  EXPECT_EQ(gemm["rows"][9]["aside"], "peer");
}

TEST(PlotData, NamesTellSizesApart) {
  const Json data = plot_data(bench::sample::run());
  EXPECT_EQ(data["cases"][1]["name"], "llama3_8b_mlp");
  EXPECT_EQ(data["cases"][2]["name"], "llama3_vocab full");
  EXPECT_EQ(data["cases"][3]["name"], "llama3_vocab smoke");
}

TEST(PlotData, SamplesAreThinnedByProcessOverTheMedian) {
  const Json data = plot_data(bench::sample::run());
  const Json& samples = data["cases"][0]["rows"][1]["samples"];
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].size(), kQuantiles);  // of 96
  EXPECT_EQ(data["cases"][2]["rows"][1]["samples"][0].size(), 40u)
      << "few samples stay as they are";
  EXPECT_NEAR(samples[0][kQuantiles / 2].get<double>(), 1.0, 0.02);
}

TEST(PlotData, ThinningKeepsTheDistribution) {
  std::vector<double> samples;
  for (int i = 0; i < 10000; ++i) samples.push_back(static_cast<double>((i * 7919) % 10000));
  const auto kept = thin(samples);
  ASSERT_EQ(kept.size(), kQuantiles);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_NEAR(kept[i], (static_cast<double>(i) + 0.5) / kQuantiles * 9999.0, 1e-6);
  }
  EXPECT_EQ(thin(std::vector<double>{3.0, 1.0, 2.0}), (std::vector<double>{1.0, 2.0, 3.0}));
  EXPECT_TRUE(thin({}).empty());
}

TEST(PlotData, CannotLeaveItsElement) {
  for (const std::string hostile :
       {"</script><img src=x>", "<!--<script>", "]]>&\xE2\x80\xA8\xFF"}) {
    const auto run = bench::sample::hostile_run(hostile);
    const std::string text = render_plot_data(build_model(run), run.header);
    EXPECT_EQ(text.find_first_of("<>&"), text.npos);
    for (const char c : text) EXPECT_TRUE(c >= ' ' && c < 127);
    EXPECT_NO_THROW(Json::parse(text));
  }
  const auto run = bench::sample::hostile_run("<b>");
  EXPECT_EQ(plot_data(run)["cases"][0]["rows"][0]["name"], "one_by_one<b>")
      << "decoded, it is back";
}

TEST(PlotData, OpenAndOddNumbersAreNull) {
  auto run = bench::sample::run();
  run.results = {bench::sample::softmax_case("full")};
  run.results[0].techniques[1].pair.ratio.low = 0.0;
  run.results[0].techniques[2].pair.ratio = {std::nan(""), -1.0,
                                             std::numeric_limits<double>::infinity()};
  const Json rows = plot_data(run)["cases"][0]["rows"];
  EXPECT_EQ(rows[1]["speedup"][2], nullptr);
  EXPECT_TRUE(rows[1]["speedup"][1].is_number());
  EXPECT_EQ(rows[2]["speedup"], nullptr);
}

TEST(Roofline, EveryTimedTechniqueHasOnePlace) {
  const auto run = bench::sample::run();
  const Model model = build_model(run);
  const Roofline roofline = collect_roofline(model, run.header);
  std::size_t points = 0, timed = 0;
  for (const Panel& panel : roofline.panels) points += panel.points.size();
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      for (const Row& row : view.rows) timed += row.timed ? 1u : 0u;
    }
  }
  EXPECT_EQ(points + static_cast<std::size_t>(roofline.without_place), timed);
  EXPECT_EQ(roofline.without_place, 0);
  ASSERT_EQ(roofline.panels.size(), 3u);  // compute with 1 and 2 threads, memory with 1
  EXPECT_FALSE(roofline.panels[0].memory);
  EXPECT_EQ(roofline.panels[1].threads, 2);
  EXPECT_EQ(roofline.panels[1].points.size(), 1u);  // spread_over_cores
  EXPECT_TRUE(roofline.panels[2].memory);
  EXPECT_EQ(roofline.panels[2].points.size(), 4u);  // the transposes: bytes and no flops
}

TEST(Roofline, WithoutDeclaredWorkThereIsNoPlace) {
  auto run = bench::sample::run();
  run.results = {bench::sample::transpose_case()};
  for (auto& t : run.results[0].techniques) t.gb_per_s = t.gflop_per_s = 0.0;
  const Roofline roofline = collect_roofline(build_model(run), run.header);
  EXPECT_TRUE(roofline.panels.empty());
  EXPECT_EQ(roofline.without_place, 4);
}

TEST(Roofline, RoofsAreThoseOfThePanel) {
  const auto run = bench::sample::run();
  const Roofline roofline = collect_roofline(build_model(run), run.header);
  const Panel& one = roofline.panels[0];
  ASSERT_EQ(one.compute.size(), 3u);
  EXPECT_EQ(one.compute[0].label, "avx512 f32 222 GFLOP/s");
  EXPECT_EQ(roofline.panels[1].compute[0].value, 444.0);
  ASSERT_EQ(one.bandwidth.size(), 4u);
  EXPECT_EQ(one.bandwidth[0].label, "L1 410 GB/s");
  EXPECT_EQ(one.bandwidth[3].label, "DRAM 17.0 GB/s");
  EXPECT_EQ(one.bandwidth[0].to_bytes, 32768.0);
  EXPECT_EQ(one.bandwidth[1].from_bytes, 32768.0);
  EXPECT_EQ(roofline.panels[1].bandwidth[0].to_bytes, 65536.0) << "each core has an L1";
  EXPECT_TRUE(roofline.panels[2].compute.empty());
}

TEST(Roofline, RoofsAtOneHeightAreOne) {
  auto run = bench::sample::run();
  for (auto& entry : run.header["ceilings"]["compute"]) {
    if (entry["isa"] == "avx2") entry["gflop_per_s"]["estimate"] = 221.0;
  }
  const Roofline roofline = collect_roofline(build_model(run), run.header);
  EXPECT_EQ(roofline.panels[0].compute.size(), 2u);
}

TEST(Roofline, MalformedCeilingsCountAsAbsent) {
  const auto run = bench::sample::run();
  const Model model = build_model(run);
  for (const char* path : {"/ceilings/compute/0/gflop_per_s", "/ceilings/bandwidth/1/level",
                           "/ceilings/compute", "/ceilings"}) {
    Json header = run.header;
    header[Json::json_pointer(path)] = "x";
    const Panel panel = collect_roofline(model, header).panels[0];
    EXPECT_TRUE(panel.compute.empty() && panel.bandwidth.empty()) << path;
    EXPECT_EQ(panel.points.size(), 14u) << path;
  }
}

}  // namespace
}  // namespace aisp::report
