// A JSON schema as rules. See Grammar::from_json_schema.
#include <algorithm>
#include <map>
#include <set>

#include "text/grammar.h"
#include "text/grammar/expression.h"
#include "text/grammar/whole_numbers.h"
#include "text/json_in.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

using namespace grammar;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxSchema = 1 << 20, kMaxSchemaDepth = 64;
constexpr int kMaxValues = 20'000,
              kMaxDepth = 256;  // of parts, references followed and copies counted
constexpr std::int64_t kMaxCount = 100'000;

[[noreturn]] void refuse(const std::string& what) { fail(what, "JSON schema"); }

// Keywords that say nothing about which values are valid.
const std::set<std::string> kNotes = {
    "$schema",   "$id",         "$comment",         "$defs",           "definitions", "$anchor",
    "title",     "description", "default",          "example",         "examples",    "readOnly",
    "writeOnly", "deprecated",  "contentMediaType", "contentEncoding", "strict",      "name"};
const std::set<std::string> kKnown = {
    "type",    "enum",        "const",    "properties", "required",         "additionalProperties",
    "items",   "prefixItems", "minItems", "maxItems",   "minLength",        "maxLength",
    "pattern", "format",      "minimum",  "maximum",    "exclusiveMinimum", "exclusiveMaximum",
    "anyOf",   "oneOf",       "allOf",    "$ref"};

class SchemaReader {
 public:
  explicit SchemaReader(const Json& root) : root_(root) {}

  Rules run() {
    rules_.add();
    blank_ = rules_.add(
        choice({text(""), text(" "),
                sequence({text("\n"), repeat(set({{' ', ' '}, {'\t', '\t'}}), 0, 24)})}));
    character_ = rules_.add(json_character());
    // Not as calls of character_: every piece would leave a rule, and none would be known to fit.
    string_ = rules_.add(sequence({text("\""), repeat(json_character(), 0, -1), text("\"")}));
    whole_ = rules_.add(whole_numbers(std::nullopt, std::nullopt));
    number_ = rules_.add(number_rule());
    any_ = rules_.add();
    rules_.bodies[static_cast<std::size_t>(any_)] =
        choice({rule(string_), rule(number_), text("true"), text("false"), text("null"),
                object_of({}, any_), array_of({}, any_, 0, -1)});
    rules_.bodies[0] = value(root_);
    return std::move(rules_);
  }

 private:
  static Expression number_rule() {
    const Ranges digits = {{'0', '9'}};
    // Digits enough for every double, exponents that no double overflows at.
    return sequence(
        {optional(text("-")),
         choice({text("0"), sequence({set({{'1', '9'}}), repeat(set(digits), 0, 15)})}),
         optional(sequence({text("."), repeat(set(digits), 1, 16)})),
         optional(sequence({set({{'E', 'E'}, {'e', 'e'}}), optional(set({{'+', '+'}, {'-', '-'}})),
                            repeat(set(digits), 1, 2)}))});
  }
  Expression blank() const { return rule(blank_); }
  std::int32_t rule_of(const Json& schema) { return rules_.add(value(schema)); }

  const Json& target_of(const std::string& reference) const {
    if (reference.empty() || reference[0] != '#') refuse("'$ref' to '" + reference + "' leads out");
    try {
      return root_.at(Json::json_pointer(reference.substr(1)));
    } catch (const Json::exception&) {
      refuse("'$ref' to '" + reference + "' leads nowhere");
    }
  }

  // Parts may refer to each other or be copied into many places: how deep and how many are bounded
  // here, whatever the text's own nesting is.
  Expression value(const Json& schema) {
    if (++values_ > kMaxValues) refuse("it stands for too many parts");
    if (depth_ >= kMaxDepth) refuse("its parts contain each other too deeply");
    ++depth_;
    Expression made = value_within(schema);
    --depth_;
    return made;
  }

