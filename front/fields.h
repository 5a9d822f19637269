// JSON from strangers, read field by field: of the right type, in its range, and none left over.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "front/api_error.h"
#include "front/limits.h"

namespace aisp::front {

using Json = nlohmann::ordered_json;

/// Parses a body. Throws ApiError: no JSON, or too deep or too many values (counted before anything
/// is allocated), or objects so wide that looking for doubled names would take long.
Json parse_body(std::string_view text, const Limits& limits);

class Fields {
 public:
  /// `where` comes before names in messages: "" or "messages[3].". Throws ApiError when it is no
  /// object.
  explicit Fields(const Json& object, std::string where = "");

  // All throw ApiError for another type or a value out of range. null counts as absent.

  /// The value, or null when it is absent.
  const Json* get(std::string_view name);
  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<double> number(std::string_view name, double low, double high);
  const Json* list(std::string_view name, std::size_t most);
  /// The value has no effect here, whatever it is.
  void ignore(std::string_view name) { get(name); }

  /// Throws ApiError for the first name that nobody asked for.
  void end() const;

  /// The error of a value: `name` `why`.
  [[noreturn]] void fail(std::string_view name, const std::string& why) const;

 private:
  const Json& object_;
  std::string where_;
  std::vector<std::string_view> known_;
};

}  // namespace aisp::front
