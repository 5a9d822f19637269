// Templates in the style of the published ones, and expressions, against what Jinja2 made of them
// (testdata/expected.jsonl, written by testdata/record_templates.py); and the limits.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace aisp::text {
namespace {

using Json = nlohmann::ordered_json;

const std::filesystem::path kData = std::filesystem::path(AISP_SOURCE_DIR) / "text/testdata";

std::string file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string render(const std::string& source, const Json& messages = Json::array(),
                   ChatOptions options = {}) {
  return ChatTemplate(source).render(messages, options);
}

TEST(ChatTemplate, RendersAsJinjaDoes) {
  std::istringstream cases(file(kData / "expected.jsonl"));
  int rendered = 0, refused = 0;
  Json conversation;
  for (std::string line; std::getline(cases, line);) {
    const Json expected = Json::parse(line);
    const bool from_file = expected.contains("template");
    const std::string source =
        from_file ? file(kData / "templates" / expected["template"].get<std::string>())
                  : expected["source"].get<std::string>();
    ChatOptions options{.bos_token = "<s>", .eos_token = "</s>", .now = 1753000000};
    options.add_generation_prompt = true;
    if (from_file) {
      options.tools = expected["tools"];
      options.extra = expected["extra"];
      // The conversation with tools serves the expressions, which come last.
      if (expected["messages"].size() == 5) conversation = expected;
    } else {
      options.tools = conversation["tools"];
    }
    const Json& messages = from_file ? expected["messages"] : conversation["messages"];
    if (expected.contains("text")) {
      ++rendered;
      try {
        EXPECT_EQ(render(source, messages, options), expected["text"].get<std::string>()) << source;
      } catch (const Error& error) {
        ADD_FAILURE() << error.what() << " in " << source;
      }
    } else {
      ++refused;
      EXPECT_THROW(render(source, messages, options), Error) << source;
    }
  }
  EXPECT_GT(rendered, 150);
  EXPECT_GT(refused, 20);
}

TEST(ChatTemplate, SaysWhereAndWhatTheTemplateRefused) {
  try {
    render("a\n{% if true %}\n{{ 1 + }}{% endif %}");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("line 3"), std::string::npos) << error.what();
  }
  try {
    render("{{ raise_exception('roles must alternate') }}");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "roles must alternate");
  }
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(ChatTemplate, HostileTemplatesEndInAnError) {
  for (const std::string& source : {
           std::string("{% for i in range(1000000000) %}{% endfor %}"),
           std::string("{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}"
                       "{% endfor %}"),
           std::string("{{ 'x' * 100000000000 }}"),
           std::string("{{ [[]] * 9223372036854775807 }}"),
           std::string("{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}"
                       "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}"),
           std::string("{% set ns = namespace(l=[1, 2]) %}{% for i in range(60) %}"
                       "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}"),
           std::string("{% set ns = namespace(l=[1, 2]) %}{% for i in range(60) %}"
                       "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l }}"),
           std::string("{% set ns = namespace(l=[]) %}{% for i in range(100000) %}"
                       "{% set ns.l = [ns.l] %}{% endfor %}"),
           std::string("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}"),
           std::string("{% set ns = namespace() %}{{ [ns] }}"),
           std::string("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
           std::string("{{ 9223372036854775807 + 1 }}"),
           std::string("{{ -9223372036854775807 - 2 }}"),
           std::string("{{ 10 ** 100 }}"),
           std::string("{{ 1 // 0 }}"),
           std::string("{{ 99999999999999999999 }}"),
           std::string("{{ strftime_now(" + repeated("'%c'", 1000) + ") }}"),
           std::string("{{ messages.append(1) }}"),
           "{{ " + repeated("(", 100000) + " }}",
           "{{ " + repeated("-", 100000) + "1 }}",
           "{{ " + repeated("not ", 100000) + "1 }}",
           "{{ 1" + repeated("+1", 50000) + " }}",
           "{{ a" + repeated(".a", 50000) + " }}",
           "{{ a" + repeated("|list", 40000) + " }}",
           repeated("{% if 1 %}", 20000),
           repeated("{% for i in [1] %}", 10000),
           std::string(300 << 10, 'x'),
       }) {
    EXPECT_THROW(render(source, Json::array(), {.max_output = 1 << 20, .max_steps = 1'000'000}),
                 Error)
        << source.substr(0, 80);
  }
  Json deep = Json::array();
  for (int i = 0; i < 1000; ++i) deep = Json::array({std::move(deep)});
  EXPECT_THROW(render("{{ messages }}", deep), Error);
}

TEST(ChatTemplate, LimitsAreTheCallers) {
  EXPECT_THROW(render("{{ 'abc' }}", {}, {.max_output = 2}), Error);
  EXPECT_EQ(render("{{ 'abc' }}", {}, {.max_output = 3}), "abc");
  EXPECT_THROW(render("{% for i in range(50) %}x{% endfor %}", {}, {.max_steps = 40}), Error);
}

}  // namespace
}  // namespace aisp::text
