// JSON from strangers: parsed with a limit on nesting (the library copies and destroys by
// recursion), and with our kind of error.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace aisp::text {

/// How deep brackets nest outside of strings; cheap next to parsing.
inline std::size_t json_depth(std::string_view text) {
  std::size_t depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

/// Json is nlohmann::json or nlohmann::ordered_json. Throws Error.
template <typename Json>
Json parse_json(std::string_view text, std::string_view where, std::size_t max_depth = 100) {
  if (json_depth(text) > max_depth) {
    throw Error("JSON nests deeper than " + std::to_string(max_depth), std::string(where),
                "the file is damaged or hostile");
  }
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    throw Error("this is not JSON", std::string(where), "the file is damaged or cut short");
  }
  return json;
}

}  // namespace aisp::text
