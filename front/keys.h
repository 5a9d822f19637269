// Who may ask: the names and keys of a file, and one comparison that takes the same time whatever
// is given.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::front {

struct Key {
  std::string name, secret;
};

class Keys {
 public:
  Keys() = default;  // nobody has one, everybody may ask
  explicit Keys(std::vector<Key> keys) : keys_(std::move(keys)) {}

  bool needed() const { return !keys_.empty(); }
  int count() const { return static_cast<int>(keys_.size()); }
  const std::string& name(int client) const { return keys_[static_cast<std::size_t>(client)].name; }

  /// Which key "Bearer SECRET" has, or nothing. Time depends on the length of what is given alone.
  std::optional<int> find(std::string_view authorization) const;

 private:
  std::vector<Key> keys_;
};

/// Lines "NAME SECRET"; empty lines and those with # are left out. Throws Error: no such file,
/// others may read it, a doubled name or secret, a secret below 16 bytes.
Keys read_keys(const std::string& path);

bool equal_in_constant_time(std::string_view given, std::string_view secret);

}  // namespace aisp::front
