// The roofline as text and as JSON: every roof and every placed technique appears, the plot stays
// in its frame, and damaged headers give no roofs instead of an error.
#include "report/roofline_text.h"

#include <gtest/gtest.h>

#include "bench/record_sample.h"

namespace aisp::report {
namespace {

bench::Json interval(double value) {
  return {{"estimate", value}, {"low", value}, {"high", value}};
}

bench::Json header() {
  bench::Json compute = bench::Json::array(), bandwidth = bench::Json::array();
  for (const int threads : {1, 4}) {
    compute.push_back({{"isa", "avx512"},
                       {"dtype", "f32"},
                       {"threads", threads},
                       {"gflop_per_s", interval(100.0 * threads)}});
    compute.push_back({{"isa", "scalar"},
                       {"dtype", "f64"},
                       {"threads", threads},
                       {"gflop_per_s", interval(5.0 * threads)}});
    for (const int level : {1, 2, 0}) {
      bandwidth.push_back({{"level", level},
                           {"kind", "read"},
                           {"threads", threads},
                           {"gb_per_s", interval(level == 0 ? 20.0 : 400.0 / level)}});
    }
  }
  return {{"cpu",
           {{"caches",
             {{{"level", 1}, {"size_bytes", 32768}, {"sharing_cores", 1}},
              {{"level", 2}, {"size_bytes", 1048576}, {"sharing_cores", 1}}}}}},
          {"ceilings", {{"compute", compute}, {"bandwidth", bandwidth}}}};
}

TEST(RooflineText, TheMachineAloneShowsEveryRoofAndRidge) {
  const Roofline roofline = machine_roofline(header());
  ASSERT_EQ(roofline.panels.size(), 2u);
  const std::string text = render_roofline(roofline, Model{});
  for (const char* part :
       {"Roofline, 1 thread\n", "Roofline, 4 threads\n", "avx512 f32 100 GFLOP/s", "scalar f64",
        "[1] L1 400 GB/s", "[m] DRAM 20.0 GB/s", "sets up to 32 KiB", "sets above 1 MiB",
        "f32 5.00", "FLOP/byte"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
  const auto json = roofline_to_json(roofline, Model{});
  EXPECT_EQ(json["panels"][1]["threads"], 4);
  EXPECT_EQ(json["panels"][0]["bandwidth"][0]["level"], "L1");
  EXPECT_DOUBLE_EQ(json["panels"][0]["bandwidth"][2]["ridge"]["f32"].get<double>(), 5.0);
}

TEST(RooflineText, EveryPlacedTechniqueOfARunIsNamed) {
  const bench::RunRecord run = bench::sample::run();
  const Model model = build_model(run);
  const Roofline roofline = collect_roofline(model, run.header);
  const std::string text = render_roofline(roofline, model);
  const auto json = roofline_to_json(roofline, model);
  std::size_t points = 0;
  ASSERT_EQ(json["panels"].size(), roofline.panels.size());
  for (std::size_t i = 0; i < roofline.panels.size(); ++i) {
    EXPECT_EQ(json["panels"][i]["points"].size(), roofline.panels[i].points.size());
    for (const auto& point : json["panels"][i]["points"]) {
      ++points;
      const std::string name = point["lab"].get<std::string>() + "/" +
                               point["case"].get<std::string>() + " " +
                               point["technique"].get<std::string>() + ":";
      EXPECT_NE(text.find(name), std::string::npos) << name;
    }
  }
  EXPECT_GT(points, 0u);
}

TEST(RooflineText, DamagedHeadersHaveNoRoofs) {
  EXPECT_TRUE(machine_roofline(bench::Json::object()).panels.empty());
  bench::Json damaged = header();
  damaged["ceilings"]["compute"][0].erase("dtype");
  EXPECT_TRUE(machine_roofline(damaged).panels.empty());
  bench::Json half = header();
  half["ceilings"]["bandwidth"] = 3;
  const std::string text = render_roofline(machine_roofline(half), Model{});
  EXPECT_NE(text.find("no ceilings for this number of threads"), std::string::npos);
}

}  // namespace
}  // namespace aisp::report
