// The page of a load record: well-formed, with what the record says, and nothing hostile in it.
#include "report/load_page.h"

#include <gtest/gtest.h>

#include "report/markup_check.h"

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

Json percentiles(double p50) {
  const Json interval = {{"estimate", p50}, {"low", p50 / 2}, {"high", nullptr}};
  return {{"count", 60},     {"p50", interval}, {"p90", interval},
          {"p99", interval}, {"mean", p50},     {"max", p50 * 3}};
}

Json record(const std::string& name) {
  const Json span = {{"at_s", 1.0},     {"due", 3},        {"failed", 1},     {"good", 2},
                     {"ttft_p50", 0.1}, {"ttft_p99", 0.4}, {"itl_p50", 0.02}, {"itl_p99", 0.05}};
  const Json list = {0.1, 0.2};
  Json run = {{"side", "A"}, {"rate", 4.0}, {"verdict", "met"}};
  run["summary"] = {{"outcomes", {{"answered", 59}, {name, 1}}},
                    {"ttft_s", percentiles(0.123)},
                    {"itl_s", percentiles(0.02)},
                    {"goodput_per_s", 3.9},
                    {"good_share", {{"estimate", 0.97}, {"low", 0.9}, {"high", 0.99}}},
                    {"steady", false},
                    {"on_time", false}};
  run["series"] = {{"window", {0.5, 10.0}}, {"spans", {span}}, {"ttft_s", list},
                   {"tpot_s", list},        {"itl_s", list},   {"e2e_s", list}};
  const Json row = {{"name", "TTFT p50"},
                    {"ratio", {{"estimate", 0.8}, {"low", 0.7}, {"high", 0.9}}},
                    {"verdict", "faster"}};
  return {{"schema", "aisp.load"},
          {"kind", "sweep"},
          {"load", name},
          {"when", "2026-01-01T00:00:00Z"},
          {"sides", {{{"name", name}, {"says", "model m"}}}},
          {"messages", {name}},
          {"sweep", {{"met", 4.0}, {"missed", nullptr}}},
          {"runs", {run}},
          {"comparison", {{"rows", {row}}}}};
}

TEST(LoadPage, ShowsTheFigures) {
  const auto page = markup_check::read(load_html(record("plain")));
  EXPECT_EQ(page.problem, "");
  for (const char* says :
       {"TTFT", "123 ms", "97.0 %", "Not steady", "was late", "0.8", "1 plain"}) {
    EXPECT_NE(page.text.find(says), std::string::npos) << says;
  }
  EXPECT_EQ(page.scripts.size(), 4u) << "data, two libraries, the drawings";
}

TEST(LoadPage, HostileNamesStayNames) {
  const std::string name = "</script><img src=x onerror=alert(1)>\"'&\xE2\x80\xAE";
  const auto page = markup_check::read(load_html(record(name)));
  EXPECT_EQ(page.problem, "");
  for (const std::string& element : page.elements) EXPECT_NE(element, "img");
  EXPECT_EQ(page.scripts[0].find('<'), std::string::npos);
}

TEST(LoadPage, ARecordWithoutAnythingIsAPage) {
  EXPECT_EQ(markup_check::read(load_html(Json::object())).problem, "");
}

}  // namespace
}  // namespace aisp::report
