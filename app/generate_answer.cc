// See generate_answer.h.
#include "app/generate_answer.h"

#include "base/error.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kKeptGrammars = 16;

const char* name_of(serve::Finish finish) {
  if (finish == serve::Finish::kGrammar) return "grammar";
  return finish == serve::Finish::kLength ? "length" : "stop";
}

}  // namespace

Answer::Answer(const serve::LoadedModel& model, const GenerateOptions& options)
    : model_(model),
      ignore_end_(options.ignore_end),
      entries_(static_cast<std::size_t>(options.sampling.logprob_entries())),
      decoder_(model.tokenizer(), options.ignore_end),
      stops_(options.stop) {}

std::string Answer::take(const serve::Event& event) {
  std::string shown;
  for (std::size_t i = 0; i < event.tokens.size() && !ended_text_ && !stopped(); ++i) {
    const serve::Token token = event.tokens[i];
    ++tokens_;
    const auto values = event.logprobs.subspan(i * entries_, entries_);
    logprobs_.insert(logprobs_.end(), values.begin(), values.end());
    ended_text_ = !ignore_end_ && model_.tokenizer().ends_text(token);
    if (!ended_text_) shown += stops_.push(decoder_.add(token));
  }
  if (event.ended) {
    shown += stops_.push(decoder_.finish());
    shown += stops_.finish();
    finish_ = event.finish;
    problem_ = event.problem;
  }
  text_ += shown;
  return shown;
}

Json Answer::entry(const serve::LogProb& one) const {
  return {{"token", std::string(model_.tokenizer().piece(one.token))},
          {"id", one.token},
          {"logprob", one.value}};
}

Json Answer::to_json(std::size_t prompt_tokens) const {
  Json answer = {{"text", text_},
                 {"finish", name_of(finish_)},
                 {"prompt_tokens", prompt_tokens},
                 {"tokens", tokens_}};
  if (!problem_.empty()) answer["problem"] = problem_;
  if (entries_ == 0) return answer;
  Json list = Json::array();
  for (std::size_t i = 0; i < logprobs_.size(); i += entries_) {
    Json one = entry(logprobs_[i]);
    one["top"] = Json::array();
    for (std::size_t j = 1; j < entries_; ++j) one["top"].push_back(entry(logprobs_[i + j]));
    list.push_back(std::move(one));
  }
  answer["logprobs"] = std::move(list);
  return answer;
}

GrammarText grammar_text(const GenerateOptions& options) {
  GrammarText text;
  const bool schema = !options.json_schema.empty();
  if (!schema && options.grammar.empty()) return text;
  const std::string& path = schema ? options.json_schema : options.grammar;
  std::string& to = schema ? text.json_schema : text.gbnf;
  to = whole_file(path, schema ? "--json-schema" : "--grammar");
  if (to.empty()) throw Error("is empty", path, "name a file with a schema or a grammar");
  return text;
}

text::Grammar compile(const GrammarText& text) {
  return text.json_schema.empty() ? text::Grammar::from_gbnf(text.gbnf)
                                  : text::Grammar::from_json_schema(text.json_schema);
}

std::shared_ptr<text::GrammarMatcher> Grammars::matcher(const GrammarText& text) {
  if (text.empty()) return nullptr;
  for (const auto& [known, matcher] : kept_) {
    if (known == text) return matcher;
  }
  auto made = std::make_shared<text::GrammarMatcher>(compile(text), model_.grammar_vocabulary());
  kept_.emplace_front(text, made);
  if (kept_.size() > kKeptGrammars) kept_.pop_back();
  return made;
}

}  // namespace aisp::app