  Expression value_within(const Json& schema) {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) refuse("'false' allows no value");
      return rule(any_);
    }
    if (!schema.is_object()) refuse("a schema is neither an object nor a boolean");
    for (const auto& [key, part] : schema.items()) {
      if (kKnown.contains(key) || kNotes.contains(key)) continue;
      const bool says_nothing = part == false && (key == "uniqueItems" || key == "nullable");
      if (!says_nothing) refuse("the keyword '" + key + "' is not known here");
    }
    if (schema.contains("$ref")) return reference(schema);
    if (schema.contains("const")) return text(schema["const"].dump());
    if (schema.contains("enum")) return enumeration(schema["enum"]);
    for (const char* key : {"anyOf", "oneOf"}) {
      if (schema.contains(key)) return any_of(schema, key);
    }
    if (schema.contains("allOf")) return all_of(schema);
    return of_type(schema);
  }

  Expression reference(const Json& schema) {
    for (const auto& [key, part] : schema.items()) {
      if (key != "$ref" && kKnown.contains(key)) refuse("'" + key + "' stands beside '$ref'");
    }
    if (!schema["$ref"].is_string()) refuse("'$ref' is no text");
    const std::string to = schema["$ref"].get<std::string>();
    const auto known = referenced_.find(to);
    if (known != referenced_.end()) return rule(known->second);
    const Json& target = target_of(to);
    const std::int32_t made = rules_.add();
    referenced_[to] = made;  // before its body: it may contain itself
    Expression body = value(target);
    rules_.bodies[static_cast<std::size_t>(made)] = std::move(body);
    return rule(made);
  }

  Expression enumeration(const Json& values) {
    if (!values.is_array() || values.empty()) refuse("'enum' is no list of values");
    std::vector<Expression> all;
    for (const Json& one : values) all.push_back(text(one.dump()));
    return choice(std::move(all));
  }

  /// `base` without `without`, and what `more` says: their properties and requirements together.
  Json merged(const Json& base, const Json& more, const std::string& without) {
    Json out = Json::object();
    for (const auto& [key, part] : base.items()) {
      if (key != without) out[key] = part;
    }
    if (!more.is_object()) refuse("'" + without + "' has a part that is no object");
    for (const auto& [key, part] : more.items()) {
      if (!out.contains(key) || kNotes.contains(key)) {
        out[key] = part;
      } else if (key == "properties" && part.is_object() && out[key].is_object()) {
        for (const auto& [name, schema] : part.items()) {
          if (out[key].contains(name) && out[key][name] != schema) {
            refuse("the property '" + name + "' is described twice");
          }
          out[key][name] = schema;
        }
      } else if (key == "required" && part.is_array() && out[key].is_array()) {
        for (const Json& name : part) out[key].push_back(name);
      } else if (out[key] != part) {
        refuse("'" + key + "' stands inside and outside of '" + without + "'");
      }
    }
    return out;
  }

  static bool constrains(const Json& schema, const std::string& without) {
    return std::any_of(schema.items().begin(), schema.items().end(), [&](const auto& entry) {
      return entry.key() != without && kKnown.contains(entry.key());
    });
  }

  Expression any_of(const Json& schema, const std::string& key) {
    if (!schema[key].is_array() || schema[key].empty()) refuse("'" + key + "' is no list");
    std::vector<Expression> all;
    for (const Json& part : schema[key]) {
      all.push_back(constrains(schema, key) ? value(merged(schema, part, key)) : value(part));
    }
    return choice(std::move(all));
  }

  Expression all_of(const Json& schema) {
    if (!schema["allOf"].is_array() || schema["allOf"].empty()) refuse("'allOf' is no list");
    if (schema["allOf"].size() == 1 && !constrains(schema, "allOf"))
      return value(schema["allOf"][0]);
    Json all = schema;
    all.erase("allOf");
    for (Json part : schema["allOf"]) {
      for (int steps = 0; part.is_object() && part.size() == 1 && part.contains("$ref"); ++steps) {
        if (steps > 50 || !part["$ref"].is_string()) refuse("'$ref' leads in a circle");
        part = Json(target_of(part["$ref"].get<std::string>()));
      }
      all = merged(all, part, "allOf");
    }
    if (all.contains("allOf")) refuse("'allOf' stands inside of 'allOf'");
    return value(all);
  }

  Expression of_type(const Json& schema) {
    const auto type = schema.find("type");
    if (type != schema.end() && type->is_array()) {
      std::vector<Expression> all;
      for (const Json& one : *type) {
        Json single = schema;
        single["type"] = one;
        all.push_back(of_type(single));
      }
      if (all.empty()) refuse("'type' is an empty list");
      return choice(std::move(all));
    }
    std::string name;
    if (type != schema.end()) {
      if (!type->is_string()) refuse("'type' is no text");
      name = type->get<std::string>();
    } else if (schema.contains("properties") || schema.contains("additionalProperties") ||
               schema.contains("required")) {
      name = "object";
    } else if (schema.contains("items") || schema.contains("prefixItems")) {
      name = "array";
    } else if (schema.contains("pattern") || schema.contains("minLength") ||
               schema.contains("maxLength") || schema.contains("format")) {
      name = "string";
    } else if (constrains(schema, "")) {
      refuse("'type' is missing");
    } else {
      return rule(any_);
    }
    if (name == "object") return object(schema);
    if (name == "array") return array(schema);
    if (name == "string") return string(schema);
    if (name == "integer") return whole(schema);
    if (name == "number") return number(schema);
    if (name == "boolean") return choice({text("true"), text("false")});
    if (name == "null") return text("null");
    refuse("the type '" + name + "' is not known");
  }

  std::int64_t count(const Json& schema, const char* key, std::int64_t fallback) const {
    const auto found = schema.find(key);
    if (found == schema.end()) return fallback;
    if (!found->is_number_integer() || found->get<std::int64_t>() < 0 ||
        found->get<std::int64_t>() > kMaxCount) {
      refuse(std::string("'") + key + "' is not a whole number up to " + std::to_string(kMaxCount));
    }
    return found->get<std::int64_t>();
  }

  struct Property {
    Expression key;  // with its quotes
    std::int32_t value;
    bool required;
  };

  Expression entry(Expression key, std::int32_t of) const {
    return sequence({std::move(key), blank(), text(":"), blank(), rule(of)});
  }

  /// Properties in order, then any number of others when `others` is a rule.
  Expression object_of(std::vector<Property> properties, std::int32_t others,
                       const std::vector<std::string>& names = {}) {
    const auto comma = [&] { return sequence({blank(), text(","), blank()}); };
    // What follows when something was written before, from the last property backwards; and when
    // nothing was.
    Expression after = text(""), first = text("");
    if (others >= 0) {
      const std::int32_t other = rules_.add(entry(other_key(names), others));
      after = repeat(sequence({comma(), rule(other)}), 0, -1);
      first = optional(sequence({rule(other), after}));
    }
    std::int32_t after_rule = rules_.add(std::move(after)),
                 first_rule = rules_.add(std::move(first));
    for (std::size_t i = properties.size(); i-- > 0;) {
      Property& property = properties[i];
      const std::int32_t one = rules_.add(entry(std::move(property.key), property.value));
      Expression next_after = sequence({comma(), rule(one), rule(after_rule)});
      Expression next_first = sequence({rule(one), rule(after_rule)});
      if (!property.required) {
        next_after = choice({std::move(next_after), rule(after_rule)});
        next_first = choice({std::move(next_first), rule(first_rule)});
      }
      after_rule = rules_.add(std::move(next_after));
      first_rule = rules_.add(std::move(next_first));
    }
    return sequence({text("{"), blank(), rule(first_rule), blank(), text("}")});
  }

  /// A key that is none of these names. Without escapes: they could spell a name in another way.
  Expression other_key(const std::vector<std::string>& names) {
    if (names.empty()) return rule(string_);
    return sequence({text("\""), key_without(names, 0), text("\"")});
  }

  static Expression key_without(const std::vector<std::string>& names, std::size_t depth) {
    const Ranges never = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x7F}};
    // By the characters that names go on with here; any other leads out of all names.
    std::map<char32_t, std::vector<std::string>> branches;
    bool ends_here = false;
    for (const std::string& name : names) {
      if (name.empty()) {
        ends_here = true;
        continue;
      }
      const Utf8Char c = utf8_at(name, 0);
      branches[c.code].push_back(name.substr(static_cast<std::size_t>(c.bytes)));
    }
    Ranges taken = never;
    std::vector<Expression> all;
    for (const auto& [code, rest] : branches) {
      taken.emplace_back(code, code);
      if (code < 0x20 || code == '"' || code == '\\' || code == 0x7F) continue;
      if (depth > 200) refuse("a property's name is too long beside additionalProperties");
      all.push_back(sequence({set({{code, code}}), key_without(rest, depth + 1)}));
    }
    all.push_back(sequence({set_without(std::move(taken)), repeat(set_without(never), 0, -1)}));
    if (!ends_here) all.push_back(text(""));
    return choice(std::move(all));
  }

  Expression object(const Json& schema) {
    std::vector<Property> properties;
    std::vector<std::string> names;
    std::set<std::string> required;
    for (const Json& name : schema.value("required", Json::array())) {
      if (!name.is_string()) refuse("'required' has a name that is no text");
      required.insert(name.get<std::string>());
    }
    const Json listed = schema.value("properties", Json::object());
    if (!listed.is_object()) refuse("'properties' is no object");
    const auto given = schema.find("additionalProperties");
    std::int32_t others = -1;
    if (given != schema.end()) {
      if (*given != false) others = rule_of(*given);
    } else if (listed.empty()) {
      others = any_;
    }
    for (const auto& [name, part] : listed.items()) {
      properties.push_back({text(Json(name).dump()), rule_of(part), required.contains(name)});
      names.push_back(name);
      required.erase(name);
    }
    for (const std::string& name : required) {
      if (others < 0 && given != schema.end()) refuse("'" + name + "' is required and not allowed");
      properties.push_back({text(Json(name).dump()), others >= 0 ? others : any_, true});
      names.push_back(name);
    }
    return object_of(std::move(properties), others, names);
  }

  Expression array_of(std::vector<std::int32_t> first, std::int32_t others, std::int64_t min,
                      std::int64_t max) {
    const auto comma = [&] { return sequence({blank(), text(","), blank()}); };
    std::vector<Expression> parts = {text("["), blank()};
    const std::int64_t fixed = static_cast<std::int64_t>(first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      if (i > 0) parts.push_back(comma());
      parts.push_back(rule(first[i]));
    }
    const std::int64_t least = std::max<std::int64_t>(min - fixed, 0);
    const std::int64_t most = others < 0 ? 0
                              : max < 0  ? -1
                                         : std::max<std::int64_t>(max - fixed, 0);
    if (most >= 0 && least > most) refuse("no array has that many items");
    if (fixed > 0) {
      if (most != 0) parts.push_back(repeat(sequence({comma(), rule(others)}), least, most));
    } else if (most != 0) {
      const std::int32_t next = rules_.add(sequence({comma(), rule(others)}));
      Expression items =
          sequence({rule(others), repeat(rule(next), std::max<std::int64_t>(least - 1, 0),
                                         most < 0 ? -1 : most - 1)});
      parts.push_back(least == 0 ? optional(std::move(items)) : std::move(items));
    }
    parts.push_back(blank());
    parts.push_back(text("]"));
    return sequence(std::move(parts));
  }

  Expression array(const Json& schema) {
    std::vector<std::int32_t> first;
    const Json prefix = schema.value("prefixItems", Json::array());
    if (!prefix.is_array()) refuse("'prefixItems' is no list");
    for (const Json& item : prefix) first.push_back(rule_of(item));
    const auto items = schema.find("items");
    std::int32_t others = -1;
    if (items == schema.end()) {
      others = first.empty() ? any_ : -1;
    } else if (*items != false) {
      others = rule_of(*items);
    }
    const std::int64_t max = count(schema, "maxItems", -1);
    if (max >= 0 && max < static_cast<std::int64_t>(first.size())) {
      first.resize(static_cast<std::size_t>(max));
      others = -1;
    }
    return array_of(std::move(first), others, count(schema, "minItems", 0), max);
  }

  Expression string(const Json& schema) {
    const std::int64_t min = count(schema, "minLength", 0), max = count(schema, "maxLength", -1);
    if (max >= 0 && max < min) refuse("'maxLength' is below 'minLength'");
    const bool bounded = min > 0 || max >= 0;
    if (schema.contains("pattern")) {
      if (bounded) refuse("a length stands beside 'pattern'");
      if (!schema["pattern"].is_string()) refuse("'pattern' is no text");
      return quoted(json_pattern(schema["pattern"].get_ref<const std::string&>()));
    }
    if (schema.contains("format") && schema["format"].is_string() && !bounded) {
      static const std::string kDate = "(19|20)\\d\\d-(0[1-9]|1[0-2])-(0[1-9]|1\\d|2[0-8])";
      static const std::string kTime =
          "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+\\-]([01]\\d|2[0-3]):[0-5]\\d)";
      const std::string format = schema["format"].get<std::string>();
      if (format == "date") return quoted(json_pattern("^" + kDate + "$"));
      if (format == "time") return quoted(json_pattern("^" + kTime + "$"));
      if (format == "date-time") return quoted(json_pattern("^" + kDate + "T" + kTime + "$"));
      if (format == "uuid") {
        return quoted(
            json_pattern("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"));
      }
    }
    if (!bounded) return rule(string_);
    // As states of the string itself they are quick; many would be too many states.
    const bool few = std::max(min, max) <= 1000;
    return quoted(repeat(few ? json_character() : rule(character_), min, max));
  }
  static Expression quoted(Expression inside) {
    return sequence({text("\""), std::move(inside), text("\"")});
  }

  std::optional<std::int64_t> bound(const Json& schema, const char* key, const char* exclusive,
                                    std::int64_t step) const {
    std::optional<std::int64_t> out;
    for (const char* name : {key, exclusive}) {
      const auto found = schema.find(name);
      if (found == schema.end()) continue;
      const bool whole = found->is_number_integer() && std::abs(found->get<double>()) < 1e17;
      if (!whole) refuse(std::string("'") + name + "' is not a whole number within 1e17");
      const std::int64_t value = found->get<std::int64_t>() + (name == exclusive ? step : 0);
      if (!out) out = value;
      out = step > 0 ? std::max(*out, value) : std::min(*out, value);
    }
    return out;
  }

  Expression whole(const Json& schema) const {
    const auto low = bound(schema, "minimum", "exclusiveMinimum", 1);
    const auto high = bound(schema, "maximum", "exclusiveMaximum", -1);
    if (low && high && *high < *low) refuse("no whole number is between the bounds");
    return low || high ? whole_numbers(low, high) : rule(whole_);
  }

  Expression number(const Json& schema) const {
    for (const char* key : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
      if (!schema.contains(key)) continue;
      // Not below zero is a matter of the sign; other bounds of fractions are no grammar's.
      if (std::string_view(key) != "minimum" || schema[key] != 0) {
        refuse(std::string("'") + key + "' of a number that may have a fraction");
      }
    }
    if (!schema.contains("minimum")) return rule(number_);
    Expression positive = number_rule();
    positive.parts.erase(positive.parts.begin());
    return positive;
  }

  const Json& root_;
  Rules rules_;
  std::int32_t blank_ = 0, character_ = 0, string_ = 0, whole_ = 0, number_ = 0, any_ = 0;
  int values_ = 0, depth_ = 0;
  std::map<std::string, std::int32_t> referenced_;
};

}  // namespace

Grammar Grammar::from_json_schema(std::string_view schema) {
  if (schema.size() > kMaxSchema) refuse("the schema has more than 1 MiB");
  const Json json = parse_json<Json>(schema, "JSON schema", kMaxSchemaDepth);
  try {
    return Grammar(compile(SchemaReader(json).run()));
  } catch (const Json::exception& error) {
    refuse(std::string("a keyword has another type than expected (") + error.what() + ")");
  }
}

}  // namespace aisp::text
