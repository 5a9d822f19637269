// Strict reading of TOML. See toml_table.h. The only file that includes the parser: it is large.
#include "bench/command/toml_table.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/nearest.h"

namespace aisp::bench::command {

struct TomlTable::State {
  std::shared_ptr<toml::table> root;  // keeps `table` alive
  const toml::table* table = nullptr;
  std::string file;
  std::vector<std::string> asked;

  const toml::node* find(const std::string& key) {
    asked.push_back(key);
    return table->get(key);
  }
};

namespace {

const char* type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string at_line(const std::string& file, const toml::node& node) {
  return fmt::format("{}:{}", file, node.source().begin.line);
}

[[noreturn]] void wrong_type(const std::string& file, const std::string& key,
                             const toml::node& node, const char* wanted) {
  throw UsageError(fmt::format("{} is {}", key, type_name(node)), at_line(file, node),
                   fmt::format("it must be {}", wanted));
}

}  // namespace

TomlTable TomlTable::read(const std::string& path) {
  auto state = std::make_shared<State>();
  state->file = path;
  try {
    state->root = std::make_shared<toml::table>(toml::parse_file(path));
  } catch (const toml::parse_error& problem) {
    const auto line = problem.source().begin.line;
    if (line == 0) {
      throw UsageError("cannot be read as TOML: " + std::string(problem.description()), path,
                       "check the path");
    }
    throw UsageError(std::string(problem.description()), fmt::format("{}:{}", path, line),
                     "see https://toml.io for the syntax");
  }
  state->table = state->root.get();
  return TomlTable(std::move(state));
}

std::optional<std::string> TomlTable::text(const std::string& key) {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) wrong_type(state_->file, key, *node, "text");
  return node->as_string()->get();
}

std::string TomlTable::required_text(const std::string& key) {
  const auto found = text(key);
  if (!found || found->empty())
    fail(found ? key : "", "has no " + key, "add " + key + " = \"...\"");
  return *found;
}

std::optional<double> TomlTable::amount(const std::string& key) {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value || !(*value >= 0.0)) wrong_type(state_->file, key, *node, "a number, 0 or more");
  return *value;
}

std::optional<bool> TomlTable::boolean(const std::string& key) {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_boolean()) wrong_type(state_->file, key, *node, "true or false");
  return node->as_boolean()->get();
}

std::vector<std::string> TomlTable::texts(const std::string& key) {
  std::vector<std::string> all;
  const toml::node* node = state_->find(key);
  if (node == nullptr) return all;
  if (!node->is_array()) wrong_type(state_->file, key, *node, "an array of texts");
  for (const toml::node& one : *node->as_array()) {
    if (!one.is_string()) wrong_type(state_->file, "an element of " + key, one, "text");
    all.push_back(one.as_string()->get());
  }
  return all;
}

std::optional<std::size_t> TomlTable::choice(const std::string& key,
                                             const std::vector<std::string>& words) {
  const auto found = text(key);
  if (!found) return std::nullopt;
  const auto at = std::find(words.begin(), words.end(), *found);
  if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  const std::string close = nearest(*found, words);
  fail(key, fmt::format("{} is \"{}\"", key, *found),
       close.empty() ? fmt::format("it must be one of {}", fmt::join(words, ", "))
                     : "did you mean " + close + "?");
}

std::optional<TomlTable> TomlTable::table(const std::string& key) {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) wrong_type(state_->file, key, *node, "a table");
  return TomlTable(
      std::make_shared<State>(State{state_->root, node->as_table(), state_->file, {}}));
}

std::vector<TomlTable> TomlTable::tables(const std::string& key) {
  std::vector<TomlTable> all;
  const toml::node* node = state_->find(key);
  if (node == nullptr) return all;
  if (!node->is_array()) wrong_type(state_->file, key, *node, "an array of tables, [[...]]");
  for (const toml::node& one : *node->as_array()) {
    if (!one.is_table()) wrong_type(state_->file, "an element of " + key, one, "a table");
    all.push_back(
        TomlTable(std::make_shared<State>(State{state_->root, one.as_table(), state_->file, {}})));
  }
  return all;
}

std::map<std::string, std::string> TomlTable::values(
    std::map<std::string, std::int64_t>* integers) {
  std::map<std::string, std::string> all;
  for (const auto& [key, node] : *state_->table) {
    const std::string name(key.str());
    state_->asked.push_back(name);
    if (node.is_string()) {
      all[name] = node.as_string()->get();
    } else if (node.is_integer()) {
      all[name] = std::to_string(node.as_integer()->get());
      if (integers != nullptr) (*integers)[name] = node.as_integer()->get();
    } else if (node.is_floating_point()) {
      all[name] = fmt::format("{}", node.as_floating_point()->get());
    } else {
      wrong_type(state_->file, name, node, "text or a number");
    }
  }
  return all;
}

void TomlTable::no_other_keys() const {
  for (const auto& [key, node] : *state_->table) {
    const std::string name(key.str());
    if (std::find(state_->asked.begin(), state_->asked.end(), name) != state_->asked.end())
      continue;
    const std::string close = nearest(name, state_->asked);
    throw UsageError(
        "unknown key " + name, fmt::format("{}:{}", state_->file, key.source().begin.line),
        close.empty() ? fmt::format("known here are {}", fmt::join(state_->asked, ", "))
                      : "did you mean " + close + "?");
  }
}

std::string TomlTable::where(const std::string& key) const {
  const toml::node* node = key.empty() ? nullptr : state_->table->get(key);
  return at_line(state_->file, node != nullptr ? *node : *state_->table);
}

void TomlTable::fail(const std::string& key, const std::string& what,
                     const std::string& remedy) const {
  throw UsageError(what, where(key), remedy);
}

}  // namespace aisp::bench::command
