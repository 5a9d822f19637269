// The reports: the same bytes each time, well-formed, nothing of a record becomes markup, and what
// is missing or infinite is shown as such.
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>
#include <limits>

#include "base/text.h"
#include "bench/record_sample.h"
#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"
#include "report/markup.h"
#include "report/markup_check.h"
#include "report/model.h"
#include "report/roofline.h"
#include "report/svg.h"

namespace aisp::report {
namespace {

using bench::Json;

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// A run as it comes back from disk, which is what a report is made from.
bench::RunRecord through_json(const bench::RunRecord& run) {
  bench::RunRecord back = run;
  for (auto& result : back.results) {
    result = bench::case_from_json(Json::parse(bench::to_json(result).dump()), "test");
  }
  back.header = Json::parse(run.header.dump());
  return back;
}

void expect_well_formed(const std::string& html) {
  const auto page = markup_check::read(html);
  EXPECT_EQ(page.problem, "");
  std::set<std::string> ids(page.ids.begin(), page.ids.end());
  EXPECT_EQ(ids.size(), page.ids.size()) << "an id occurs twice";
  for (const auto& link : page.links) EXPECT_TRUE(ids.contains(link)) << link;
}

TEST(MarkupCheck, FindsWhatItIsFor) {
  EXPECT_EQ(markup_check::read("<p class=\"a\">x<br>&amp;</p>").problem, "");
  for (const char* bad : {"<p>", "</p>", "<p></b></p>", "<p a=b></p>", "<p a=\"<\"></p>", "a & b",
                          "a > b", "<p a=\"x></p>", "< p></p>", "<p>&nbsp;</p>"}) {
    EXPECT_NE(markup_check::read(bad).problem, "") << bad;
  }
}

TEST(Html, IsWellFormedAndItsLinksLead) { expect_well_formed(render_html(bench::sample::run())); }

TEST(Html, SameRecordSameBytes) {
  const auto run = bench::sample::run();
  const std::string once = render_html(run);
  EXPECT_EQ(once, render_html(run));
  EXPECT_EQ(once, render_html(through_json(run)));
  const char* locale = std::setlocale(LC_ALL, "de_DE.UTF-8");
  EXPECT_EQ(once, render_html(run)) << (locale ? locale : "no other locale here");
  std::setlocale(LC_ALL, "C");
}

TEST(Html, ReachesOutToNothingAndRunsNothing) {
  const std::string html = render_html(bench::sample::run());
  const auto page = markup_check::read(html);
  for (const char* element : {"script", "img", "iframe", "object", "embed", "base", "form"}) {
    EXPECT_EQ(std::count(page.elements.begin(), page.elements.end(), element), 0) << element;
  }
  for (const auto& attribute : page.attributes) {
    EXPECT_NE(attribute.substr(0, 2), "on") << attribute;
    EXPECT_NE(attribute, "src");
  }
  EXPECT_FALSE(contains(html, "http://"));
  EXPECT_FALSE(contains(html, "https://"));
  EXPECT_FALSE(contains(html, "url("));
  EXPECT_FALSE(contains(html, "@import"));
  EXPECT_TRUE(contains(html, "default-src 'none'"));
}

TEST(Html, ShowsWhatTheRecordSays) {
  const std::string html = render_html(bench::sample::run());
  for (const char* part : {"20250304-101110-gemm",
                           "AMD EPYC 9R14",
                           "amd-epyc-25.17-2c-23g-1a2b3c4d",
                           "commit 0123456789ab",
                           "aisp bench run --size full",
                           "2025-03-04T10:11:10Z",
                           "What does batching many small matrix products save?",
                           "GPT-2 small, 12 heads of 64 over 1024 tokens",
                           "B=12, K=64, M=1024, N=1024",
                           "2.23x",
                           "[2.21, 2.25]",
                           "75.6 %",
                           "compute bound",
                           "168 GFLOP/s",
                           "isolated disagrees",
                           "contended",
                           "cpu clock",
                           "needs a CUDA device",
                           "40 times the bound",
                           "free(): invalid pointer",
                           "would need about 5300 rounds",
                           "18 techniques"}) {
    EXPECT_TRUE(contains(html, part)) << part;
  }
  const auto page = markup_check::read(html);
  EXPECT_EQ(count(html, "<article class=\"panel\" id=\"case-"), 4u + 3u);  // cases and failures
  EXPECT_EQ(count(html, "class=\"interval "), 19u + 4u);  // rows with a time, best of each case
  EXPECT_EQ(count(html, "class=\"strip\""), 19u);
  EXPECT_EQ(count(html, "class=\"point "), 15u);  // rows with a time of cases with flops
  EXPECT_EQ(std::count(page.elements.begin(), page.elements.end(), "details"), 4);
}

TEST(Html, EveryStringOfTheRecordIsEscaped) {
  const std::string hostile = "\"'><script>alert(1)</script>&lt;\x1b[2J\xE2\x80\xAE\xFF";
  const auto run = bench::sample::hostile_run(hostile);
  const std::string html = render_html(run);
  expect_well_formed(html);
  EXPECT_FALSE(contains(html, "<script"));
  EXPECT_FALSE(contains(html, "\x1b"));
  EXPECT_FALSE(contains(html, "\xE2\x80\xAE"));
  EXPECT_EQ(printable(html, true), html) << "not valid UTF-8";
  const auto page = markup_check::read(html);
  const auto plain = markup_check::read(render_html(bench::sample::run()));
  for (const auto& attribute : page.attributes) {
    EXPECT_TRUE(plain.attributes.contains(attribute)) << attribute;
  }
}

TEST(Html, ClassesComeFromUsNotFromTheRecord) {
  const std::string html = render_html(bench::sample::hostile_run("x\" class=\"y"));
  expect_well_formed(html);
  EXPECT_FALSE(contains(html, "class=\"y"));
}

TEST(Html, ARunWithoutResultsRenders) {
  auto run = bench::sample::run();
  run.results.clear();
  const std::string html = render_html(run);
  expect_well_formed(html);
  EXPECT_TRUE(contains(html, "no results yet"));
  EXPECT_TRUE(contains(html, "nothing was measured"));
}

TEST(Html, ABareHeaderRenders) {
  for (const Json& header : {Json::object(), Json{{"schema", "aisp.run/1"}, {"ceilings", nullptr}},
                             Json{{"command", 7}, {"cpu", "x"}, {"environment", {1, 2}}}}) {
    auto run = bench::sample::run();
    run.header = header;
    expect_well_formed(render_html(run));
    run.results.clear();
    const std::string html = render_html(run);
    expect_well_formed(html);
    EXPECT_TRUE(contains(html, "No measured ceilings"));
  }
}

TEST(Html, ACutOffRunSaysSo) {
  auto run = bench::sample::run();
  EXPECT_FALSE(contains(render_html(run), "was cut off"));
  run.torn_lines = 1;
  EXPECT_TRUE(contains(render_html(run), "was cut off"));
}

// Every number of a record that is not finite, or beyond any machine, in every place.
TEST(Reports, NothingPrintsInfOrNan) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double odd : {infinity, std::nan(""), 1e308, -1.0, 0.0}) {
    auto run = bench::sample::run();
    for (auto& result : run.results) {
      result.flops = result.bytes_read = result.working_set_bytes = result.seconds = odd;
      result.load1 = result.steal_share = odd;
      for (auto& t : result.techniques) {
        const Interval interval{odd, odd, odd};
        t.pair.ratio = t.pair.ratio_wall = t.pair.ratio_cpu = t.isolated.ratio = t.time_ns =
            interval;
        t.has_isolated = true;
        for (double* number : {&t.margin, &t.level, &t.p10_ns, &t.p90_ns, &t.p99_ns, &t.gflop_per_s,
                               &t.gb_per_s, &t.items_per_s, &t.floor_ns, &t.ceiling_fraction,
                               &t.worst_in_bounds, &t.pair.disturbed_share}) {
          *number = odd;
        }
      }
      for (auto& process : result.processes) {
        for (auto& [name, series] : process.series) series.wall_ns.assign(9, odd);
      }
    }
    const std::string html = render_html(run);
    expect_well_formed(html);
    const std::string body = html.substr(html.find("</style>"));
    for (const std::string& text : {body, render_markdown(run), render_json(run)}) {
      for (const char* word : {"inf ", "inf]", "inf\"", "inf,", "infx", "nan ", ">nan", "[nan",
                               "\"nan", "Mnan", "NaN", "Infinity"}) {
        const bool found = contains(text, word);
        EXPECT_FALSE(found) << word << " for " << odd << ": "
                            << (found ? text.substr(text.find(word) - 60, 80) : "");
      }
    }
  }
}

