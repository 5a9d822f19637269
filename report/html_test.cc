// The page on synthetic runs: it is well-formed, the same record gives the same bytes, nothing of a
// record becomes markup or script. What a browser makes of it: browser_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>

#include "base/text.h"
#include "report/assets.h"
#include "report/html.h"
#include "report/model.h"
#include "report/test_pages.h"

namespace aisp::report {
namespace {

TEST(MarkupCheck, FindsWhatItIsFor) {
  EXPECT_EQ(markup_check::read("<p class=\"a\">x<br>&amp;</p>").problem, "");
  for (const char* bad : {"<p>", "</p>", "<p></b></p>", "<p a=b></p>", "<p a=\"<\"></p>", "a & b",
                          "a > b", "<p a=\"x></p>", "< p></p>", "<p>&nbsp;</p>"}) {
    EXPECT_NE(markup_check::read(bad).problem, "") << bad;
  }
}

TEST(Html, ShowsTheTopologyWhereTheRecordHasOne) {
  bench::RunRecord record = bench::sample::run();
  EXPECT_NE(render_html(record).find("class=\"topology\""), std::string::npos);
  record.header.erase("topology");
  EXPECT_EQ(render_html(record).find("class=\"topology\""), std::string::npos);
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

TEST(Html, ReachesOutToNothing) {
  const std::string html = render_html(bench::sample::run());
  const auto page = markup_check::read(html);
  for (const char* element : {"img", "iframe", "object", "embed", "base", "form"}) {
    EXPECT_EQ(std::count(page.elements.begin(), page.elements.end(), element), 0) << element;
  }
  for (const auto& attribute : page.attributes) {
    EXPECT_NE(attribute.substr(0, 2), "on") << attribute;
    EXPECT_NE(attribute, "src");
  }
  const std::string body = body_of(html);
  for (const char* address : {"http://", "https://", "url(", "@import"}) {
    EXPECT_FALSE(contains(body, address)) << address;
    EXPECT_FALSE(contains(page_style(), address)) << address;
  }
  EXPECT_TRUE(contains(html, "default-src &#39;none&#39;"));
}

TEST(Html, RunsOurScriptsAndNoOthers) {
  const std::string html = render_html(bench::sample::hostile_run("</script><script>alert(1)//"));
  const auto page = markup_check::read(html);
  EXPECT_EQ(page.problem, "");
  const std::size_t scripts = page_scripts().size() - 1;  // the last draws loads, not runs
  ASSERT_TRUE(draws_load(page_scripts()[scripts]));
  ASSERT_EQ(page.scripts.size(), 1 + scripts);
  EXPECT_NO_THROW(Json::parse(page.scripts[0]));  // the data
  for (std::size_t i = 0; i < scripts; ++i) {
    EXPECT_EQ(page.scripts[i + 1], page_scripts()[i].text);
    EXPECT_TRUE(contains(html, "&#39;sha256-" + std::string(page_scripts()[i].sha256) + "&#39;"));
  }
}

// The libraries are what their projects published: d3 7.9.2 and @observablehq/plot 0.6.17, dist/.
// Hashes by `openssl dgst -sha256 -binary FILE | base64`, which also checks embed.cmake.
TEST(Html, LibrariesAreUnmodified) {
  ASSERT_GE(page_scripts().size(), 2u);
  EXPECT_EQ(page_scripts()[0].name, "report/vendor/d3.min.js");
  EXPECT_EQ(page_scripts()[0].sha256, "kSERCY6plQOm9JZzYdK73J2/WM+cZ4yOJ+WwLRoH8ME=");
  EXPECT_EQ(page_scripts()[1].name, "report/vendor/plot.umd.min.js");
  EXPECT_EQ(page_scripts()[1].sha256, "Q1gIZGd0B3fdeI1rJ6lc69uu/dUMcwowYBFwc71xNMs=");
}

TEST(Html, ALargeRunStaysSmall) {
  const std::string html = render_html(large_run());  // 8 MB of samples
  EXPECT_LT(html.size(), 1500u << 10);
  expect_well_formed(html);
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
  EXPECT_EQ(count(html, "<article class=\"panel\" id=\"case-"), 4u);
  EXPECT_EQ(count(html, "<article class=\"panel failure\" id=\"case-"), 3u);
  EXPECT_EQ(count(html, "data-plot=\"speedups\""), 4u);
  EXPECT_EQ(count(html, "data-plot=\"samples\""), 4u);
  EXPECT_EQ(count(html, "data-plot=\"roofline\""), 1u + 3u);  // the run, and each lab
  EXPECT_EQ(count(html, "data-plot=\"overview\""), 1u);
  EXPECT_LT(html.find("What failed, and why"), html.find("The best technique"));
}

TEST(Html, EveryNumberIsInATableToo) {
  const std::string html = body_of(render_html(bench::sample::run()));
  const std::string tables = html.substr(0, html.find("id=\"data\""));
  EXPECT_EQ(count(tables, "data-name=\"time\""), 19u);  // rows with a time
  EXPECT_EQ(count(tables, "data-name=\"speed-up\""), 19u);
  for (const char* ceiling : {"avx512 f32", "L1 read", "DRAM read", "222 GOP/s", "410 GB/s"}) {
    EXPECT_TRUE(contains(tables, ceiling)) << ceiling;
  }
}

TEST(Html, SaysHowToMeasureAgain) {
  const std::string html = body_of(render_html(bench::sample::run()));
  EXPECT_TRUE(contains(html, "git checkout 0123456789abcdef0123456789abcdef01234567"));
  EXPECT_TRUE(contains(html, "aisp bench run --targets ch07:transpose --size full"));
  EXPECT_TRUE(contains(html, "Seed of the inputs: 18364758544493064720"));
}

TEST(Html, EveryStringOfTheRecordIsEscaped) {
  const std::string hostile = "\"'><script>alert(1)</script>&lt;\x1b[2J\xE2\x80\xAE\xFF";
  const auto run = bench::sample::hostile_run(hostile);
  const std::string html = render_html(run);
  expect_well_formed(html);
  EXPECT_FALSE(contains(html, "<script>alert"));
  EXPECT_FALSE(contains(html, "\x1b"));
  EXPECT_FALSE(contains(html, "\xE2\x80\xAE"));
  EXPECT_EQ(printable(body_of(html), true), body_of(html)) << "not valid UTF-8";
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
  EXPECT_TRUE(contains(html, "Nothing was measured"));
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
    EXPECT_TRUE(contains(html, "no measured ceilings"));
  }
}

TEST(Html, ACutOffRunSaysSo) {
  auto run = bench::sample::run();
  EXPECT_FALSE(contains(render_html(run), "was cut off"));
  run.torn_lines = 1;
  EXPECT_TRUE(contains(render_html(run), "was cut off"));
}

}  // namespace
}  // namespace aisp::report
