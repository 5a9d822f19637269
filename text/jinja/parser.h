// Tokens to a tree of nodes. One struct serves all kinds: a template is small, and the interpreter
// is one switch over them.
// Source: Jinja 3.1's grammar (parser.py): the order of operators is its own, not Python's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace aisp::text::jinja {

enum class NodeKind {
  // Expressions.
  kLiteral,      // value
  kName,         // name
  kList,         // parts
  kTuple,        // parts
  kDict,         // parts: key, value, key, value ...
  kAttribute,    // parts[0].name
  kItem,         // parts[0][parts[1]]
  kSlice,        // parts[0][parts[1]:parts[2]:parts[3]], null where left out
  kCall,         // parts[0](parts[1..], named)
  kFilter,       // parts[0] | name(parts[1..], named)
  kTest,         // parts[0] is name(parts[1..])
  kUnary,        // name: not - +
  kBinary,       // name: + - * / // % ** ~ and or == != < <= > >= in "not in"
  kConditional,  // parts[0] if parts[1] else parts[2] (null: undefined)
  // Statements.
  kText,      // name
  kPrint,     // parts[0]
  kIf,        // parts: conditions; branches: one each, and one more for else
  kFor,       // names in parts[0] if parts[1] (null); branches: body, else
  kSet,       // parts[0..n-2]: names, attributes or items; the last: value
  kSetBlock,  // names[0] = what branches[0] prints
  kMacro,     // name(names = parts or null); branches[0]
  kScope,     // branches[0]: {% generation %}, {% filter name %} with parts[0] over it
  kBreak,
  kContinue,
};

struct Node {
  NodeKind kind;
  int line = 0;
  int depth = 1;
  std::string name;
  Value value;
  std::vector<std::unique_ptr<Node>> parts;
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> named;
  std::vector<std::string> names;
  std::vector<std::vector<std::unique_ptr<Node>>> branches;
};
using NodePtr = std::unique_ptr<Node>;
using Body = std::vector<NodePtr>;

/// Throws Error with the line of what it does not understand.
Body parse(std::string_view source);

}  // namespace aisp::text::jinja
