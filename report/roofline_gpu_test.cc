// GPU cases under the roofs of the card: never under the processor's, and none of them lost.
#include <gtest/gtest.h>

#include "bench/record_sample.h"
#include "report/plot_data.h"
#include "report/roofline.h"
#include "report/roofline_svg.h"
#include "report/roofline_text.h"

namespace aisp::report {
namespace {

bench::Json cost(const char* name, const char* unit, double median) {
  return {{"name", name},   {"unit", unit},   {"median", median}, {"low", median},
          {"high", median}, {"best", median}, {"detail", ""}};
}

// The sample run with its first two cases as if of a GPU: one with flops, one without.
bench::RunRecord mixed_run() {
  bench::RunRecord run = bench::sample::run();
  const auto onto_gpu = [](bench::CaseResult& result) {
    result.device = "cuda";
    result.cache = "warm";
    for (auto& technique : result.techniques) technique.device = "cuda";
  };
  for (auto& result : run.results) {
    if (result.flops == 0.0 || result.lab == run.results.front().lab) onto_gpu(result);
  }
  onto_gpu(run.results.front());
  run.header["device"] = {
      {"name", "NVIDIA H200"},
      {"hardware_key", "nvidia-h200"},
      {"l2_bytes", 62914560},
      {"ceilings",
       {{{"gpu", "0: NVIDIA H200"},
         {"costs",
          {cost("device copy", "GB/s", 4050), cost("device copy, cudaMemcpy", "GB/s", 4190),
           cost("copy, host to device, pinned", "GB/s", 55),
           cost("matrix product, f32", "TFLOP/s", 50), cost("matrix product, tf32", "TFLOP/s", 400),
           cost("matrix product, bf16", "TFLOP/s", 780)}}}}}};
  return run;
}

std::size_t timed_of(const bench::RunRecord& run, const char* device) {
  std::size_t timed = 0;
  for (const auto& lab : build_model(run).labs) {
    for (const auto& view : lab.cases) {
      if (view.result->device != device) continue;
      for (const Row& row : view.rows) timed += row.timed ? 1 : 0;
    }
  }
  return timed;
}

std::size_t placed(const Roofline& roofline) {
  std::size_t points = static_cast<std::size_t>(roofline.without_place);
  for (const Panel& panel : roofline.panels) points += panel.points.size();
  return points;
}

TEST(GpuRoofline, EveryTechniqueIsUnderTheRoofsOfItsOwnDevice) {
  const bench::RunRecord run = mixed_run();
  const Model model = build_model(run);
  std::vector<const CaseView*> views;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) views.push_back(&view);
  }
  const Roofline cpu = collect_roofline(model, run.header);
  const Roofline gpu = collect_gpu_roofline(model, run.header);
  EXPECT_GT(timed_of(run, "cpu"), 0u);
  EXPECT_GT(timed_of(run, "cuda"), 0u);
  EXPECT_EQ(placed(cpu), timed_of(run, "cpu"));
  EXPECT_EQ(placed(gpu), timed_of(run, "cuda"));
  EXPECT_EQ(static_cast<std::size_t>(cpu.elsewhere), timed_of(run, "cuda"));
  EXPECT_EQ(static_cast<std::size_t>(gpu.elsewhere), timed_of(run, "cpu"));
  for (const Panel& panel : cpu.panels) {
    EXPECT_EQ(panel.gpu, "");
    for (const Point& point : panel.points) EXPECT_EQ(views[point.view]->result->device, "cpu");
  }
  for (const Panel& panel : gpu.panels) {
    EXPECT_EQ(panel.gpu, "NVIDIA H200");
    for (const Point& point : panel.points) EXPECT_EQ(views[point.view]->result->device, "cuda");
  }
}

TEST(GpuRoofline, ItsRoofsAreTheCardsMeasuredCeilings) {
  const bench::RunRecord run = mixed_run();
  for (const Panel& panel : collect_gpu_roofline(build_model(run), run.header).panels) {
    ASSERT_EQ(panel.bandwidth.size(), 1u);  // no case uses the link
    EXPECT_DOUBLE_EQ(panel.bandwidth[0].value, 4190.0);
    EXPECT_DOUBLE_EQ(panel.bandwidth[0].from_bytes, 62914560.0);
    EXPECT_EQ(panel.compute.size(), panel.memory ? 0u : 2u);  // f32, and on the tensor cores
  }
  const Roofline alone = gpu_roofline(run.header);
  ASSERT_EQ(alone.panels.size(), 1u);
  ASSERT_EQ(alone.panels[0].compute.size(), 3u);
  EXPECT_EQ(alone.panels[0].compute[0].label, "bf16 780 TFLOP/s");
  EXPECT_EQ(alone.panels[0].bandwidth[1].place, "host link");
  const std::string text = render_roofline(alone, Model{});
  for (const char* part : {"Roofline, NVIDIA H200\n", "[m] device memory 4.19 TB/s",
                           "sets above 60 MiB", "bf16 186", "[h] host link 55.0 GB/s"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const auto json = roofline_to_json(alone, Model{});
  EXPECT_EQ(json["panels"][0]["gpu"], "NVIDIA H200");
  EXPECT_EQ(json["panels"][0]["bandwidth"][0]["level"], "device memory");
}

TEST(GpuRoofline, DamagedCeilingsAreNone) {
  bench::RunRecord run = mixed_run();
  run.header["device"]["ceilings"][0]["costs"][0].erase("median");
  EXPECT_TRUE(gpu_roofline(run.header).panels.empty());
  EXPECT_TRUE(gpu_roofline(bench::Json::object()).panels.empty());
  const Roofline roofline = collect_gpu_roofline(build_model(run), run.header);
  EXPECT_EQ(placed(roofline), timed_of(run, "cuda"));
  EXPECT_NE(render_roofline(roofline, build_model(run)).find("no ceilings of this GPU"),
            std::string::npos);
}

TEST(GpuRoofline, ThePageDrawsBoth) {
  const bench::RunRecord run = mixed_run();
  const auto data = bench::Json::parse(render_plot_data(build_model(run), run.header));
  std::map<std::string, int> panels;
  for (const auto& panel : data.at("panels")) ++panels[panel.at("gpu").get<std::string>()];
  EXPECT_GT(panels[""], 0);
  EXPECT_GT(panels["NVIDIA H200"], 0);
}

TEST(RooflineSvg, DrawsEveryRoofAndPoint) {
  const bench::RunRecord run = mixed_run();
  const Model model = build_model(run);
  for (const Roofline& roofline :
       {collect_roofline(model, run.header), collect_gpu_roofline(model, run.header)}) {
    const std::string svg = roofline_svg(roofline, model);
    std::size_t points = 0;
    for (const Panel& panel : roofline.panels) {
      points += panel.points.size();
      for (const Roof& roof : panel.bandwidth) {
        EXPECT_NE(svg.find(roof.label), std::string::npos) << roof.label;
      }
    }
    std::size_t circles = 0;
    for (std::size_t at = 0; (at = svg.find("<circle", at)) != std::string::npos; ++at) ++circles;
    EXPECT_EQ(circles, points);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
  }
  const bench::RunRecord hostile = bench::sample::hostile_run("</title><script>x</script>&\"");
  const std::string svg =
      roofline_svg(collect_roofline(build_model(hostile), hostile.header), build_model(hostile));
  EXPECT_EQ(svg.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace aisp::report
