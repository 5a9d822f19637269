// The picture must show every part once, be well formed whatever the record says, and stay bounded.
#include "report/topology_svg.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "report/markup_check.h"

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

Json core(int number) {
  return {{"kind", "cache"},
          {"label", "L2 1 MiB"},
          {"children",
           {{{"kind", "core"},
             {"label", "core " + std::to_string(number)},
             {"processors", std::to_string(number)}}}}};
}

Json machine(int cores) {
  Json cache = {{"kind", "cache"}, {"label", "L3 32 MiB"}, {"children", Json::array()}};
  for (int i = 0; i < cores; ++i) cache["children"].push_back(core(i));
  const Json gpu = {{"kind", "gpu"}, {"label", "GPU 0 H200"}, {"pci", "0000:1b:00.0"}};
  return {{"kind", "machine"}, {"label", "machine"}, {"children", {cache, gpu}}};
}

TEST(TopologySvg, ShowsEveryPartOnce) {
  const std::string svg = topology_svg(machine(6));
  EXPECT_EQ(count(svg, "class=\"core\""), 6u);
  EXPECT_EQ(count(svg, "class=\"gpu\""), 1u);
  EXPECT_EQ(count(svg, "GPU 0 H200"), 1u);
  EXPECT_EQ(count(svg, "L3 32 MiB; each core: L2 1 MiB"), 1u);
  EXPECT_EQ(count(svg, "0000:1b:00.0"), 1u);
  EXPECT_EQ(markup_check::read(svg).problem, "");
}

TEST(TopologySvg, TextsAreEscaped) {
  Json json = machine(1);
  json["label"] = "<script>\"&'\xff";
  json["children"][1]["label"] = "</svg><script>";
  json["children"][1]["pci"] = "\" onload=\"x";
  json["children"][0]["children"][0]["children"][0]["processors"] = "<b>";
  const std::string svg = topology_svg(json);
  EXPECT_EQ(count(svg, "<script"), 0u);
  EXPECT_EQ(count(svg, "</svg>"), 1u);
  EXPECT_EQ(count(svg, "onload=\"x"), 0u);
  EXPECT_EQ(count(svg, "<b>"), 0u);
  EXPECT_EQ(markup_check::read(svg).problem, "");
}

TEST(TopologySvg, NonsenseIsLeftOut) {
  for (const char* text :
       {"null", "[]", "5", "{}", R"({"kind": 5, "children": [1, null, {"kind": "core"}]})",
        R"({"children": {"kind": "core"}})", R"({"kind": "core", "children": [{}]})"}) {
    const std::string svg = topology_svg(Json::parse(text));
    EXPECT_EQ(markup_check::read(svg).problem, "") << text;
    EXPECT_EQ(svg.find("nan"), std::string::npos) << text;
  }
}

TEST(TopologySvg, DepthAndNumberAreBounded) {
  Json deep = {{"kind", "group"}};
  for (int i = 0; i < 500; ++i) deep = {{"kind", "group"}, {"children", {deep, deep["kind"]}}};
  EXPECT_LT(topology_svg(deep).size(), 20000u);
  Json wide = {{"kind", "machine"}, {"children", Json::array()}};
  for (int i = 0; i < 30000; ++i) wide["children"].push_back(core(i));
  EXPECT_LE(count(topology_svg(wide), "class=\"core\""), 20000u);
}

TEST(TopologySvg, ManyCoresStayReadable) {
  const std::string svg = topology_svg(machine(128));
  const std::size_t at = svg.find("viewBox=\"0 0 ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::stod(svg.substr(at + 13)), 1600.0) << "wider than a page";
}

}  // namespace
}  // namespace aisp::report
