// URLs and the JSON of requests: how a request is said to a server (http_target.h).
#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "load/http_target.h"

namespace aisp::load {
namespace {

using Json = nlohmann::ordered_json;

// Common words: most tokenizers have each as one token with the blank before it.
constexpr std::array<std::string_view, 100> kWords = {
    "time",     "year",    "people",  "way",     "day",      "man",      "thing",   "woman",
    "life",     "child",   "world",   "school",  "state",    "family",   "group",   "country",
    "hand",     "part",    "place",   "case",    "week",     "company",  "system",  "program",
    "question", "work",    "number",  "night",   "point",    "home",     "water",   "room",
    "mother",   "area",    "money",   "story",   "fact",     "month",    "lot",     "right",
    "study",    "book",    "eye",     "job",     "word",     "business", "issue",   "side",
    "kind",     "head",    "house",   "service", "friend",   "father",   "power",   "hour",
    "game",     "line",    "end",     "member",  "law",      "car",      "city",    "name",
    "team",     "minute",  "idea",    "body",    "back",     "parent",   "face",    "level",
    "office",   "door",    "health",  "person",  "art",      "war",      "history", "party",
    "result",   "change",  "morning", "reason",  "research", "girl",     "guy",     "moment",
    "air",      "teacher", "force",   "order",   "price",    "field",    "paper",   "table",
    "light",    "music",   "river",   "stone"};

// Words in place of tokens, prefix by prefix: equal tokens at equal places are equal words.
void append_words(std::string& text, const std::vector<std::int32_t>& tokens,
                  const Dialect& dialect, double less) {
  const double wanted = static_cast<double>(tokens.size()) * dialect.words_per_token - less;
  const auto words = static_cast<std::size_t>(std::max(1.0, std::round(wanted)));
  for (std::size_t i = 0; i < words && !tokens.empty(); ++i) {
    const auto token =
        std::min(static_cast<std::size_t>(static_cast<double>(i) / dialect.words_per_token),
                 tokens.size() - 1);
    if (!text.empty()) text += ' ';
    text += kWords[(static_cast<std::size_t>(tokens[token]) + 37 * i) % kWords.size()];
  }
}

Json ids_of(const Request& request, const Dialect& dialect) {
  Json ids = Json::array();
  for (const Piece& piece : request.prompt) {
    for (const std::int32_t token : piece.tokens) ids.push_back(dialect.first_id + token);
    for (const std::int32_t id : piece.said_ids) ids.push_back(id);
  }
  return ids;
}

std::string text_of(const Request& request, const Dialect& dialect) {
  std::string text;
  for (std::size_t i = 0; i < request.prompt.size(); ++i) {
    append_words(text, request.prompt[i].tokens, dialect, i == 0 ? dialect.words_less : 0.0);
    text += request.prompt[i].said;
  }
  return text;
}

Json messages_of(const Request& request, const Dialect& dialect) {
  Json messages = Json::array();
  for (std::size_t i = 0; i < request.prompt.size(); ++i) {
    const Piece& piece = request.prompt[i];
    std::string words;
    append_words(words, piece.tokens, dialect, dialect.words_less);
    if (!piece.tokens.empty())
      messages.push_back({{"role", "user"}, {"content", words}});
    else
      messages.push_back({{"role", "assistant"}, {"content", piece.said}});
  }
  return messages;
}

}  // namespace

Url parse_url(const std::string& text) {
  const auto bad = [&](const char* what) {
    return UsageError(what, text, "write http://HOST[:PORT], such as http://127.0.0.1:8080");
  };
  if (text.starts_with("https://")) throw bad("https is not supported, only plain http");
  if (!text.starts_with("http://")) throw bad("is no http URL");
  std::string_view rest = std::string_view(text).substr(7);
  const std::size_t slash = rest.find('/');
  std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash);
  rest = rest.substr(0, slash);
  for (const std::string_view end : {"/", "/v1", "/"}) {
    if (path.ends_with(end)) path.remove_suffix(end.size());
  }
  Url url{.port = "80", .path = std::string(path)};
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) throw bad("has no end of its address");
  const std::size_t colon = rest.find(':', bracket);
  if (colon != std::string_view::npos) {
    url.port = rest.substr(colon + 1);
    const bool digits = url.port.size() <= 5 &&
                        std::ranges::all_of(url.port, [](char c) { return c >= '0' && c <= '9'; });
    if (url.port.empty() || !digits || std::stoi(url.port) > 65'535) throw bad("has no such port");
    rest = rest.substr(0, colon);
  }
  if (bracket > 0) rest = rest.substr(1, bracket - 1);
  url.host = rest;
  const auto odd = [](char c) { return c <= ' ' || c == 0x7f || c == '@' || c == '?' || c == '#'; };
  if (url.host.empty() || std::ranges::any_of(text.substr(7), odd)) throw bad("is no http URL");
  return url;
}

std::string body_of(const Request& request, const Dialect& dialect) {
  Json body;
  if (!dialect.model.empty()) body["model"] = dialect.model;
  if (dialect.chat) {
    body["messages"] = messages_of(request, dialect);
  } else if (dialect.ids) {
    body["prompt"] = ids_of(request, dialect);
  } else {
    body["prompt"] = text_of(request, dialect);
  }
  body["max_tokens"] = request.answer_tokens;
  body["stream"] = true;
  if (dialect.usage) body["stream_options"] = {{"include_usage", true}};
  if (dialect.ignore_eos) body["ignore_eos"] = true;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace aisp::load
