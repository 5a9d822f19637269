// See stop_strings.h.
#include "serve/stop_strings.h"

#include <algorithm>

namespace aisp::serve {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopStrings::push(std::string_view piece) {
  if (stopped_) return {};
  std::string text = std::move(held_);
  text += piece;
  held_.clear();
  // The first to be complete counts, of those the longest: so the pieces make no difference.
  std::size_t begin = std::string::npos, end = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t found = text.find(stop);
    if (found == std::string::npos || found + stop.size() > end) continue;
    begin = found + stop.size() < end ? found : std::min(begin, found);
    end = found + stop.size();
  }
  if (end != std::string::npos) {
    stopped_ = true;
    text.resize(begin);
    return text;
  }
  // The longest end of the text with which a stop string begins.
  std::size_t hold = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t n = std::min(stop.size() - 1, text.size()); n > hold; --n) {
      if (text.compare(text.size() - n, n, stop, 0, n) == 0) hold = n;
    }
  }
  held_ = text.substr(text.size() - hold);
  text.resize(text.size() - hold);
  return text;
}

std::string StopStrings::finish() {
  std::string text = std::move(held_);
  held_.clear();
  return text;
}

}  // namespace aisp::serve
