// Text that came from outside (names, reasons, output of a dead worker) on its way to a terminal or
// a page: made printable, measured in columns, cut and padded. UTF-8 throughout.
#pragma once

#include <string>
#include <string_view>

namespace aisp {

/// Printable UTF-8 of any bytes: invalid sequences, control characters (a terminal would obey them)
/// and bidirectional overrides (they reorder what is read) become U+FFFD. Tab and newline stay when
/// `keep_lines`, else they become spaces.
std::string printable(std::string_view bytes, bool keep_lines = false);

/// Columns a terminal uses for valid UTF-8: wide East Asian characters and emoji take two,
/// combining marks none.
int display_width(std::string_view text);

/// At most `width` columns; what is cut is shown by a final "…".
std::string cut_to_width(std::string_view text, int width);

/// Spaces after (left-aligned) or before (right-aligned) up to `width` columns; never cuts.
std::string pad_right(std::string_view text, int width);
std::string pad_left(std::string_view text, int width);

}  // namespace aisp
