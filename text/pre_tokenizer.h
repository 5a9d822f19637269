// Cuts text into words before byte pairs are merged, by the patterns that models publish. A pattern
// cuts out its matches, and what lies between two matches is a word too; several patterns cut one
// after the other.
// Source: "tokenizer.ggml.pre" in GGUF names the pattern; the patterns are those of the models'
// tokenizer.json files (GPT-2, Llama 3, Qwen 2, DeepSeek and others).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"

namespace aisp::text {

/// GPT-2's own pattern; what tokenizer.json's ByteLevel with use_regex means.
std::string_view gpt2_pattern();

/// Sets patterns, byte_level, ignore_merges, add_bos and normal_form as the models that GGUF calls
/// `name` have them ("llama-bpe", "qwen2", "default", ...). Throws Error for a name that is not
/// known: guessing would give wrong tokens quietly.
void set_pre_tokenizer(TokenizerSpec& spec, std::string_view name);

/// The names that set_pre_tokenizer knows.
std::vector<std::string_view> pre_tokenizer_names();

class PreTokenizer {
 public:
  /// Compiles. Throws Error for a pattern that PCRE2 refuses.
  explicit PreTokenizer(const std::vector<std::string>& patterns);
  ~PreTokenizer();
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;

  /// Appends the words of `text` in order; together they are the text. Bytes that are not UTF-8 are
  /// words of their own. Thread-safe. Throws Error when a pattern needs too many steps.
  void split(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  struct Pattern;
  std::vector<Pattern> patterns_;
};

}  // namespace aisp::text
