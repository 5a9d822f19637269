// Masks against the definition (each piece walked by itself), random walks under the mask against
// nlohmann::json and a small validator, and what grammars and schemas are refused.
#include "text/grammar.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "base/rng.h"
#include "text/train_tokenizer.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

using Json = nlohmann::ordered_json;

/// Pieces of JSON-like text: many with quotes, brackets and digits in their middle.
const Tokenizer& json_tokenizer() {
  static const Tokenizer tokenizer = [] {
    Rng rng(1);
    std::string text;
    for (int i = 0; i < 4000; ++i) {
      constexpr const char* kParts[] = {
          "{\"name\": \"", "\", \"", "\": [", "], ",  "true", "null", "12",   "0.5", "-3",
          "abc",           "hello",  "é",     "你好", "\"}",  "}, {", "\n  ", " ",   "\\n",
          "\\u00",         "kind",   "1e5",   ": ",   "\"]}", "x"};
      text += kParts[rng.below(24)];
    }
    const std::vector<std::string_view> texts = {text};
    // Few words: merges across signs, as a model's vocabulary has them.
    TokenizerSpec spec = train_byte_pairs(
        texts, {.vocabulary = 1200, .control = {"<|end|>", "<|pad|>"}, .pre_tokenizer = "bloom"});
    spec.eos = spec.bos = static_cast<std::int32_t>(spec.pieces.size()) - 2;
    return Tokenizer(spec);
  }();
  return tokenizer;
}

std::shared_ptr<const GrammarVocabulary> json_vocabulary() {
  static const auto vocabulary = std::make_shared<const GrammarVocabulary>(json_tokenizer());
  return vocabulary;
}

GrammarState begin(const Grammar& grammar) {
  return GrammarState(std::make_shared<GrammarMatcher>(grammar, json_vocabulary()));
}

std::vector<std::int32_t> fitting(const GrammarState& state) {
  std::vector<std::uint64_t> bits(json_vocabulary()->mask_words());
  state.mask(bits);
  std::vector<std::int32_t> ids;
  for (std::int32_t id = 0; id < json_tokenizer().size(); ++id) {
    if (bits[static_cast<std::size_t>(id) / 64] >> (id % 64) & 1) ids.push_back(id);
  }
  return ids;
}

/// Goes on with random fitting tokens, towards an end after `length` of them; the text, or "" when
/// it did not end. Checks each mask piece by piece every few steps.
std::string random_walk(const Grammar& grammar, Rng& rng, int length) {
  const Tokenizer& tokenizer = json_tokenizer();
  GrammarState state = begin(grammar);
  std::string text;
  for (int i = 0; i < 30 * length; ++i) {
    const std::vector<std::int32_t> ids = fitting(state);
    EXPECT_FALSE(ids.empty()) << text;
    if (ids.empty()) return "";
    if (rng.below(8) == 0) {
      std::vector<std::int32_t> one_by_one;
      for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
        GrammarState copy = state;
        if (copy.advance(id)) one_by_one.push_back(id);
      }
      EXPECT_EQ(ids, one_by_one) << text;
    }
    const std::int32_t end = tokenizer.spec().eos;
    if (state.complete() && (i >= length || rng.below(4) == 0 || ids.size() == 1)) {
      EXPECT_EQ(ids.back(), end);
      return text;
    }
    std::int32_t id = ids[rng.below(ids.size())];
    // Past the length: what closes, when it fits.
    for (const char* closing : {"\"", "]", "}"}) {
      const std::int32_t one = tokenizer.id_of(closing);
      if (i >= length && state.allowed(closing) && rng.below(3) > 0) id = one;
    }
    if (id == end) continue;
    EXPECT_TRUE(state.advance(id));
    text += tokenizer.piece(id);
  }
  return "";
}

bool valid(const Json& schema, const Json& value, const Json& root);

bool valid_parts(const Json& schema, const Json& value, const Json& root) {
  if (value.is_object()) {
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) return false;
    }
    const Json listed = schema.value("properties", Json::object());
    for (const auto& [name, part] : value.items()) {
      const Json others = schema.value("additionalProperties", Json(true));
      if (!valid(listed.contains(name) ? listed[name] : others, part, root)) return false;
    }
  }
  if (!value.is_array()) return true;
  if (value.size() < schema.value("minItems", 0u)) return false;
  if (value.size() > schema.value("maxItems", 1000000u)) return false;
  const Json prefix = schema.value("prefixItems", Json::array());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const Json& item = i < prefix.size() ? prefix[i] : schema.value("items", Json(true));
    if (!valid(Json(item), value[i], root)) return false;
  }
  return true;
}

