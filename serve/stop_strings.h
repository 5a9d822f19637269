// Stop strings in a stream of text that comes in pieces of any size: the text before the first stop
// string to be complete goes out, and nothing goes out that may still turn out to belong to one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aisp::serve {

class StopStrings {
 public:
  StopStrings() = default;
  /// Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> stops);

  /// Takes the next piece; returns what may be shown now. After stopped() nothing more is shown.
  /// Cost: (held text + piece) times the stop strings.
  std::string push(std::string_view piece);

  /// The stream has ended by itself: what was held back is shown after all.
  std::string finish();

  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;  // a proper prefix of a stop string, at most
  bool stopped_ = false;
};

}  // namespace aisp::serve
