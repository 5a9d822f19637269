// See batch_lines.h.
#include "app/batch_lines.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "base/error.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

Error bad_line(const std::string& path, std::size_t number, const std::string& what) {
  return Error(fmt::format("line {} {}", number, what), path,
               "a line is an object with \"prompt\" (text) or \"messages\"");
}

constexpr std::int64_t kMostTokens = 1 << 24;  // as --max-tokens
constexpr std::int64_t kMostSeed = std::numeric_limits<std::int64_t>::max();

bool is_whole(const Json& value, std::int64_t least, std::int64_t most) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most)) {
    return false;
  }
  return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
}

void check_grammar(const GrammarText& grammar, const std::string& path, std::size_t number) {
  if (grammar.empty()) return;
  try {
    compile(grammar);
  } catch (const Error& problem) {
    throw bad_line(path, number, fmt::format("has a grammar: {}", problem.problem()));
  }
}

// What is wrong with a line; "" when nothing is.
std::string wrong_in(const Json& content) {
  static const std::set<std::string> known = {"id",          "prompt",  "messages",
                                              "max_tokens",  "seed",    "logprobs",
                                              "json_schema", "grammar", "temperature"};
  const auto has = [&](const char* name) { return content.contains(name); };
  if ((has("prompt") && content["prompt"].is_string()) ==
      (has("messages") && content["messages"].is_array())) {
    return "has not one of prompt and messages";
  }
  if (has("max_tokens") && !is_whole(content["max_tokens"], 1, kMostTokens)) {
    return fmt::format("has a \"max_tokens\" not in 1 to {}", kMostTokens);
  }
  if (has("seed") && !is_whole(content["seed"], 0, kMostSeed)) {
    return "has a \"seed\" that is no whole number from 0";
  }
  if (has("temperature") && !content["temperature"].is_number()) {
    return "has a \"temperature\" that is no number";
  }
  if (has("logprobs") && !is_whole(content["logprobs"], 0, 20)) {
    return "has \"logprobs\" not in 0 to 20";
  }
  if (has("grammar") && (has("json_schema") || !content["grammar"].is_string() ||
                         content["grammar"].get<std::string>().empty())) {
    return "has a \"grammar\" that is no text, or a schema beside it";
  }
  for (const auto& [name, value] : content.items()) {
    if (known.count(name) == 0) return fmt::format("has \"{}\", which means nothing", name);
  }
  return "";
}

}  // namespace

GrammarText grammar_of(const BatchLine& line) {
  const Json& content = line.content;
  GrammarText text;
  if (content.contains("json_schema")) text.json_schema = content["json_schema"].dump();
  if (content.contains("grammar")) text.gbnf = content["grammar"].get<std::string>();
  return text;
}

std::vector<BatchLine> read_batch(const std::string& path, bool ignore_end) {
  std::ifstream in(path);
  if (!in) throw Error("cannot be read", path, "check the path of --batch");
  std::vector<BatchLine> lines;
  std::set<std::string> seen;
  std::string text;
  GrammarText checked;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    BatchLine line;
    line.content = Json::parse(text, nullptr, false);
    const Json& content = line.content;
    if (!content.is_object()) throw bad_line(path, number, "is no JSON object");
    const std::string wrong = wrong_in(content);
    if (!wrong.empty()) throw bad_line(path, number, wrong);
    if (const GrammarText grammar = grammar_of(line); !(grammar == checked)) {
      if (ignore_end) throw bad_line(path, number, "has a grammar beside --ignore-end");
      check_grammar(grammar, path, number);
      checked = grammar;
    }
    line.id = std::to_string(number);
    if (content.contains("id")) {
      const Json& id = content["id"];
      line.id = id.is_string() ? id.get<std::string>() : id.dump();
    }
    if (!seen.insert(line.id).second) {
      throw bad_line(path, number, fmt::format("repeats the id \"{}\"", line.id));
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw Error("has no prompts", path, "give a JSON object a line");
  return lines;
}

std::set<std::string> answered_ids(const std::string& path) {
  std::set<std::string> ids;
  std::ifstream in(path, std::ios::binary);
  if (!in) return ids;
  std::string text;
  off_t good = 0;
  while (std::getline(in, text)) {
    const bool whole = !in.eof();
    const Json answer = Json::parse(text, nullptr, false);
    const bool right = answer.is_object() && answer.contains("id") && answer["id"].is_string();
    if (!whole) break;
    if (!right) throw Error("is no file of answers", path, "give --out another name");
    ids.insert(answer["id"].get<std::string>());
    good += static_cast<off_t>(text.size()) + 1;
  }
  in.close();
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && status.st_size > good &&
      truncate(path.c_str(), good) != 0) {
    throw Error("cannot be cut behind its last whole line", path, "check its permissions");
  }
  return ids;
}

}  // namespace aisp::app