bool has_type(const std::string& type, const Json& value) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

template <typename Fits>
bool any(const Json& list, Fits&& fits) {
  return std::any_of(list.begin(), list.end(), fits);
}

/// What the schemas of these tests say, written a second time.
bool valid(const Json& schema, const Json& value, const Json& root) {
  if (schema.is_boolean()) return schema.get<bool>();
  const auto fits = [&](const Json& part) { return valid(part, value, root); };
  if (schema.contains("$ref")) {
    return fits(root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))));
  }
  if (schema.contains("const") && value != schema["const"]) return false;
  if (schema.contains("enum") && !any(schema["enum"], [&](const Json& v) { return v == value; })) {
    return false;
  }
  for (const char* key : {"anyOf", "oneOf"}) {
    if (schema.contains(key) && !any(schema[key], fits)) return false;
  }
  const Json all = schema.value("allOf", Json::array());
  if (!std::all_of(all.begin(), all.end(), fits)) return false;
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    if (!any(types, [&](const Json& type) { return has_type(type, value); })) return false;
  }
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (utf8_length(text) < schema.value("minLength", 0u)) return false;
    if (utf8_length(text) > schema.value("maxLength", 1000000u)) return false;
    const std::regex pattern(schema.value("pattern", std::string()));
    if (!std::regex_search(text, pattern)) return false;
  }
  if (value.is_number()) {
    const double number = value.get<double>();
    if (number < schema.value("minimum", -1e300) || number > schema.value("maximum", 1e300)) {
      return false;
    }
    if (number <= schema.value("exclusiveMinimum", -1e300)) return false;
  }
  return valid_parts(schema, value, root);
}

const std::vector<std::string>& schemas() {
  static const std::vector<std::string> all = {
      R"({})",
      R"({"type": "object"})",
      R"({"type": "array"})",
      R"({"type": "string"})",
      R"({"type": "number"})",
      R"({"type": ["integer", "null", "boolean"]})",
      R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
          "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3}},
          "required": ["name", "tags"], "additionalProperties": false})",
      R"({"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "null"},
          "c": {"type": "boolean"}}})",
      R"({"type": "object", "properties": {"kind": {"const": "x"}, "k": {"enum": [1, "two", null]}},
          "required": ["z", "kind"], "additionalProperties": {"type": "integer"}})",
      R"({"enum": ["a", "ab", "abc", 1, 1.5, {"x": [1, 2]}, null]})",
      R"({"type": "integer", "minimum": -15, "maximum": 2105})",
      R"({"type": "integer", "exclusiveMinimum": 99})",
      R"({"type": "integer", "maximum": -7})",
      R"({"type": "number", "minimum": 0})",
      R"({"type": "string", "minLength": 2, "maxLength": 5})",
      R"({"type": "string", "pattern": "^[A-Z]{2}-\\d+(\\.\\d)?$"})",
      R"({"type": "string", "pattern": "ab|^x\\w*"})",
      R"({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}],
          "items": {"type": "boolean"}, "maxItems": 4})",
      R"({"type": "array", "items": {"type": "integer"}, "minItems": 2})",
      R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]})",
      R"({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {
          "value": {"type": "integer"}, "children": {"type": "array",
          "items": {"$ref": "#/$defs/tree"}}}, "required": ["value"],
          "additionalProperties": false}}})",
      R"({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
          {"$ref": "#/$defs/b"}], "$defs": {"b": {"properties": {"b": {"type": "string"}},
          "required": ["b"]}}})",
      R"({"type": "object", "properties": {"t": {"type": "string"}}, "required": ["t"],
          "oneOf": [{"properties": {"n": {"type": "integer"}}, "required": ["n"]},
          {"properties": {"s": {"type": "string"}}, "required": ["s"]}]})",
      R"({"type": "string", "format": "date-time"})",
  };
  return all;
}

