// How well a model foretells a text: windows of its tokens, and the mean of -log p over those that
// are scored. Two definitions are in use, and their figures differ; both are here, exactly.
// Source: llama.cpp (tools/perplexity/perplexity.cpp); transformers (docs/source/en/perplexity.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace aisp::model {

/// Tokens begin .. end - 1 are computed together; those from first_scored on are foretold, each
/// from the ones before it in the window.
struct Window {
  std::int64_t begin = 0, end = 0;
  std::int64_t first_scored = 0;  // > begin
  std::int64_t scored() const { return end - first_scored; }
};

/// llama.cpp's: windows of `context` tokens side by side, the second half of each is scored (tokens
/// context / 2 + 1 and up, counted from 0); what is left at the end is not. The first token of each
/// window is replaced by the begin of text, where the model has one: the caller does that. Empty
/// when the text has fewer than `context` tokens. context >= 4.
std::vector<Window> windows_by_halves(std::int64_t tokens, std::int64_t context);

/// Hugging Face's: a window begins every `stride` tokens and is `context` long, the last one
/// shorter; scored is what no window before has held, but never a window's first token. So every
/// token but the first is scored once when stride < context. 1 <= stride <= context.
std::vector<Window> windows_by_stride(std::int64_t tokens, std::int64_t context,
                                      std::int64_t stride);

/// log(sum(exp(logits))), in double.
double log_sum_exp(std::span<const float> logits);

/// Of scored tokens, in nats; window after window.
class TokenLosses {
 public:
  void begin_window() { windows_.emplace_back(); }
  void add(double loss);

  std::int64_t tokens() const { return tokens_; }
  std::int64_t windows() const { return static_cast<std::int64_t>(windows_.size()); }
  double mean() const { return tokens_ == 0 ? 0.0 : sum_ / static_cast<double>(tokens_); }
  /// Standard error of mean(), the tokens taken as independent draws. llama.cpp prints this one.
  /// Neighbours in a text are not independent: it is rather too small.
  double error_by_tokens() const;
  /// The same with windows as the draws. NaN for fewer than two.
  double error_by_windows() const;

 private:
  struct OneWindow {
    double sum = 0.0;
    std::int64_t tokens = 0;
  };
  std::vector<OneWindow> windows_;
  double sum_ = 0.0, squares_ = 0.0;
  std::int64_t tokens_ = 0;
};

}  // namespace aisp::model
