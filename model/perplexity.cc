// See perplexity.h.
#include "model/perplexity.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace aisp::model {

std::vector<Window> windows_by_halves(std::int64_t tokens, std::int64_t context) {
  check(context >= 4, "a window with two halves");
  std::vector<Window> windows;
  for (std::int64_t begin = 0; begin + context <= tokens; begin += context) {
    windows.push_back(
        {.begin = begin, .end = begin + context, .first_scored = begin + context / 2 + 1});
  }
  return windows;
}

std::vector<Window> windows_by_stride(std::int64_t tokens, std::int64_t context,
                                      std::int64_t stride) {
  check(stride >= 1 && stride <= context, "a stride within the window");
  std::vector<Window> windows;
  std::int64_t held = 0;
  for (std::int64_t begin = 0; held < tokens; begin += stride) {
    const std::int64_t end = std::min(begin + context, tokens);
    const Window window = {.begin = begin, .end = end, .first_scored = std::max(held, begin + 1)};
    if (window.scored() > 0) windows.push_back(window);
    held = end;
  }
  return windows;
}

double log_sum_exp(std::span<const float> logits) {
  const auto largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

void TokenLosses::add(double loss) {
  check(!windows_.empty(), "a loss belongs to a window");
  windows_.back().sum += loss;
  ++windows_.back().tokens;
  sum_ += loss;
  squares_ += loss * loss;
  ++tokens_;
}

double TokenLosses::error_by_tokens() const {
  if (tokens_ < 2) return NAN;
  const auto n = static_cast<double>(tokens_);
  const double variance = std::max(0.0, squares_ / n - mean() * mean());
  return std::sqrt(variance / (n - 1.0));
}

// The mean is a ratio of two sums over windows: its error is that of the windows' residuals.
double TokenLosses::error_by_windows() const {
  const auto n = static_cast<double>(windows_.size());
  if (n < 2.0) return NAN;
  double squares = 0.0;
  for (const OneWindow& window : windows_) {
    const double residual = window.sum - mean() * static_cast<double>(window.tokens);
    squares += residual * residual;
  }
  return std::sqrt(squares * n / (n - 1.0)) / static_cast<double>(tokens_);
}

}  // namespace aisp::model
