// `aisp report RUN --html|--md|--json`: a run folder to a page, a Markdown text or one JSON
// document.
#pragma once

#include <string>

namespace aisp::app {

struct ReportOptions {
  std::string run;    // a run folder, or its run.json
  bool html = false;  // none of the three: html
  bool markdown = false;
  bool json = false;
  std::string out;  // file; "-" is stdout. Default: RUN/report.html for html, else stdout
};

/// Prints the report or writes its file, nothing else. Returns the exit code, 0. Throws UsageError
/// when more than one form is asked for, Error when the run cannot be read or the report cannot be
/// written.
int cmd_report(const ReportOptions& options);

}  // namespace aisp::app