TEST(Reports, OpenIntervalsAreDashes) {
  auto run = bench::sample::run();
  run.results = {bench::sample::softmax_case("full")};
  auto& ratio = run.results[0].techniques[3].pair.ratio;
  ratio.low = 0.8;  // at most 1.25 times as fast, at least nothing is known
  const std::string html = render_html(run), markdown = render_markdown(run);
  EXPECT_TRUE(contains(html, "[-, 1.25]"));
  EXPECT_TRUE(contains(html, "class=\"open\""));
  EXPECT_TRUE(contains(markdown, "\\[-, 1.25\\]"));
}

TEST(Model, TallyCountsWhatOccurs) {
  const auto run = bench::sample::run();
  const Model model = build_model(run);
  EXPECT_EQ(model.labs.size(), 3u);
  EXPECT_EQ(model.labs[2].cases.size(), 2u);
  EXPECT_EQ(model.tally.baselines, 4);
  EXPECT_EQ(model.tally.peers, 1);
  EXPECT_EQ(model.tally.total(), 18);
  EXPECT_EQ(describe(model.tally),
            "8 faster, 1 equivalent, 1 slower, 3 inconclusive, 1 noisy, 1 wrong, 1 impossible, "
            "1 failed, 1 skipped");
}

TEST(Model, CommandIsQuotedForAShell) {
  const Json header = {{"command", {"aisp", "a b", "it's", "", "x=1"}}};
  EXPECT_EQ(describe_command(header), "aisp 'a b' 'it'\\''s' '' x=1");
}