TEST(JsonSchema, RandomWalksAreAlwaysValidJson) {
  Rng rng(3);
  for (const std::string& source : schemas()) {
    const Json schema = Json::parse(source);
    const Grammar grammar = Grammar::from_json_schema(source);
    int ended = 0;
    for (int i = 0; i < 25; ++i) {
      const std::string text = random_walk(grammar, rng, 4 + static_cast<int>(rng.below(40)));
      if (text.empty()) continue;
      ++ended;
      const Json value = Json::parse(text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << source << "\n" << text;
      EXPECT_TRUE(valid(schema, value, schema)) << source << "\n" << text;
    }
    EXPECT_GT(ended, 12) << source;
  }
}

TEST(JsonSchema, TakesWhatModelsWriteAndLeavesWhatIsWrong) {
  const Grammar grammar = Grammar::from_json_schema(schemas()[6]);
  const auto takes = [&](std::string_view text) {
    GrammarState state = begin(grammar);
    return state.advance_bytes(text) && state.complete();
  };
  EXPECT_TRUE(takes(R"({"name": "a\"\u00e9你", "age": -3, "tags": ["x", "y"]})"));
  EXPECT_TRUE(takes(R"({"name":"","tags":["x"]})"));
  EXPECT_TRUE(takes("{\n  \"name\": \"a\",\n  \"tags\": [\n    \"x\"\n  ]\n}"));
  EXPECT_FALSE(takes(R"({"tags": ["x"], "name": "a"})"));              // another order
  EXPECT_FALSE(takes(R"({"name": "a"})"));                             // one is missing
  EXPECT_FALSE(takes(R"({"name": "a", "tags": []})"));                 // too few
  EXPECT_FALSE(takes(R"({"name": "a", "tags": ["1","2","3","4"]})"));  // too many
  EXPECT_FALSE(takes(R"({"name": "a", "tags": ["x"], "more": 1})"));
  EXPECT_FALSE(takes(R"({"name": "a)"));
  EXPECT_FALSE(takes("{\"name\": \"\xff\", \"tags\": [\"x\"]}"));  // not UTF-8
  EXPECT_FALSE(takes(R"({"name": "\ud800", "tags": ["x"]})"));     // half a character
}

TEST(JsonSchema, BoundsOfWholeNumbersAreExact) {
  Rng rng(8);
  for (int round = 0; round < 60; ++round) {
    const std::int64_t low = static_cast<std::int64_t>(rng.below(4000)) - 2000;
    const std::int64_t high = low + static_cast<std::int64_t>(rng.below(1500));
    const Json schema = {{"type", "integer"}, {"minimum", low}, {"maximum", high}};
    const Grammar grammar = Grammar::from_json_schema(schema.dump());
    for (std::int64_t number = low - 30; number <= high + 30;
         number += 1 + static_cast<std::int64_t>(rng.below(9))) {
      GrammarState state = begin(grammar);
      const bool taken = state.advance_bytes(std::to_string(number)) && state.complete();
      ASSERT_EQ(taken, number >= low && number <= high) << low << " " << high << " " << number;
    }
  }
}

// Small texts that stand for endless or for 2^60 parts.
TEST(JsonSchema, PartsThatMultiplyOrNeverEndAreRefused) {
  EXPECT_THROW(
      Grammar::from_json_schema(
          R"({"type":"object","properties":{"c":{"type":"object","allOf":[{"$ref":"#"}]}}})"),
      Error);
  std::string twice = R"({"type":"string"})";
  for (int i = 0; i < 25; ++i) {
    twice = R"({"type":["array","array"],"items":)" + twice + "}";
  }
  EXPECT_THROW(Grammar::from_json_schema(twice), Error);
  std::string chain = R"({"$ref":"#/$defs/d0","$defs":{)";
  for (int i = 0; i < 2000; ++i) {
    chain += "\"d" + std::to_string(i) + R"(":{"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"},";
  }
  EXPECT_THROW(Grammar::from_json_schema(chain + R"("d2000":{"type":"null"}}})"), Error);
}

TEST(JsonSchema, WhatWouldBeIgnoredIsRefused) {
  std::istringstream sources(R"j([
1
false
{"type": "thing"}
{"type": []}
{"type": 5}
{"type": "object", "patternProperties": {}}
{"not": {}}
{"type": "array", "uniqueItems": true}
{"type": "number", "maximum": 5}
{"type": "number", "minimum": 0.5}
{"type": "integer", "minimum": 1.5}
{"type": "integer", "minimum": 2, "maximum": 1}
{"multipleOf": 2}
{"enum": []}
{"enum": 1}
{"anyOf": []}
{"anyOf": 3}
{"$ref": "http://a/b"}
{"$ref": "#/nowhere"}
{"$ref": "#"}
{"$ref": 1}
{"anyOf": [{"$ref": "#"}]}
{"allOf": [{"$ref": "#/allOf/0"}, {}]}
{"type": "string", "pattern": "("}
{"type": "string", "pattern": "(?=a)"}
{"type": "string", "pattern": "[z-a]"}
{"type": "string", "pattern": "a{9999999}"}
{"type": "string", "pattern": "((a{1000}){1000}){1000}"}
{"type": "string", "pattern": "\\1"}
{"type": "string", "pattern": "^[]$"}
{"type": "string", "minLength": 5, "maxLength": 2}
{"type": "string", "maxLength": 100000000}
{"type": "string", "minLength": -1}
{"type": "array", "minItems": 5, "maxItems": 2}
{"type": "object", "required": ["a"], "additionalProperties": false}
{"type": "object", "required": [1]}
{"type": "object", "properties": []}
{"type": "object", "properties": {"a": false}}
{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})j");
  int count = 0;
  for (std::string source; std::getline(sources, source); ++count) {
    EXPECT_THROW(Grammar::from_json_schema(source), Error) << source;
  }
  EXPECT_GT(count, 35);
  EXPECT_THROW(Grammar::from_json_schema(""), Error);
  EXPECT_THROW(Grammar::from_json_schema(std::string(100000, '[')), Error);
}

TEST(Gbnf, ReadsTheNotation) {
  const auto takes = [](const char* source, std::string_view text) {
    GrammarState state = begin(Grammar::from_gbnf(source));
    return state.advance_bytes(text) && state.complete();
  };
  constexpr const char* kSum = R"j(
      # sums of products
      root ::= sum "\n"?
      sum ::= product (("+" | "-") product)*   # left to right
      product ::= value ("*" value)*
      value ::= [0-9]+ | "(" sum ")" | [^\x00-\x7f]{2,3} | "\"" . "\""
  )j";
  EXPECT_TRUE(takes(kSum, "1+22*(3-4)"));
  EXPECT_TRUE(takes(kSum, "éü*\"\xE4\xBD\xA0\"\n"));
  EXPECT_FALSE(takes(kSum, "1+"));
  EXPECT_FALSE(takes(kSum, "é"));
  EXPECT_FALSE(takes(kSum, "(1"));
  EXPECT_TRUE(takes("root ::= \"a\"{2} b\nb ::= \"\" | \"x\"{1,}", "aaxxx"));
  EXPECT_FALSE(takes("root ::= \"a\"{2} b\nb ::= \"\" | \"x\"{1,}", "a"));
  // A loop over what may be empty, and rules that end together.
  EXPECT_TRUE(takes("root ::= (a*)* \"z\"\na ::= \"x\"?", "xxz"));
  EXPECT_TRUE(takes("root ::= \"a\" root | \"b\"", std::string(100000, 'a') + "b"));
}

TEST(Gbnf, MasksAreExactWhereRulesNestAndOverlap) {
  Rng rng(5);
  for (const char* source : {
           "root ::= \"{\" root \"}\" | \"[\" root \"]\" | \"\" | root2 root2\nroot2 ::= [a-z] "
           "root",
           "root ::= (\"ab\" | \"abc\" | \"a\" [bc]* \"x\")+",
           "root ::= a a a\na ::= \"x\"? b?\nb ::= [^x]{0,4} \"n\"",
       }) {
    for (int i = 0; i < 20; ++i) random_walk(Grammar::from_gbnf(source), rng, 20);
  }
}

// What took the square of its length: thousands of rules that lead to each other, in both orders.
TEST(Gbnf, ManyRulesAreNoMoreThanTheirSum) {
  constexpr int kRules = 30'000;
  std::string down = "root ::= r0\n", up = down;
  for (int i = 0; i < kRules; ++i) {
    const std::string name = "r" + std::to_string(i), next = "r" + std::to_string(i + 1);
    down += name + " ::= " + next + "\n";
    up.insert(0, name + " ::= " + (i % 2 == 0 ? "\"\"? " : "") + next + "\n");
  }
  const std::string last = "r" + std::to_string(kRules) + " ::= \"x\"?\n";
  for (const std::string& source : {down + last, last + up}) {
    GrammarState state = begin(Grammar::from_gbnf(source));
    EXPECT_TRUE(state.complete());
    EXPECT_TRUE(state.advance_bytes("x"));
  }
  std::string circle = down;
  circle += "r" + std::to_string(kRules) + " ::= \"x\"? r7 | \"y\"\n";
  EXPECT_THROW(Grammar::from_gbnf(circle), Error);
  std::string nested = "root ::= ";
  for (int i = 0; i < 90; ++i) nested += "(";
  nested += "\"a\"?";
  for (int i = 0; i < 90; ++i) nested += " | \"b\")";
  EXPECT_TRUE(begin(Grammar::from_gbnf(nested)).complete());
}

// Few states, and more to look at in each than there is memory for.
TEST(Gbnf, ManyRangesManyTimesAreRefused) {
  std::string set = "root ::= [";
  for (int i = 0; i < 3000; ++i)
    set += "\\U0001" + std::string(1, "0123456789abcdef"[i / 256 % 16]) +
           std::string(1, "0123456789abcdef"[i / 16 % 16]) + std::string(1, "02468ace"[i % 8]) +
           "0";
  EXPECT_THROW(Grammar::from_gbnf(set + "]{5000}"), Error);
}

// Every letter can be read in ever more ways: an Error instead of all memory and all time, and
// whoever has a matcher of his own sees nothing of it.
TEST(Gbnf, GrammarsMadeToHurtAreEnded) {
  std::string choices = "root ::= (";
  for (int i = 0; i < 5000; ++i) choices += (i > 0 ? "|" : "") + std::string("[a-z] x");
  choices += ")*\nx ::= [a-z]*\n";
  const std::string sources[] = {
      "root ::= a a a a a a a a\na ::= b*\nb ::= [a-z] | c | [a-z] c\n"
      "c ::= [a-z] d? | [a-z] [a-z] b\nd ::= \"x\" b b | [a-z] c \"y\" | b c",
      choices, "root ::= [a-z] root [a-z]? | [a-z] root root | [a-z]"};
  for (const std::string& source : sources) {
    GrammarState state = begin(Grammar::from_gbnf(source));
    const auto go_on = [&] {
      Rng rng(1);
      std::vector<std::uint64_t> bits(state.mask_words());
      for (int i = 0; i < 100'000; ++i) {
        state.mask(bits);
        if (!state.advance_bytes(std::string(1, static_cast<char>('a' + rng.below(26))))) return;
      }
    };
    EXPECT_THROW(go_on(), Error) << source.substr(0, 60);
  }
}

TEST(Gbnf, WhatIsWrongIsRefused) {
  for (const char* source : {"",
                             "root",
                             "root ::=",
                             "root ::= a",
                             "a ::= \"x\"",
                             "root ::= \"a",
                             "root ::= [a",
                             "root ::= (\"a\"",
                             "root ::= root \"a\" | \"b\"",
                             "root ::= a\na ::= b? a \"x\"\nb ::= \"y\"",
                             "root ::= \"a\"{2,1}",
                             "root ::= \"a\"{99999999}",
                             "root ::= \"a\"**?*++*",
                             "root ::= \"\\q\"",
                             "root ::= \"\\xZZ\"",
                             "root ::= \"\\uD800\"",
                             "root ::= [z-a]",
                             "root ::= \"a\" ) ",
                             "root ::= \"a\"\nroot ::= \"b\"",
                             "root ::= \"a\" root",
                             "root ::= (((\"a\"{1000}){1000}){1000})",
                             "root ::= \"a\" %",
                             "root ::= []"}) {
    if (std::string_view(source) == "root ::=") continue;  // an empty text: allowed
    EXPECT_THROW(Grammar::from_gbnf(source), Error) << source;
  }
  EXPECT_THROW(Grammar::from_gbnf("root ::= " + std::string(5000, '(')), Error);
}

TEST(Grammar, ATextThatNeedsTooMuchMemoryEndsInAnError) {
  const Grammar nested = Grammar::from_gbnf("root ::= \"a\" root \"b\" | \"c\"");
  GrammarState state = begin(nested);
  EXPECT_THROW(state.advance_bytes(std::string(1 << 20, 'a')), Error);
  // Another matcher of the same grammar is as good as before.
  state = begin(nested);
  EXPECT_TRUE(state.advance_bytes(std::string(1000, 'a') + "c" + std::string(1000, 'b')));
  EXPECT_TRUE(state.complete());
  // So does one that can be read in exponentially many ways.
  state =
      begin(Grammar::from_gbnf("root ::= [a-z] root | \"\" | [a-z] two\ntwo ::= root root \".\""));
  EXPECT_THROW(state.advance_bytes(std::string(1000, 'a')), Error);
}

TEST(Grammar, ControlPiecesNeverFitAndTheEndFitsAtTheEnd) {
  GrammarState state = begin(Grammar::from_gbnf("root ::= \"<|pad|>\""));
  const Tokenizer& tokenizer = json_tokenizer();
  EXPECT_FALSE(state.advance(tokenizer.id_of("<|pad|>")));
  EXPECT_FALSE(state.advance(tokenizer.spec().eos));
  EXPECT_FALSE(state.advance(-1));
  EXPECT_FALSE(state.advance(tokenizer.size()));
  EXPECT_TRUE(state.advance_bytes("<|pad|>"));
  EXPECT_EQ(fitting(state), std::vector<std::int32_t>{tokenizer.spec().eos});
  EXPECT_TRUE(state.advance(tokenizer.spec().eos));
}

}  // namespace
}  // namespace aisp::text
