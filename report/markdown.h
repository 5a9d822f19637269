// A run as Markdown, for pull requests and notebooks: one table a case.
#pragma once

#include <string>

#include "bench/record.h"

namespace aisp::report {

/// Pure: the same record gives the same bytes. Text from the record cannot form markup.
std::string render_markdown(const bench::RunRecord& run);

/// Text that no Markdown reader takes for markup, on one line.
std::string markdown_text(const std::string& text);

}  // namespace aisp::report
