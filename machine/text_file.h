// Small kernel files (/proc, /sys): whole text or first line, and "absent" as a value. Such files
// report no size and may vanish between two reads, so nothing here throws.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::machine {

/// The whole text, or nothing when the file cannot be opened or read.
std::optional<std::string> read_text(const std::string& path);

/// The first line without surrounding blanks, or nothing when absent or empty.
std::optional<std::string> read_line(const std::string& path);

std::string_view trim(std::string_view text);

/// Pieces between single `separator`s; empty pieces are kept, but an empty text has none.
std::vector<std::string_view> split(std::string_view text, char separator);

/// A decimal number that fills the whole text (after trimming), or nothing.
std::optional<double> parse_number(std::string_view text);

/// The value after "name" and a ':' or '=' in text made of such lines (/proc/meminfo, os-release);
/// quotes around the value are removed.
std::optional<std::string> find_value(std::string_view text, std::string_view name);

}  // namespace aisp::machine
