// What the tests of this room share.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "bench/record_sample.h"
#include "report/markup_check.h"

namespace aisp::report {

using bench::Json;

inline std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// A run as it comes back from disk, which is what a report is made from.
inline bench::RunRecord through_json(const bench::RunRecord& run) {
  bench::RunRecord back = run;
  for (auto& result : back.results) {
    result = bench::case_from_json(Json::parse(bench::to_json(result).dump()), "test");
  }
  back.header = Json::parse(run.header.dump());
  return back;
}

inline void expect_well_formed(const std::string& html) {
  const auto page = markup_check::read(html);
  EXPECT_EQ(page.problem, "");
  std::set<std::string> ids(page.ids.begin(), page.ids.end());
  EXPECT_EQ(ids.size(), page.ids.size()) << "an id occurs twice";
  for (const auto& link : page.links) EXPECT_TRUE(ids.contains(link)) << link;
}

/// The page without its style and the code of its scripts: what comes from the record.
inline std::string body_of(const std::string& html) {
  const std::size_t begin = html.find("<body>"), code = html.find("<script>");
  return html.substr(begin, code - begin);
}

/// 26 labs of two cases of six techniques, four processes of 2000 samples each.
inline bench::RunRecord large_run() {
  bench::RunRecord run = bench::sample::run();
  run.results.clear();
  for (int i = 0; i < 52; ++i) {
    bench::CaseResult result = bench::sample::transpose_case();
    result.lab = fmt::format("ch{}:lab_{}", 10 + i / 4, i / 2);
    result.case_name += fmt::format("_{}", i);
    result.techniques.push_back(bench::sample::timed(result, "streaming", 40e6, 0.066, 0.02));
    result.processes.clear();
    bench::sample::add_samples(result, 4, 2000);
    run.results.push_back(std::move(result));
  }
  return run;
}

inline Json load_percentiles(double p50) {
  const Json interval = {{"estimate", p50}, {"low", p50 / 2}, {"high", nullptr}};
  return {{"count", 60},     {"p50", interval}, {"p90", interval},
          {"p99", interval}, {"mean", p50},     {"max", p50 * 3}};
}

/// A record of `aisp load` in which every text from outside is `name`.
inline Json load_record(const std::string& name) {
  const Json span = {{"at_s", 1.0},     {"due", 3},        {"failed", 1},     {"good", 2},
                     {"ttft_p50", 0.1}, {"ttft_p99", 0.4}, {"itl_p50", 0.02}, {"itl_p99", 0.05}};
  const Json list = {0.1, 0.2};
  Json run = {{"side", "A"}, {"rate", 4.0}, {"verdict", "met"}};
  run["summary"] = {{"outcomes", {{"answered", 59}, {name, 1}}},
                    {"ttft_s", load_percentiles(0.123)},
                    {"itl_s", load_percentiles(0.02)},
                    {"goodput_per_s", 3.9},
                    {"slo", {{"ttft_s", 0.5}, {"tpot_s", nullptr}}},
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
          {"stages", {{{"name", name}, {"count", 7}, {"mean_s", 0.2}, {"p50_s", 0.1}}}},
          {"sweep", {{"met", 4.0}, {"missed", nullptr}}},
          {"runs", {run}},
          {"comparison", {{"rows", {row}}}}};
}

}  // namespace aisp::report
