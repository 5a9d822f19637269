// The page in a real browser, by check_page.py; skipped where there is none. Broken pages must be
// found broken: a check that cannot fail is worse than none.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "report/html.h"
#include "report/load_page.h"
#include "report/test_pages.h"

namespace aisp::report {
namespace {

namespace fs = std::filesystem;

constexpr int kNoBrowser = 77;

struct Checked {
  int code = -1;
  std::string output;
};

Checked check_in_browser(const std::string& html, const char* options = "") {
  std::string pattern = (fs::temp_directory_path() / "aisp_page_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return {};
  std::ofstream(pattern + "/page.html") << html;
  const std::string command = "python3 '" AISP_SOURCE_DIR "/report/browser/check_page.py' '" +
                              pattern + "/page.html' " + options + " 2>&1";
  Checked checked;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    std::array<char, 4096> part{};
    while (const std::size_t got = fread(part.data(), 1, part.size(), pipe)) {
      checked.output.append(part.data(), got);
    }
    const int status = pclose(pipe);
    checked.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  fs::remove_all(pattern);
  return checked;
}

std::string with(std::string html, const std::string& part, const std::string& instead) {
  const std::size_t at = html.find(part);
  EXPECT_NE(at, html.npos) << part;
  return at == html.npos ? html : html.replace(at, part.size(), instead);
}

#define EXPECT_RIGHT(html)                                                          \
  if (const Checked checked = check_in_browser(html); checked.code == kNoBrowser) { \
    GTEST_SKIP() << checked.output;                                                 \
  } else {                                                                          \
    EXPECT_EQ(checked.code, 0) << checked.output;                                   \
  }

#define EXPECT_FOUND(html, problem)                                                            \
  if (const Checked checked = check_in_browser(html, "--quick"); checked.code == kNoBrowser) { \
    GTEST_SKIP() << checked.output;                                                            \
  } else {                                                                                     \
    EXPECT_EQ(checked.code, 1);                                                                \
    EXPECT_TRUE(contains(checked.output, problem)) << checked.output;                          \
  }

TEST(Browser, ShowsARun) { EXPECT_RIGHT(render_html(bench::sample::run())); }

TEST(Browser, HostileNamesStayNames) {
  EXPECT_RIGHT(render_html(bench::sample::hostile_run(
      "</script><img src=x onerror=alert(1)><b>\"'&lt;javascript:alert(1)\xE2\x80\xAE")));
}

TEST(Browser, LongNamesFitOnAPhone) {
  EXPECT_RIGHT(render_html(bench::sample::hostile_run(std::string(120, 'w'))));
}

TEST(Browser, ARunWithoutResultsShows) {
  auto run = bench::sample::run();
  run.results.clear();
  EXPECT_RIGHT(render_html(run));
}

TEST(Browser, ShowsALoad) { EXPECT_RIGHT(load_html(load_record(std::string(120, 'w')))); }

TEST(Browser, FindsALineThatIsMissing) {
  EXPECT_FOUND(with(load_html(load_record("plain")), "strokeWidth: 1.8", "strokeWidth: 1.9"),
               "0 marks of");
}

TEST(Browser, FindsAPageThatIsTooWide) {
  EXPECT_FOUND(with(render_html(bench::sample::run()), "<main ",
                    "<div style=\"width:1700px\">x</div><main "),
               "the page is 17");
}

TEST(Browser, FindsARequest) {
  EXPECT_FOUND(with(render_html(bench::sample::run()), "<main ",
                    "<img src=\"https://example.invalid/x.png\"><main "),
               "example.invalid");
}

TEST(Browser, FindsAScriptThatIsNotOurs) {
  EXPECT_FOUND(with(render_html(bench::sample::run()), "<main ", "<script>alert(1)</script><main "),
               "Content Security Policy");
}

TEST(Browser, FindsFaintText) {
  EXPECT_FOUND(with(render_html(bench::sample::run()), "--soft: light-dark(#5a626c",
                    "--soft: light-dark(#b0b6bc"),
               "1280 px, light: ");
}

TEST(Browser, FindsAMissingMark) {
  EXPECT_FOUND(with(render_html(bench::sample::run()), "\"speedup\":[2.227,", "\"speedup\":[null,"),
               "marks of");
}

}  // namespace
}  // namespace aisp::report
