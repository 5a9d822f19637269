// The model that every form of the report shares, and the Markdown and JSON forms: right numbers,
// nothing of a record becomes markup, and what is missing or infinite is shown as such.
#include <gtest/gtest.h>

#include <limits>

#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"
#include "report/model.h"
#include "report/test_pages.h"

namespace aisp::report {
namespace {

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
    const std::string body = body_of(html);
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

TEST(Model, TheCeilingBesideIsShownAndNotCounted) {
  bench::RunRecord run = bench::sample::run();
  const int total = build_model(run).tally.total();
  bench::sample::add_ceiling(run.results[1]);
  const Model model = build_model(run);
  EXPECT_EQ(model.tally.total(), total);
  EXPECT_EQ(model.tally.peers, 1);
  const CaseView& view = model.labs[1].cases[0];
  EXPECT_EQ(describe_ceiling(*view.rows[1].technique), "90.0 % [88, 92] beside");
  EXPECT_NE(view.best()->technique->role, "ceiling") << "ten times as quick, and no technique";
  EXPECT_EQ(explain(view.rows.back()), "moves the same bytes: copy_nt avx2");
  EXPECT_TRUE(contains(render_html(run), "[88, 92] beside it"));
  EXPECT_TRUE(contains(render_markdown(run), "90.0 % \\[88, 92\\] beside"));
  EXPECT_TRUE(contains(render_json(run), "\"fraction\""));
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
