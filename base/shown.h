// Text of a stranger's file inside the one line of an Error: printable, and cut.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace aisp {

inline std::string shown(std::string_view text, int columns = 80) {
  // printable() first: a cut between the bytes of a character would undo it.
  return cut_to_width(printable(text.substr(0, 4096)), columns);
}

}  // namespace aisp
