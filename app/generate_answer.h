// One answer of `aisp generate` as it comes, for a single prompt and for each line of a batch: text
// up to a stop string, counts, log-probabilities; and the grammars that answers are held to.
#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/cmd_generate.h"
#include "serve/stop_strings.h"
#include "text/grammar.h"

namespace aisp::app {

/// Used by the engine's callbacks' thread alone until its last event.
class Answer {
 public:
  Answer(const serve::LoadedModel& model, const GenerateOptions& options);

  /// Takes what has come; returns the text that may be shown now.
  std::string take(const serve::Event& event);

  bool stopped() const { return stops_.stopped(); }
  std::size_t tokens() const { return tokens_; }
  serve::Finish finish() const { return finish_; }
  const std::string& problem() const { return problem_; }

  /// "text", "finish" (stop, length or grammar), "prompt_tokens", "tokens"; "problem" when its
  /// grammar could not go on; "logprobs" when asked for: a list with, for each token, "token",
  /// "id", "logprob" and the likeliest as "top". An impossible token's logprob is null.
  nlohmann::ordered_json to_json(std::size_t prompt_tokens) const;

 private:
  nlohmann::ordered_json entry(const serve::LogProb& one) const;

  const serve::LoadedModel& model_;
  bool ignore_end_, ended_text_ = false;
  std::size_t entries_;  // log-probabilities of a token
  text::StreamDecoder decoder_;
  serve::StopStrings stops_;
  std::string text_, problem_;
  std::vector<serve::LogProb> logprobs_;
  std::size_t tokens_ = 0;
  serve::Finish finish_ = serve::Finish::kStop;
};

/// A JSON schema, or a grammar in GBNF; neither: free text.
struct GrammarText {
  std::string json_schema, gbnf;
  bool empty() const { return json_schema.empty() && gbnf.empty(); }
  bool operator==(const GrammarText&) const = default;
};

/// Of --json-schema or --grammar. Throws Error: the file cannot be read, or is empty.
GrammarText grammar_text(const GenerateOptions& options);

/// Throws Error: what the schema or the grammar does not allow.
text::Grammar compile(const GrammarText& text);

/// Requests with the same grammar share what was found out about it; the last few are kept.
class Grammars {
 public:
  explicit Grammars(const serve::LoadedModel& model) : model_(model) {}
  /// Null for free text. Throws Error as compile().
  std::shared_ptr<text::GrammarMatcher> matcher(const GrammarText& text);

 private:
  const serve::LoadedModel& model_;
  std::deque<std::pair<GrammarText, std::shared_ptr<text::GrammarMatcher>>> kept_;
};

}  // namespace aisp::app
