// The one way by which text from a record gets into a page.
#pragma once

#include <string>
#include <string_view>

namespace aisp::report {

/// Safe as HTML text and as a quoted attribute: & < > " ' become entities, bytes that are not
/// printable UTF-8 become U+FFFD. Newlines stay when `keep_lines` (for <pre>), else become spaces.
std::string escape(std::string_view text, bool keep_lines = false);

}  // namespace aisp::report
