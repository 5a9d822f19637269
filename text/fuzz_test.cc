// Seeded mutations of every input that strangers bring: tokenizer files, patterns, templates,
// schemas, grammars and bytes, by the driver of fuzzing.h. What was run is in
// docs/evidence/fuzzing.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/rng.h"
#include "text/chat_template.h"
#include "text/fuzzing.h"
#include "text/grammar.h"
#include "text/json_seeds.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace aisp::text {
namespace {

using fuzz::Fuzzer;

constexpr std::uint64_t kRuns = 300;  // of each kind with the tests

std::string kept(const std::string& name) {
  return AISP_SOURCE_DIR "/text/testdata/fuzz/" + name + ".hex";
}

TEST(Fuzz, TokenizerFiles) {
  const std::vector<std::string> sources = {std::string(seeds::kByteLevel),
                                            std::string(seeds::kSentencePiece),
                                            std::string(seeds::kUnigram)};
  const std::vector<std::string> words = {"null",
                                          "-1",
                                          "99999999999",
                                          "1e999",
                                          "{}",
                                          "[]",
                                          "\"\"",
                                          "[[[[",
                                          "\\u0000",
                                          "\\ud800",
                                          "Ġ",
                                          "▁",
                                          "\"BPE\"",
                                          "\"Unigram\"",
                                          "\"type\":",
                                          "(a+)+$",
                                          "[^",
                                          "\\\\p{Zz}",
                                          "(?R)",
                                          "\\\\K",
                                          "(?=a)",
                                          "true",
                                          "\"id\": 4194304,",
                                          "\"id\": 70000,"};
  const auto mutate = [&](const std::string& json, Rng& rng) {
    return fuzz::mutated_json(json, words, rng);
  };
  Fuzzer("tokenizer", sources, kept("tokenizer"))
      .run(kRuns, mutate, [](const std::string& json, Rng& rng) {
        const Tokenizer tokenizer(tokenizer_from_json(json, seeds::kConfig, "fuzz"));
        std::string text = "ab <eot> a\n\xff é ab";
        while (rng.below(3) > 0)
          text += std::string(tokenizer.piece(
              static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(tokenizer.size())))));
        const auto ids = tokenizer.encode(text, {.parse_special = true});
        tokenizer.decode(ids, {.show_special = true});
      });
}

const std::vector<std::string> kTemplateWords = {"{{",
                                                 "}}",
                                                 "{%",
                                                 "%}",
                                                 "{#",
                                                 "#}",
                                                 "-",
                                                 "|",
                                                 ".",
                                                 "[",
                                                 "]",
                                                 "(",
                                                 ")",
                                                 "'",
                                                 "\"",
                                                 " is ",
                                                 " in ",
                                                 " not ",
                                                 " if ",
                                                 " else ",
                                                 "{% endfor %}",
                                                 "{% endif %}",
                                                 "{% break %}",
                                                 "999999999999",
                                                 "1e308",
                                                 "**",
                                                 "//",
                                                 "~",
                                                 "loop",
                                                 "ns",
                                                 "messages",
                                                 "|list",
                                                 "|tojson",
                                                 "|indent(9)",
                                                 ".split()",
                                                 "*",
                                                 "namespace()",
                                                 "range(99999999)",
                                                 ".items()",
                                                 "[::-1]",
                                                 "|map('upper')",
                                                 "|sort",
                                                 "|join",
                                                 "\xff",
                                                 "\\u",
                                                 "-9223372036854775808",
                                                 "%",
                                                 "|round(400)",
                                                 ".replace('','aa')",
                                                 "is divisibleby 0"};

