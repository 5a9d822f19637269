// The summary table: aligned, within its width, colour only when asked, hostile names harmless.
#include "app/table.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/text.h"
#include "bench/record_sample.h"

namespace aisp::app {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The first line that holds `part`; "" when none does.
std::string line_with(const std::string& text, const std::string& part) {
  for (const auto& line : lines_of(text)) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

/// The column, in display columns, at which `part` begins in the line that holds `key`.
int column_of(const std::string& text, const std::string& key, const std::string& part) {
  const std::string line = line_with(text, key);
  const std::size_t at = line.find(part);
  return at == std::string::npos ? -1 : display_width(line.substr(0, at));
}

std::string without_colour(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      out += text[i];
    }
  }
  return out;
}

TEST(SummaryTable, ShowsEachKindOfRow) {
  const std::string table = summary_table(bench::sample::run(), false);
  EXPECT_EQ(line_with(table, "  batched"),
            "  batched            9.60 ms     2.23x  [2.21, 2.25]    75.6 % compute  faster");
  EXPECT_NE(line_with(table, "one_by_one").find("baseline"), std::string::npos);
  EXPECT_NE(line_with(table, "half_sum").find("wrong: 3 of 4096 wrong"), std::string::npos);
  EXPECT_NE(line_with(table, "cached_answer").find("impossible: 910"), std::string::npos);
  EXPECT_NE(line_with(table, "tiled_smem").find("skipped: needs a CUDA device"), std::string::npos);
  EXPECT_NE(line_with(table, "onednn").find("(peer)"), std::string::npos);
  EXPECT_NE(table.find("contended, cpu clock"), std::string::npos);
  EXPECT_NE(table.find("18 techniques in 4 cases: 8 faster"), std::string::npos);
}

TEST(SummaryTable, LinesUp) {
  const std::string table = summary_table(bench::sample::run(), false);
  const int verdict = column_of(table, "technique  ", "verdict");
  EXPECT_GT(verdict, 0);
  EXPECT_EQ(column_of(table, "  batched", "faster"), verdict);
  EXPECT_EQ(column_of(table, "  row_walk", "baseline"), verdict);
  // Microseconds: a character of two bytes must not shift what follows.
  EXPECT_EQ(column_of(table, "102 µs", "faster"), verdict);
}

TEST(SummaryTable, FitsItsWidth) {
  for (const int width : {60, 72, 80, 100, 200}) {
    const std::string hostile = " 行列 long words that need room \n\t\x1b[31m";
    for (const auto& run : {bench::sample::run(), bench::sample::hostile_run(hostile)}) {
      for (const auto& line : lines_of(summary_table(run, false, width))) {
        EXPECT_LE(display_width(line), width) << line;
        EXPECT_EQ(printable(line), line);
      }
    }
  }
  for (const auto& line : lines_of(summary_table(bench::sample::run(), false, 1))) {
    EXPECT_LE(display_width(line), 60) << line;
  }
}

TEST(SummaryTable, ColourOnlyWhenAskedAndOnlyColour) {
  const auto run = bench::sample::run();
  const std::string plain = summary_table(run, false), coloured = summary_table(run, true);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  EXPECT_NE(coloured.find("\x1b[32mfaster\x1b[0m"), std::string::npos);
  EXPECT_EQ(without_colour(coloured), plain);
}

TEST(SummaryTable, OpenIntervalsAndEmptyColumns) {
  auto run = bench::sample::run();
  EXPECT_EQ(line_with(summary_table(run, false), "undecided").find("inf"), std::string::npos);
  for (auto& result : run.results) {
    for (auto& technique : result.techniques) technique.ceiling_fraction = 0.0;
  }
  EXPECT_EQ(summary_table(run, false).find("of ceiling"), std::string::npos);
  run.results.clear();
  EXPECT_EQ(summary_table(run, false), "0 techniques in 0 cases: nothing was measured\n");
}

}  // namespace
}  // namespace aisp::app
