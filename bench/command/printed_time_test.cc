// Times that programs print: formats, pieces of any size, and what is none.
#include "bench/command/printed_time.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace aisp::bench::command {
namespace {

std::optional<PrintedTime> read(const std::string& text, const std::string& key = "") {
  TimeReader reader(key);
  for (const char c : text) reader.add(std::string_view(&c, 1));  // the worst way to be cut
  const auto bytewise = reader.last();
  TimeReader whole(key);
  whole.add(text);
  const auto at_once = whole.last();
  EXPECT_EQ(bytewise.has_value(), at_once.has_value());
  if (bytewise) {
    EXPECT_EQ(bytewise->ns, at_once->ns);
  }
  return at_once;
}

TEST(PrintedTime, TheLastMarkWins) {
  EXPECT_FALSE(read("no time\n"));
  EXPECT_EQ(read("TIME_MS: 2\nmore\nelapsed TIME_MS: 3.5 ms\n")->ns, 3.5e6);
  EXPECT_EQ(read("TIME_MS:4")->ns, 4e6);  // without an end of line
  EXPECT_EQ(read("TIME_MS: 4\r\n")->ns, 4e6);
}

TEST(PrintedTime, KnowsItsLastDigit) {
  EXPECT_EQ(read("TIME_MS: 12")->step_ns, 1e6);
  EXPECT_DOUBLE_EQ(read("TIME_MS: 12.50")->step_ns, 1e4);
  EXPECT_DOUBLE_EQ(read("TIME_MS: 1.25e1")->step_ns, 1e5);
}

TEST(PrintedTime, JsonByKeyWithItsUnit) {
  EXPECT_EQ(read("{\"time_ms\": 1.5}\n")->ns, 1.5e6);
  EXPECT_EQ(read("x\n {\"a\": {\"wall_s\": 0.25}, \"time_ms\": 1}\n", "a.wall_s")->ns, 0.25e9);
  EXPECT_EQ(read("{\"t_us\": 3}\n{\"t_us\": 4}\n{\"other\": 1}\n", "t_us")->ns, 4e3);
  EXPECT_FALSE(read("{\"time_ms\": \n", ""));
  EXPECT_FALSE(read("TIME_MS: 3\n", "t_ns"));  // another key was asked for
  EXPECT_THROW(unit_of_key("elapsed", "--json-key"), UsageError);
  EXPECT_EQ(unit_of_key("elapsed_ns", "--json-key"), 1.0);
}

TEST(PrintedTime, WhatIsNoTimeIsRemembered) {
  for (const char* text : {"TIME_MS: fast", "TIME_MS: -1", "TIME_MS: nan", "TIME_MS: inf",
                           "TIME_MS:", "TIME_MS: 0", "{\"time_ms\": \"3\"}"}) {
    TimeReader reader("");
    reader.add(std::string(text) + "\n");
    EXPECT_FALSE(reader.last()) << text;
    if (std::string(text) != "TIME_MS:") {
      EXPECT_NE(reader.malformed(), "") << text;
    }
  }
}

TEST(PrintedTime, EndlessLinesAreBounded) {
  TimeReader reader("");
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) reader.add(chunk);
  reader.add("\nTIME_MS: 7\n");
  EXPECT_EQ(reader.last()->ns, 7e6);
}

// What is compared between runs: every byte but the lines that hold a time.
TEST(PrintedTime, OtherLinesArePassedOnWhole) {
  const std::string overlong(200'000, 'x');
  const std::string text =
      "first\nTIME_MS: 7\n{\"time_ms\": 1}\n{\"other\": 2}\n\n" + overlong + "\nTIME_MS: 3\nlast";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
    std::string others;
    TimeReader reader("", [&](std::string_view bytes) { others += bytes; });
    for (std::size_t at = 0; at < text.size(); at += piece) {
      reader.add(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(reader.last()->ns, 3e6);
    EXPECT_EQ(others, "first\n{\"other\": 2}\n\n" + overlong + "\nlast");
  }
}

}  // namespace
}  // namespace aisp::bench::command
