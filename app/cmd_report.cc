// See cmd_report.h. The same record gives the same bytes: nothing here asks for the time.
#include "app/cmd_report.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "bench/record.h"
#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"

namespace aisp::app {
namespace {

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  throw Error(fmt::format("cannot be written: {}", std::strerror(errno)), "standard output",
              "write to a file with --out");
}

}  // namespace

int cmd_report(const ReportOptions& options) {
  if (options.html + options.markdown + options.json > 1) {
    throw UsageError("more than one form asked for", "aisp report",
                     "choose one of --html, --md and --json");
  }
  const bench::RunRecord run = bench::read_run(options.run);
  const bool html = !options.markdown && !options.json;
  const std::string text = html               ? report::render_html(run)
                           : options.markdown ? report::render_markdown(run)
                                              : report::render_json(run);
  std::string out = options.out;
  if (out.empty() && html) out = (std::filesystem::path(run.folder) / "report.html").string();
  if (out.empty() || out == "-") {
    print(text);
    return 0;
  }
  bench::write_file_atomically(out, text);
  return 0;
}

}  // namespace aisp::app
