// See whole_numbers.h.
#include "text/grammar/whole_numbers.h"

#include <algorithm>
#include <string>

namespace aisp::text::grammar {
namespace {

constexpr std::int64_t kLargest = 999'999'999'999'999'999;  // 18 digits: fits everywhere

Expression digits(char first, char last) {
  return set({{static_cast<char32_t>(first), static_cast<char32_t>(last)}});
}

/// Numbers of one length, as texts, from low to high.
Expression same_length(const std::string& low, const std::string& high) {
  if (low.empty()) return text("");
  const std::string low_rest = low.substr(1), high_rest = high.substr(1);
  if (low[0] == high[0]) {
    return sequence({text(low.substr(0, 1)), same_length(low_rest, high_rest)});
  }
  const std::int64_t rest = static_cast<std::int64_t>(low_rest.size());
  const std::string zeros(low_rest.size(), '0'), nines(low_rest.size(), '9');
  std::vector<Expression> all;
  char first = low[0], last = high[0];
  if (low_rest != zeros) {
    all.push_back(sequence({text(low.substr(0, 1)), same_length(low_rest, nines)}));
    ++first;
  }
  if (high_rest != nines) {
    all.push_back(sequence({text(high.substr(0, 1)), same_length(zeros, high_rest)}));
    --last;
  }
  if (first <= last)
    all.push_back(sequence({digits(first, last), repeat(digits('0', '9'), rest, rest)}));
  return choice(std::move(all));
}

/// 0 <= low <= high.
Expression positive(std::int64_t low, std::int64_t high) {
  std::vector<Expression> all;
  const std::string last = std::to_string(high);
  for (std::string from = std::to_string(low); from.size() <= last.size();) {
    const std::string to = from.size() == last.size() ? last : std::string(from.size(), '9');
    all.push_back(same_length(from, to));
    from = std::string(1, '1').append(from.size(), '0');
  }
  return choice(std::move(all));
}

}  // namespace

Expression whole_numbers(std::optional<std::int64_t> low, std::optional<std::int64_t> high) {
  const std::int64_t from = low.value_or(-kLargest), to = high.value_or(kLargest);
  std::vector<Expression> all;
  if (to >= 0) all.push_back(positive(std::max<std::int64_t>(from, 0), to));
  if (from < 0) {
    all.push_back(sequence({text("-"), positive(to < 0 ? -to : 1, -from)}));
  }
  return choice(std::move(all));
}

}  // namespace aisp::text::grammar