TEST(Model, APeerIsNeverTheBest) {
  const auto run = bench::sample::run();
  const Model model = build_model(run);
  const Row* best = model.labs[0].cases[0].best();
  ASSERT_NE(best, nullptr);
  EXPECT_EQ(best->technique->name, "strided");
}

TEST(Model, NoClaimRestsOnUncheckedRows) {
  auto run = bench::sample::run();
  for (auto& result : run.results) result.checks_off = {"reference"};
  const Model model = build_model(run);
  EXPECT_FALSE(model.tally.techniques.contains(State::kFaster));
  EXPECT_EQ(model.labs[0].cases[0].best(), nullptr);
  EXPECT_TRUE(contains(render_html(run), "no claim rests on it"));
}

TEST(Model, SpeedupIsTheInverseRatio) {
  auto result = bench::sample::transpose_case();
  result.techniques[2].pair.ratio = {0.25, 0.2, 0.5};
  bench::RunRecord run;
  run.results = {result};
  const Model model = build_model(run);
  const Interval& speedup = model.labs[0].cases[0].rows[2].speedup;
  EXPECT_DOUBLE_EQ(speedup.estimate, 4.0);
  EXPECT_DOUBLE_EQ(speedup.low, 2.0);
  EXPECT_DOUBLE_EQ(speedup.high, 5.0);
}

TEST(Roofline, MalformedCeilingsCountAsAbsent) {
  const auto run = bench::sample::run();
  const Model model = build_model(run);
  EXPECT_FALSE(contains(draw_roofline(model, run.header), "no measured ceilings"));
  for (const char* path : {"/ceilings/compute/0/gflop_per_s", "/ceilings/bandwidth/1/level",
                           "/ceilings/compute", "/ceilings"}) {
    Json header = run.header;
    header[Json::json_pointer(path)] = "x";
    EXPECT_TRUE(contains(draw_roofline(model, header), "has no measured ceilings")) << path;
  }
}

TEST(Roofline, APointUnderARoofIsDrawnUnderIt) {
  const auto run = bench::sample::run();
  const std::string figure = draw_roofline(build_model(run), run.header);
  EXPECT_TRUE(contains(figure, "L1 read, 1 thread: 410 GB/s"));
  EXPECT_TRUE(contains(figure, "avx512 f32, 1 thread: 222 GFLOP/s"));
  EXPECT_TRUE(contains(figure, "gpt2_heads: batched (faster), 28.4 FLOP per byte, 168 GFLOP/s"));
}

