// The doctor's examination as a page or as Markdown, from its JSON document alone.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace aisp::report {

/// One self-contained page: no network, no script; folds by <details>, so it works by keyboard.
/// `document` is "aisp.doctor" of version 1. Pure.
std::string doctor_html(const nlohmann::ordered_json& document);

/// The counts, what fails and warns with evidence and remedy, then one line an item.
std::string doctor_markdown(const nlohmann::ordered_json& document);

}  // namespace aisp::report
