// See markup.h.
#include "report/markup.h"

#include "base/text.h"

namespace aisp::report {

std::string escape(std::string_view text, bool keep_lines) {
  std::string out;
  for (const char c : printable(text, keep_lines)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace aisp::report