TEST(Svg, TicksAreRoundAndWithinTheAxis) {
  for (const auto& [low, high] : {std::pair{0.95, 1.05}, std::pair{0.4, 3.0}, std::pair{1.0, 20.0},
                                  std::pair{0.001, 900.0}, std::pair{1e-6, 1e6}}) {
    const LogAxis axis{low, high, 0, 100};
    const auto found = ticks(axis, 5);
    EXPECT_GE(found.size(), 2u) << low << " " << high;
    EXPECT_LE(found.size(), 5u) << low << " " << high;
    for (const double value : found) {
      EXPECT_GE(value, low * 0.999);
      EXPECT_LE(value, high * 1.001);
    }
  }
}

TEST(Svg, AxisIsMonotoneAndClamps) {
  const LogAxis axis{0.5, 8.0, 10.0, 110.0};
  EXPECT_DOUBLE_EQ(axis.at(0.5), 10.0);
  EXPECT_DOUBLE_EQ(axis.at(2.0), 60.0);
  EXPECT_DOUBLE_EQ(axis.at(8.0), 110.0);
  EXPECT_DOUBLE_EQ(axis.at(100.0), 110.0);
  EXPECT_DOUBLE_EQ(axis.at(0.01), 10.0);
}

TEST(Markdown, TextOfTheRecordFormsNoMarkup) {
  const auto run = bench::sample::hostile_run("|`<b>*_[x](y)\n# head\n");
  const std::string markdown = render_markdown(run);
  std::string outside;  // of code spans, in which nothing is markup
  bool inside = false;
  for (std::size_t i = 0; i < markdown.size(); ++i) {
    if (markdown[i] == '\\' && !inside)
      ++i;  // an escaped character
    else if (markdown[i] == '`')
      inside = !inside;
    else if (!inside)
      outside += markdown[i];
  }
  EXPECT_FALSE(inside);
  EXPECT_FALSE(contains(outside, "<"));
  EXPECT_FALSE(contains(markdown, "\n# head"));
  const std::string plain = render_markdown(bench::sample::run());
  EXPECT_EQ(count(markdown, "\n#"), count(plain, "\n#"));
  EXPECT_EQ(count(markdown, "\n|"), count(plain, "\n|"));
  // Rows keep their eight bars: those of the record are escaped.
  for (std::size_t at = markdown.find("\n| "); at != markdown.npos;
       at = markdown.find("\n| ", at + 1)) {
    std::string row = markdown.substr(at + 1, markdown.find('\n', at + 1) - at - 1);
    for (std::size_t escaped; (escaped = row.find("\\|")) != row.npos;) row.erase(escaped, 2);
    EXPECT_EQ(count(row, "|"), 8u) << row;
  }
}

TEST(Markdown, SameRecordSameBytes) {
  const auto run = bench::sample::run();
  EXPECT_EQ(render_markdown(run), render_markdown(through_json(run)));
  EXPECT_TRUE(contains(render_markdown(run), "| `batched` | 9.60 ms | 2.23x |"));
}

TEST(JsonReport, HasTheDocumentedShape) {
  const auto run = bench::sample::run();
  const Json json = Json::parse(render_json(run));
  EXPECT_EQ(json["schema"], "aisp.report/1");
  EXPECT_EQ(json["run"], run.header);
  EXPECT_EQ(json["tally"]["techniques"]["faster"], 8);
  ASSERT_EQ(json["results"].size(), 4u);
  const Json& gemm = json["results"][0];
  EXPECT_EQ(gemm["best"], "strided");
  EXPECT_FALSE(gemm.contains("processes"));
  EXPECT_EQ(gemm["techniques"][1]["state"], "faster");
  EXPECT_EQ(gemm["techniques"][1]["samples"], 192);
  EXPECT_NEAR(gemm["techniques"][1]["speedup"]["estimate"].get<double>(), 1.0 / 0.449, 1e-12);
  EXPECT_EQ(gemm["techniques"][6]["speedup"], nullptr);
  EXPECT_EQ(json["results"][2]["techniques"][3]["speedup"]["high"], nullptr);
}

TEST(JsonReport, SameRecordSameBytesWhateverTheBytes) {
  const auto run = bench::sample::hostile_run("\xFF\x1b");
  EXPECT_EQ(render_json(run), render_json(run));
  EXPECT_NO_THROW(Json::parse(render_json(run)));
}

}  // namespace
}  // namespace aisp::report
