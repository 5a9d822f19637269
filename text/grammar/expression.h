// A grammar before it is an automaton: rules of expressions over characters.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/grammar/automaton.h"

namespace aisp::text::grammar {

using Ranges = std::vector<std::pair<char32_t, char32_t>>;  // first and last

struct Expression {
  enum class Kind { kText, kSet, kSequence, kChoice, kRepeat, kRule };
  Kind kind = Kind::kSequence;
  std::string text;                // kText
  Ranges ranges;                   // kSet: one character of these
  std::vector<Expression> parts;   // kSequence, kChoice; kRepeat: one
  std::int64_t min = 0, max = -1;  // kRepeat; -1: no limit
  std::int32_t rule = -1;          // kRule
};

Expression text(std::string_view bytes);
Expression set(Ranges ranges);
/// Every character but these.
Expression set_without(Ranges ranges);
Expression sequence(std::vector<Expression> parts);
Expression choice(std::vector<Expression> parts);
Expression repeat(Expression part, std::int64_t min, std::int64_t max);
Expression optional(Expression part);
Expression rule(std::int32_t index);

struct Rules {
  std::vector<Expression> bodies;  // rule 0 is the text

  std::int32_t add(Expression body = {}) {
    bodies.push_back(std::move(body));
    return static_cast<std::int32_t>(bodies.size()) - 1;
  }
};

/// Throws Error: left recursion, nothing that fits, too many states.
std::shared_ptr<const Automaton> compile(const Rules& rules);

/// One that an expression of the commonly used part of ECMAScript's patterns stands for, as the
/// inside of a JSON string. Throws Error for what it does not know.
Expression json_pattern(std::string_view pattern);
/// One character inside of a JSON string, escapes too.
Expression json_character();

[[noreturn]] void fail(const std::string& what, const std::string& where);

}  // namespace aisp::text::grammar
