// A TOML table read strictly: every key is asked for by name and type, and what was never asked for
// is an error with its line and the nearest known key.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace aisp::bench::command {

class TomlTable {
 public:
  /// Parses a whole file. Throws UsageError naming file and line.
  static TomlTable read(const std::string& path);

  std::optional<std::string> text(const std::string& key);
  std::string required_text(const std::string& key);
  /// A number of either kind, at least 0.
  std::optional<double> amount(const std::string& key);
  std::optional<bool> boolean(const std::string& key);
  std::vector<std::string> texts(const std::string& key);
  /// One of `words`, by its place; nothing when absent.
  std::optional<std::size_t> choice(const std::string& key, const std::vector<std::string>& words);
  std::optional<TomlTable> table(const std::string& key);
  std::vector<TomlTable> tables(const std::string& key);
  /// All keys of this table, with values as text; `integers` gets those that are integers.
  std::map<std::string, std::string> values(
      std::map<std::string, std::int64_t>* integers = nullptr);

  /// Throws for the first key that nobody asked for. Call when all were.
  void no_other_keys() const;
  /// "my.toml:12" of a key, or of the table itself.
  std::string where(const std::string& key = "") const;
  [[noreturn]] void fail(const std::string& key, const std::string& what,
                         const std::string& remedy) const;

 private:
  struct State;
  explicit TomlTable(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace aisp::bench::command
