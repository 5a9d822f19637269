// See drafter.h.
#include "serve/drafter.h"

#include <algorithm>

namespace aisp::serve {

// One walk back over the places of the last token; the longest agreement wins, the latest among
// equals. It stops at the first that is as long as it need be.
void PromptLookup::propose(std::span<const Token> tokens, int most, std::vector<Token>& out) {
  out.clear();
  const int size = static_cast<int>(tokens.size());
  if (most <= 0 || size <= options_.shortest) return;
  const int oldest = std::max(0, size - options_.window);
  const auto at = [&](int i) { return tokens[static_cast<std::size_t>(i)]; };
  int best = 0, follows = -1;
  for (int end = size - 2; end >= oldest && best < options_.longest; --end) {
    if (at(end) != at(size - 1)) continue;
    int same = 1;
    while (same < options_.longest && end - same >= oldest &&
           at(end - same) == at(size - 1 - same)) {
      ++same;
    }
    if (same > best) {
      best = same;
      follows = end + 1;
    }
  }
  if (best < options_.shortest) return;
  const int count = std::min(most, size - follows);
  out.assign(tokens.begin() + follows, tokens.begin() + follows + count);
}

}  // namespace aisp::serve
