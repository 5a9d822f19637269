// See probe.h.
#include "load/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace aisp::load {
namespace {

constexpr int kProbeTokens = 32;
constexpr int kAgain = 5;  // times that a busy server is asked

Request probe_request(int prompt_tokens, int words) {
  Request request;
  request.prompt_tokens = prompt_tokens;
  request.answer_tokens = 2;
  Piece piece;
  for (int i = 0; i < prompt_tokens; ++i) piece.tokens.push_back((i * 7 + 1) % words);
  request.prompt.push_back(std::move(piece));
  return request;
}

// The first model of the list; "" when there is no list.
std::string first_model(HttpTarget& target, double timeout_s) {
  const HttpTarget::Page page = target.get("/v1/models", timeout_s);
  if (page.status == 0) {
    throw Error("does not answer: " + page.text, "the server", "check the URL and that it runs");
  }
  if (page.status != 200) return "";
  const auto list = nlohmann::json::parse(page.text, nullptr, false);
  if (!list.is_object() || !list.contains("data") || !list["data"].is_array()) return "";
  for (const auto& model : list["data"]) {
    if (model.is_object() && model.contains("id") && model["id"].is_string()) {
      return model["id"].get<std::string>().substr(0, 512);
    }
  }
  return "";
}

HttpTarget::Answer ask(HttpTarget& target, const Dialect& dialect, const Request& request,
                       double timeout_s) {
  target.set_dialect(dialect);
  HttpTarget::Answer answer = target.ask(request, timeout_s);
  for (int i = 0; i < kAgain; ++i) {
    const Outcome outcome = answer.end.outcome;
    if (outcome != Outcome::kTooManyRequests && outcome != Outcome::kUnavailable) break;
    const double pause_s = std::clamp(answer.end.retry_after_s, 0.2, 5.0);
    class Nobody : public Sink {
      void on_text(std::uint32_t, double, std::string_view,
                   std::span<const std::int32_t>) override {}
      void on_end(std::uint32_t, double, const End&) override {}
    } nobody;
    for (const double by_s = target.now_s() + pause_s; target.now_s() < by_s;) {
      target.wait(by_s, nobody);
    }
    answer = target.ask(request, timeout_s);
  }
  return answer;
}

// Words for a token, and the words that the server adds to each prompt: a line through two points.
void calibrate(HttpTarget& target, Dialect& dialect, double timeout_s) {
  constexpr int kShort = 40, kLong = 240;
  const auto tokens_of = [&](int words) {
    return ask(target, dialect, probe_request(words, 1000), timeout_s).end.prompt_tokens;
  };
  const int few = tokens_of(kShort), many = tokens_of(kLong);
  if (few < 1 || many <= few) return;  // no usage: a word counts as a token
  dialect.words_per_token = std::clamp(double{kLong - kShort} / (many - few), 0.05, 20.0);
  dialect.words_less = few * dialect.words_per_token - kShort;
}

}  // namespace

void probe(HttpTarget& target, const ProbeWishes& wishes) {
  Dialect dialect{.key = wishes.key, .headers = wishes.headers, .chat = wishes.chat};
  dialect.first_id = wishes.first_id;
  target.set_dialect(dialect);
  dialect.model = wishes.model.empty() ? first_model(target, wishes.timeout_s) : wishes.model;
  using Prompts = ProbeWishes::Prompts;
  HttpTarget::Answer answer;
  for (const bool ids : {true, false}) {
    if (ids && (wishes.chat || wishes.prompts == Prompts::kWords)) continue;
    if (!ids && wishes.prompts == Prompts::kIds) continue;
    for (const int fields : {3, 2, 1, 0}) {
      dialect.ids = ids;
      dialect.ignore_eos = (fields & 1) != 0;
      dialect.usage = (fields & 2) != 0;
      answer = ask(target, dialect, probe_request(kProbeTokens, wishes.ids), wishes.timeout_s);
      if (answer.end.outcome == Outcome::kAnswered) {
        if (!ids) calibrate(target, dialect, wishes.timeout_s);
        target.set_dialect(dialect);
        target.take_messages();
        return;
      }
      if (answer.end.outcome != Outcome::kOtherStatus) break;  // no question of fields
    }
  }
  throw Error(
      fmt::format("does not answer a streamed completion ({}{}{})", name_of(answer.end.outcome),
                  answer.message.empty() ? "" : ": ", answer.message),
      "the server", "check the URL, --model, --chat and --api-key-file");
}

std::string describe(const Dialect& dialect) {
  std::string text = dialect.model.empty() ? "no model named" : "model " + dialect.model;
  text += dialect.chat ? ", chat" : ", completions";
  text += dialect.ids ? ", prompts as token ids"
                      : fmt::format(", prompts as words ({:.2f} tokens a word)",
                                    1.0 / dialect.words_per_token);
  text += dialect.ignore_eos ? ", ends of text ignored" : ", answers may end early";
  text += dialect.usage ? ", usage told" : ", no usage: tokens are arrivals of text";
  return printable(text);
}

}  // namespace aisp::load
