// Facts as JSON and back. Every member is written under its own name (facts_fields.h); what is
// absent is left out. A limit that is unlimited is the word "unlimited", since 2^64 - 1 is no JSON
// number that every reader keeps.
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"
#include "machine/facts.h"
#include "machine/facts_fields.h"

namespace aisp::machine {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kUnlimitedWord = "unlimited";

template <class T>
constexpr bool kIsList = false;
template <class T>
constexpr bool kIsList<std::vector<T>> = true;

template <class T>
Json written(T& value);

struct Writer {
  Json json = Json::object();

  template <class T>
  void operator()(const char* name, T& value) {
    json[name] = written(value);
  }
  template <class T>
  void operator()(const char* name, Maybe<T>& value) {
    if (value) json[name] = written(*value);
  }
};

template <class T>
Json written(T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return printable(value, /*keep_lines=*/true);
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return value == Limits::kUnlimited ? Json(kUnlimitedWord) : Json(value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value;  // a number that is not finite becomes null
  } else if constexpr (kIsList<T>) {
    Json json = Json::array();
    for (auto& element : value) json.push_back(written(element));
    return json;
  } else {
    Writer writer;
    each_field(writer, value);
    return std::move(writer.json);
  }
}

[[noreturn]] void wrong(const std::string& where, const char* expected) {
  throw Error(std::string("is not ") + expected, where, "record the facts of the machine again");
}

template <class T>
void take(const Json& json, const std::string& where, T& value);

struct Reader {
  const Json& json;
  const std::string& where;

  template <class T>
  void operator()(const char* name, T& value) {
    const auto found = json.find(name);
    if (found != json.end()) take(*found, where + "." + name, value);
  }
  template <class T>
  void operator()(const char* name, Maybe<T>& value) {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return;
    take(*found, where + "." + name, value.emplace());
  }
};

std::uint64_t unsigned_number(const Json& json, const std::string& where) {
  if (json.is_string() && json.get_ref<const std::string&>() == kUnlimitedWord) {
    return Limits::kUnlimited;
  }
  const bool fits =
      json.is_number_unsigned() || (json.is_number_integer() && json.get<std::int64_t>() >= 0);
  if (!fits) wrong(where, "a whole number from 0, nor \"unlimited\"");
  return json.get<std::uint64_t>();
}

int whole_number(const Json& json, const std::string& where) {
  using Limit = std::numeric_limits<int>;
  const bool fits = json.is_number_unsigned()
                        ? json.get<std::uint64_t>() <= static_cast<std::uint64_t>(Limit::max())
                        : json.is_number_integer() && json.get<std::int64_t>() >= Limit::min();
  if (!fits) wrong(where, "a whole number of 32 bits");
  return json.get<int>();
}

template <class T>
void take(const Json& json, const std::string& where, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) wrong(where, "a text");
    value = json.get<std::string>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) wrong(where, "true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<T, double>) {
    if (!json.is_number()) wrong(where, "a number");
    value = json.get<double>();
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    value = unsigned_number(json, where);
  } else if constexpr (std::is_same_v<T, int>) {
    value = whole_number(json, where);
  } else if constexpr (kIsList<T>) {
    if (!json.is_array()) wrong(where, "a list");
    for (std::size_t i = 0; i < json.size(); ++i) {
      take(json[i], where + "[" + std::to_string(i) + "]", value.emplace_back());
    }
  } else {
    if (!json.is_object()) wrong(where, "an object");
    Reader reader{json, where};
    each_field(reader, value);
  }
}

}  // namespace

Json to_json(const Facts& facts) {
  Facts copy = facts;  // the walk is written once, for members that may be changed
  return written(copy);
}

Facts facts_from_json(const Json& json) {
  Facts facts;
  take(json, "facts", facts);
  return facts;
}

}  // namespace aisp::machine
