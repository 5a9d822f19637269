// The doctor's page: everything is there, and nothing from outside gets in unescaped.
#include "report/doctor_page.h"

#include <gtest/gtest.h>

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

Json document() {
  Json row = {
      {"id", "swap-off"},
      {"section", "OS and driver"},
      {"verdict", "warn"},
      {"says", "swap <b>is</b> on"},
      {"evidence", Json::array({{{"source", "/proc/swaps"}, {"value", "a|b\n\"c\""}}})},
      {"cost", "10 ms"},
      {"remedy", "swapoff -a"},
      {"fixes",
       Json::array({{{"kind", "write"}, {"target", "/proc/sys/vm/swappiness"}, {"value", "10"}}})}};
  Json fine = {{"id", "smt-state"}, {"section", "Data"}, {"verdict", "ok"}, {"says", "off"}};
  return {{"host", "node<1>"},
          {"when", "2030-01-01T00:00:00Z"},
          {"program", "1.0"},
          {"summary", {{"items", 2}, {"decided", 2}, {"warn", 1}, {"ok", 1}}},
          {"rows", Json::array({row, fine})}};
}

TEST(DoctorPage, HoldsEveryRowEscaped) {
  const std::string page = doctor_html(document());
  EXPECT_EQ(page.find("<b>is</b>"), std::string::npos);
  EXPECT_NE(page.find("swap &lt;b&gt;is&lt;/b&gt; on"), std::string::npos);
  EXPECT_NE(page.find("node&lt;1&gt;"), std::string::npos);
  for (const char* part : {"smt-state", "swapoff -a", "10 ms", "2 items, 2 decided by evidence"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST(DoctorPage, MarkdownKeepsItsTable) {
  const std::string text = doctor_markdown(document());
  EXPECT_NE(text.find("| warn | `swap-off` | swap <b>is</b> on |"), std::string::npos);
  EXPECT_NE(text.find("`a\\|b \"c\"`"), std::string::npos);
  EXPECT_NE(text.find("echo '10' > /proc/sys/vm/swappiness"), std::string::npos);
}

}  // namespace
}  // namespace aisp::report