TEST(Fuzz, Templates) {
  std::vector<std::string> sources = {
      "{% for m in messages %}{{ '<' + m.role + '>' }}{% if loop.last %}{{ m['content']|trim }}"
      "{% else %}{{- m.content.split(' ')[-1] ~ 1 -}}{% endif %}{% endfor %}",
      "{% set ns = namespace(a=[1, 2.5]) %}{% macro f(x, y=2) %}{{ x ** y }}{{ f(x - 1) if x > 0 }}"
      "{% endmacro %}{{ f(3) }}{{ messages | selectattr('role', 'eq', 'user') | map(attribute="
      "'content') | join(',') | replace('a', 'bb') | tojson(indent=2) }}{{ messages[::-1][0] }}",
      "{# c #}{% raw %}{{ }}{% endraw %} {%- set x %}y{% endset -%} {{ {'a': (1,), 'b': "
      "none}.items()"
      "|list|sort|unique|first }}{{ range(9)|reject('odd')|sum }}{% filter upper %}q{% endfilter "
      "%}"};
  for (const auto& published :
       std::filesystem::directory_iterator(AISP_SOURCE_DIR "/text/testdata/templates")) {
    std::ifstream in(published.path());
    sources.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  std::ranges::sort(sources);  // in whatever order the folder gives them
  const nlohmann::ordered_json messages = {{{"role", "user"}, {"content", "a b"}},
                                           {{"role", "assistant"}, {"content", "\xc3\xa9 c"}}};
  const auto mutate = [&](const std::string& source, Rng& rng) {
    return fuzz::mutated_text(source, kTemplateWords, rng);
  };
  Fuzzer("template", sources, kept("template"))
      .run(kRuns, mutate, [&](const std::string& source, Rng&) {
        ChatTemplate(source).render(messages, {.max_output = 1 << 16, .max_steps = 20'000});
      });
}

/// Walks under the mask, and everything that fits must advance.
void walk(const Grammar& grammar, Rng& rng) {
  static const auto tokenizer = [] {
    TokenizerSpec spec;
    spec.byte_level = true;
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      spec.pieces.push_back(to_byte_alphabet(std::string_view(&c, 1)));
    }
    for (const char* piece : {"{\"", "\":", "true", "\",", "ab", "]}", "12", "Ġ\""}) {
      spec.pieces.push_back(piece);
    }
    return Tokenizer(spec);
  }();
  static const auto vocabulary = std::make_shared<const GrammarVocabulary>(tokenizer);
  GrammarState state(std::make_shared<GrammarMatcher>(grammar, vocabulary));
  std::vector<std::uint64_t> bits(vocabulary->mask_words());
  for (int i = 0; i < 12; ++i) {
    state.mask(bits);
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
      if (bits[static_cast<std::size_t>(id) / 64] >> (id % 64) & 1) ids.push_back(id);
    }
    ASSERT_TRUE(!ids.empty() || state.complete());
    if (ids.empty()) return;
    ASSERT_TRUE(state.advance(ids[rng.below(ids.size())]));
  }
}

TEST(Fuzz, Schemas) {
  const std::vector<std::string> sources = {
      R"({"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}, "b": {"type":
          "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1}}, "required": ["b"],
          "additionalProperties": {"type": "number"}, "$defs": {"x": {"anyOf": [{"type": "integer",
          "minimum": -5, "maximum": 123}, {"$ref": "#"}]}}})",
      R"({"allOf": [{"properties": {"k": {"enum": [1, "a", null]}}}, {"required": ["k"]}]})",
      R"({"type": ["string", "null"], "pattern": "^([a-z]+\\d{2,3}|x?)[^\"]*$"})"};
  const std::vector<std::string> words = {"\"$ref\": \"#\",",
                                          "\"type\": \"object\",",
                                          "null",
                                          "true",
                                          "-1",
                                          "1e5",
                                          "99999",
                                          "{}",
                                          "[]",
                                          "\"items\":",
                                          "\"anyOf\":",
                                          "(",
                                          ")",
                                          "*",
                                          "+",
                                          "?",
                                          "{9}",
                                          "|",
                                          "[^",
                                          "\\\\w",
                                          "\\\\",
                                          ".",
                                          "\"minimum\": 7,",
                                          "\"required\": [\"\"],",
                                          "\"pattern\": \"a\",",
                                          "é",
                                          "\"#/$defs/x\""};
  const auto mutate = [&](const std::string& source, Rng& rng) {
    return fuzz::mutated_json(source, words, rng);
  };
  Fuzzer("schema", sources, kept("schema"))
      .run(kRuns, mutate, [](const std::string& source, Rng& rng) {
        walk(Grammar::from_json_schema(source), rng);
      });
}

TEST(Fuzz, Grammars) {
  const std::vector<std::string> sources = {
      "root ::= item (\",\" item)*  # list\nitem ::= [a-z]+ | \"(\" root \")\" | [^\\n\"]{1,3} "
      "\"x\"?\n",
      "root ::= a | b\na ::= \"\\\"\" .* \"\\\"\"\nb ::= (\"1\" | \"12\" | \"3\"){2,} a?\n"};
  const std::vector<std::string> words = {
      "root", "::=", "|", "*",  "+",  "?",     "{",           "}", "{0}", "{,}", "(",  ")", "[",
      "]",    "^",   "-", "\"", "\\", "\\x00", "\\U0010FFFF", "#", "\n",  "a",   "b ", ".", "{99}"};
  const auto mutate = [&](const std::string& source, Rng& rng) {
    return fuzz::mutated_text(source, words, rng);
  };
  Fuzzer("grammar", sources, kept("grammar"))
      .run(kRuns, mutate,
           [](const std::string& source, Rng& rng) { walk(Grammar::from_gbnf(source), rng); });
}

TEST(Fuzz, Bytes) {
  TokenizerSpec spec;
  spec.byte_level = true;
  spec.normal_form = NormalForm::kNfkc;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    spec.pieces.push_back(to_byte_alphabet(std::string_view(&c, 1)));
  }
  spec.patterns = {"\\s+(?!\\S)|\\p{L}+|[^\\s]"};
  const Tokenizer normal(spec);
  spec.normal_form = NormalForm::kNone;
  const Tokenizer exact(spec);
  const std::vector<std::string> seeds = {"a\u0301 é \u4f60\U0001F600", "\xff\xc3(\xe4\xbd",
                                          "plain text  "};
  const std::vector<std::string> words = {
      "\u0300", "\u1100\u1161", "\ufdfa", "\xf4\x90", "\xed\xa0\x80", " ", "\u3000"};
  Fuzzer("bytes", seeds, kept("bytes"))
      .run(
          kRuns,
          [&](const std::string& bytes, Rng& rng) { return fuzz::mutated_text(bytes, words, rng); },
          [&](const std::string& bytes, Rng&) {
            EXPECT_EQ(exact.decode(exact.encode(bytes)), bytes);
            const std::string once = normal.decode(normal.encode(bytes));
            EXPECT_EQ(normal.decode(normal.encode(once)), once);
            StreamDecoder stream(exact);
            std::string shown;
            for (std::int32_t id : exact.encode(bytes)) shown += stream.add(id);
            EXPECT_EQ(shown + stream.finish(), whole_characters(bytes));
            EXPECT_EQ(whole_characters(shown), shown);
          },
          false);
}

}  // namespace
}  // namespace aisp::text
