// The files that travel in every page, put into the program at build time
// (tools/cmake/embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace aisp::report {

/// A script with the hash by which the page's content security policy lets it run.
struct Script {
  std::string_view name;    // "report/plots.js"
  std::string_view text;    // does not contain "</script"
  std::string_view sha256;  // of the text, base64
};

/// Other people's, in every page with plots; and what only the page of a load record runs.
inline bool is_library(const Script& script) { return script.name.starts_with("report/vendor/"); }
inline bool draws_load(const Script& script) { return script.name == "report/load_plots.js"; }

std::string_view page_style();
/// In the order in which they must run: other people's libraries first.
std::span<const Script> page_scripts();

}  // namespace aisp::report
