// A template's text as tokens: text between tags, and what is inside of tags. Blanks around tags
// are cut here, as Jinja does with trim_blocks and lstrip_blocks, which is how chat templates are
// meant to be read.
// Source: Jinja 3.1, "Whitespace Control"; transformers' chat templates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace aisp::text::jinja {

enum class TokenKind {
  kText,      // outside of tags
  kPrint,     // {{
  kEndPrint,  // }}
  kBlock,     // {%
  kEndBlock,  // %}
  kName,
  kString,
  kNumber,  // in `value`
  kSign,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;  // of names, signs and strings (escapes resolved), and text outside of tags
  Value value;
  int line = 0;
};

/// Throws Error. The last token is kEnd.
std::vector<Token> lex(std::string_view source);

}  // namespace aisp::text::jinja
