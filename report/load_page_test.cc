// The page of a load record: well-formed, with what the record says, and nothing hostile in it.
#include "report/load_page.h"

#include <gtest/gtest.h>

#include "report/markup_check.h"
#include "report/test_pages.h"

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

TEST(LoadPage, ShowsTheFigures) {
  const auto page = markup_check::read(load_html(load_record("plain")));
  EXPECT_EQ(page.problem, "");
  for (const char* says : {"TTFT", "123 ms", "97.0 %", "TTFT at most 500 ms", "Not steady",
                           "was late", "0.8", "1 plain", "200 ms"}) {
    EXPECT_NE(page.text.find(says), std::string::npos) << says;
  }
  EXPECT_EQ(page.scripts.size(), 4u) << "data, two libraries, the drawings";
}

TEST(LoadPage, HostileNamesStayNames) {
  const std::string name = "</script><img src=x onerror=alert(1)>\"'&\xE2\x80\xAE";
  const auto page = markup_check::read(load_html(load_record(name)));
  EXPECT_EQ(page.problem, "");
  for (const std::string& element : page.elements) EXPECT_NE(element, "img");
  EXPECT_EQ(page.scripts[0].find('<'), std::string::npos);
}

TEST(LoadPage, ARecordWithoutAnythingIsAPage) {
  EXPECT_EQ(markup_check::read(load_html(Json::object())).problem, "");
}

}  // namespace
}  // namespace aisp::report
