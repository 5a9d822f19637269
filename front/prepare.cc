// See prepare.h.
#include "front/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "base/rng.h"
#include "serve/prompt.h"
#include "serve/sampler.h"
#include "text/grammar.h"

namespace aisp::front {
namespace {

using Tokens = std::vector<serve::Token>;
constexpr std::int64_t kCompletionTokens = 16;  // of a completion that does not say, as OpenAI's

// What is left of the model's context and of the cache, unless the request says less.
int longest_answer(const ApiRequest& asked, const Served& served, std::size_t prompt) {
  if (asked.max_tokens) return *asked.max_tokens;
  const std::int64_t most = std::min(served.model.config().context, served.model.cache_tokens());
  const std::int64_t left = std::max<std::int64_t>(1, most - static_cast<std::int64_t>(prompt));
  if (asked.kind == Kind::kCompletion) return static_cast<int>(std::min(kCompletionTokens, left));
  return static_cast<int>(left);
}

std::vector<Tokens> all_prompts(const ApiRequest& asked, const Served& served) {
  std::vector<Tokens> prompts;
  if (asked.kind == Kind::kChat) {
    prompts.push_back(
        serve::chat_tokens(served.model, asked.messages, asked.tools, asked.template_values));
  }
  for (const Prompt& prompt : asked.prompts) prompts.push_back(tokens_of(prompt, served));
  return prompts;
}

// With a seed, the first choice of every prompt is what a request for that prompt alone gets;
// without one, all answers differ.
std::uint64_t seed_of(const ApiRequest& asked, int choice) {
  if (asked.seeded && choice == 0) return asked.sampling.seed;
  if (asked.seeded) return derive_seed(asked.sampling.seed, static_cast<std::uint64_t>(choice));
  static thread_local Rng rng(std::random_device{}());
  return rng.next();
}

// One for the request: what a grammar remembers is nobody else's, and goes with the request.
std::shared_ptr<text::GrammarMatcher> grammar_of(const ApiRequest& asked, const Served& served) {
  if (!asked.schema) return nullptr;
  if (asked.ignore_end) {
    throw ApiError(400, "ignore_eos with a response_format would never end", "ignore_eos");
  }
  return std::make_shared<text::GrammarMatcher>(text::Grammar::from_json_schema(*asked.schema),
                                                served.model.grammar_vocabulary());
}

// An Error of what does not fit the model, as the client's.
ApiError as_bad_request(const Error& problem) {
  return ApiError(400, problem.problem(), "", "invalid_value");
}

}  // namespace

Tokens tokens_of(const Prompt& prompt, const Served& served) {
  const text::Tokenizer& tokenizer = served.model.tokenizer();
  if (const auto* text = std::get_if<std::string>(&prompt)) return tokenizer.encode(*text);
  const Tokens& tokens = std::get<Tokens>(prompt);
  if (std::ranges::any_of(tokens, [&](serve::Token id) { return id >= tokenizer.size(); })) {
    throw ApiError(400, fmt::format("a token is beyond the vocabulary of {}", tokenizer.size()));
  }
  return tokens;
}

std::int64_t count_prompt_tokens(const ApiRequest& asked, const Served& served) try {
  std::int64_t all = 0;
  for (const Tokens& tokens : all_prompts(asked, served)) {
    all += static_cast<std::int64_t>(tokens.size());
  }
  return all;
} catch (const Error& problem) {
  throw as_bad_request(problem);
}

Prepared prepare(const ApiRequest& asked, const Served& served, const Limits& limits) try {
  const std::size_t prompts =
      asked.kind == Kind::kChat ? 1 : std::max<std::size_t>(1, asked.prompts.size());
  const std::size_t wanted = prompts * static_cast<std::size_t>(asked.choices);
  const auto most = static_cast<std::size_t>(std::min(limits.requests, served.seats.most_of_one()));
  if (wanted > most) {
    throw ApiError(
        400, fmt::format("{} answers are asked for at once, {} are possible", wanted, most), "n");
  }
  serve::Sampling sampling = asked.sampling;
  sampling.logprobs = asked.logprobs;
  const auto grammar = grammar_of(asked, served);
  Prepared prepared;
  for (const Tokens& tokens : all_prompts(asked, served)) {
    prepared.prompt_tokens += static_cast<std::int64_t>(tokens.size());
    if (asked.echo) prepared.echoes.push_back(served.model.tokenizer().decode(tokens));
    const int answer = longest_answer(asked, served, tokens.size());
    serve::Request request =
        serve::request_for(served.model, tokens, answer, sampling, asked.ignore_end);
    request.grammar = grammar;
    for (int choice = 0; choice < asked.choices; ++choice) {
      prepared.requests.push_back(request);
      prepared.requests.back().sampling.seed = seed_of(asked, choice);
    }
  }
  return prepared;
} catch (const Error& problem) {
  // Lengths, settings and templates that do not fit this model.
  throw as_bad_request(problem);
}

}  // namespace aisp::front
