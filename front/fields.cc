// See fields.h.
#include "front/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace aisp::front {
namespace {

// The library looks for a name among all before it, so wide objects take quadratic time.
constexpr int kMembersOfOne = 1024, kMembersOfAll = 1 << 16;

[[noreturn]] void too_large(const char* why) { throw ApiError(400, why, "", "json_limits"); }

// Counts what the parser would make, outside of strings. What is no JSON is left to the parser.
void check_size(std::string_view text, const Limits& limits) {
  std::vector<int> members(static_cast<std::size_t>(limits.json_depth) + 1, 0);
  std::size_t depth = 0;
  int values = 0, all_members = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    switch (c) {
      case '"':
        in_string = true;
        break;
      case '{':
      case '[':
        if (++depth >= members.size()) too_large("the JSON nests too deeply");
        members[depth] = 0;
        ++values;
        break;
      case '}':
      case ']':
        if (depth > 0) --depth;
        break;
      case ',':
        ++values;
        break;
      case ':':
        if (++members[depth] > kMembersOfOne || ++all_members > kMembersOfAll) {
          too_large("the JSON has too many names");
        }
        break;
      default:
        break;
    }
    if (values > limits.json_values) too_large("the JSON has too many values");
  }
}

}  // namespace

Json parse_body(std::string_view text, const Limits& limits) {
  check_size(text, limits);
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw ApiError(400, "the body is not JSON in UTF-8", "", "invalid_json");
  return json;
}

Fields::Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (object.is_object()) return;
  const std::string name = where_.empty() ? "the body" : where_.substr(0, where_.size() - 1);
  throw ApiError(400, name + " is not a JSON object", where_.empty() ? "" : name);
}

void Fields::fail(std::string_view name, const std::string& why) const {
  const std::string full = where_ + std::string(name);
  throw ApiError(400, full + " " + why, full);
}

const Json* Fields::get(std::string_view name) {
  known_.push_back(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Fields::text(std::string_view name) {
  const Json* value = get(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(name, "is not a string");
  return value->get<std::string>();
}

std::optional<bool> Fields::flag(std::string_view name) {
  const Json* value = get(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail(name, "is not true or false");
  return value->get<bool>();
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t low,
                                            std::int64_t high) {
  const Json* value = get(name);
  if (value == nullptr) return std::nullopt;
  const std::string range = fmt::format("is not a whole number from {} to {}", low, high);
  if (!value->is_number_integer()) fail(name, range);
  const bool beyond = value->is_number_unsigned() &&
                      value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (beyond) fail(name, range);
  const auto number = value->get<std::int64_t>();
  if (number < low || number > high) fail(name, range);
  return number;
}

std::optional<double> Fields::number(std::string_view name, double low, double high) {
  const Json* value = get(name);
  if (value == nullptr) return std::nullopt;
  const auto number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= low && number <= high)) {
    fail(name, fmt::format("is not a number from {} to {}", low, high));
  }
  return number;
}

const Json* Fields::list(std::string_view name, std::size_t most) {
  const Json* value = get(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) fail(name, "is not a list");
  if (value->size() > most) fail(name, fmt::format("has more than {} entries", most));
  return value;
}

void Fields::end() const {
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::find(known_, name) == known_.end()) {
      fail(name, "is not a field of this request that this server knows");
    }
  }
}

}  // namespace aisp::front
