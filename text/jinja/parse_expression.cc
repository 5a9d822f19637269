// Expressions, each level of Jinja's order of operators a function. See parser.h.
#include "text/jinja/token_reader.h"

namespace aisp::text::jinja {
namespace {

// The deepest published template nests a dozen brackets and 30 operators in a row.
constexpr int kMaxNesting = 100, kMaxTreeDepth = 400;

bool is_reserved(std::string_view name) {
  for (std::string_view word : {"not", "and", "or", "if", "else", "in", "is", "elif", "true",
                                "false", "none", "True", "False", "None"}) {
    if (name == word) return true;
  }
  return false;
}

}  // namespace

TokenReader::Nesting::Nesting(TokenReader& reader) : reader_(reader) {
  if (++reader_.nesting_ > kMaxNesting) {
    --reader_.nesting_;
    reader_.refuse("the template nests deeper than " + std::to_string(kMaxNesting));
  }
}

void TokenReader::refuse(const std::string& what) const {
  fail(what + " in line " + std::to_string(peek().line));
}
void TokenReader::expect_sign(std::string_view sign) {
  if (!take_sign(sign)) refuse("'" + std::string(sign) + "' is missing");
}
void TokenReader::expect_name(std::string_view name) {
  if (!take_name(name)) refuse("'" + std::string(name) + "' is missing");
}
void TokenReader::expect(TokenKind kind, std::string_view what) {
  if (next().kind != kind) refuse("'" + std::string(what) + "' is missing");
}
std::string TokenReader::name() {
  if (peek().kind != TokenKind::kName) refuse("a name is missing");
  return next().text;
}
std::string TokenReader::variable() {
  if (peek().kind == TokenKind::kName && is_reserved(peek().text)) {
    refuse("'" + peek().text + "' cannot be a variable");
  }
  return name();
}

NodePtr TokenReader::make(NodeKind kind) const {
  NodePtr node = std::make_unique<Node>();
  node->kind = kind;
  node->line = peek().line;
  return node;
}

NodePtr TokenReader::done(NodePtr node) const {
  for (const NodePtr& part : node->parts) {
    if (part) node->depth = std::max(node->depth, part->depth + 1);
  }
  for (const auto& [name, part] : node->named) node->depth = std::max(node->depth, part->depth + 1);
  if (node->depth > kMaxTreeDepth) refuse("an expression is too long");
  return node;
}

NodePtr TokenReader::binary(std::string operation, NodePtr left, NodePtr right) const {
  NodePtr node = make(NodeKind::kBinary);
  node->name = std::move(operation);
  node->parts.push_back(std::move(left));
  node->parts.push_back(std::move(right));
  return done(std::move(node));
}

NodePtr TokenReader::tuple_or_expression(bool with_condition) {
  NodePtr first = with_condition ? expression() : or_expression();
  if (!is_sign(",")) return first;
  NodePtr tuple = make(NodeKind::kTuple);
  tuple->parts.push_back(std::move(first));
  while (take_sign(",")) {
    const TokenKind kind = peek().kind;
    if (kind == TokenKind::kEndBlock || kind == TokenKind::kEndPrint || is_sign(")")) break;
    tuple->parts.push_back(with_condition ? expression() : or_expression());
  }
  return done(std::move(tuple));
}

NodePtr TokenReader::expression() {
  const Nesting nesting(*this);
  NodePtr value = or_expression();
  while (take_name("if")) {
    NodePtr node = make(NodeKind::kConditional);
    node->parts.push_back(std::move(value));
    node->parts.push_back(or_expression());
    node->parts.push_back(take_name("else") ? expression() : nullptr);
    value = done(std::move(node));
  }
  return value;
}

NodePtr TokenReader::or_expression() {
  NodePtr left = and_expression();
  while (take_name("or")) left = binary("or", std::move(left), and_expression());
  return left;
}

NodePtr TokenReader::and_expression() {
  NodePtr left = not_expression();
  while (take_name("and")) left = binary("and", std::move(left), not_expression());
  return left;
}

NodePtr TokenReader::not_expression() {
  if (!take_name("not")) return comparison();
  const Nesting nesting(*this);
  NodePtr node = make(NodeKind::kUnary);
  node->name = "not";
  node->parts.push_back(not_expression());
  return done(std::move(node));
}

NodePtr TokenReader::comparison() {
  // a < b < c is (a < b) and (b < c), and b is computed once: only the plain form is known here.
  NodePtr left = sum();
  bool compared = false;
  for (;;) {
    std::string operation;
    for (std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (is_sign(sign)) operation = sign;
    }
    if (is_name("in")) operation = "in";
    if (is_name("not") && peek(1).kind == TokenKind::kName && peek(1).text == "in") {
      next();
      operation = "not in";
    }
    if (operation.empty()) return left;
    if (compared) refuse("comparisons in a row are not known");
    next();
    left = binary(operation, std::move(left), sum());
    compared = true;
  }
}

NodePtr TokenReader::sum() {
  NodePtr left = concatenation();
  while (is_sign("+") || is_sign("-")) {
    const std::string operation = next().text;
    left = binary(operation, std::move(left), concatenation());
  }
  return left;
}

NodePtr TokenReader::concatenation() {
  NodePtr left = product();
  while (take_sign("~")) left = binary("~", std::move(left), product());
  return left;
}

NodePtr TokenReader::product() {
  NodePtr left = power();
  while (is_sign("*") || is_sign("/") || is_sign("//") || is_sign("%")) {
    const std::string operation = next().text;
    left = binary(operation, std::move(left), power());
  }
  return left;
}

NodePtr TokenReader::power() {
  NodePtr left = unary(true);
  while (take_sign("**")) left = binary("**", std::move(left), unary(true));
  return left;
}

NodePtr TokenReader::unary(bool with_filters) {
  const Nesting nesting(*this);
  NodePtr value;
  if (is_sign("-") || is_sign("+")) {
    value = make(NodeKind::kUnary);
    value->name = next().text;
    value->parts.push_back(unary(false));
    value = done(std::move(value));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters(std::move(value)) : std::move(value);
}

NodePtr TokenReader::primary() {
  const Token& token = peek();
  NodePtr node = make(NodeKind::kLiteral);
  if (token.kind == TokenKind::kName) {
    const std::string word = next().text;
    if (word == "true" || word == "True" || word == "false" || word == "False") {
      node->value = Value(word == "true" || word == "True");
    } else if (word != "none" && word != "None") {
      if (is_reserved(word)) refuse("'" + word + "' is not expected");
      node->kind = NodeKind::kName;
      node->name = word;
    }
    return node;
  }
  if (token.kind == TokenKind::kString) {
    std::string text;
    while (peek().kind == TokenKind::kString) text += next().text;
    node->value = Value(std::move(text));
    return node;
  }
  if (token.kind == TokenKind::kNumber) {
    node->value = next().value;
    return node;
  }
  if (is_sign("(")) return bracketed();
  if (is_sign("[")) return list();
  if (is_sign("{")) return dict();
  refuse(token.text.empty() ? "an expression is missing" : "'" + token.text + "' is not expected");
}

NodePtr TokenReader::bracketed() {
  expect_sign("(");
  if (take_sign(")")) return make(NodeKind::kTuple);
  NodePtr value = tuple_or_expression();
  expect_sign(")");
  return value;
}

NodePtr TokenReader::list() {
  NodePtr node = make(NodeKind::kList);
  expect_sign("[");
  while (!take_sign("]")) {
    node->parts.push_back(expression());
    if (!is_sign("]")) expect_sign(",");
  }
  return done(std::move(node));
}

NodePtr TokenReader::dict() {
  NodePtr node = make(NodeKind::kDict);
  expect_sign("{");
  while (!take_sign("}")) {
    node->parts.push_back(expression());
    expect_sign(":");
    node->parts.push_back(expression());
    if (!is_sign("}")) expect_sign(",");
  }
  return done(std::move(node));
}

NodePtr TokenReader::postfix(NodePtr value) {
  for (;;) {
    if (take_sign(".")) {
      NodePtr node = make(NodeKind::kAttribute);
      if (peek().kind == TokenKind::kNumber && peek().value.is_int()) {  // foo.0
        node->kind = NodeKind::kItem;
        NodePtr index = make(NodeKind::kLiteral);
        index->value = next().value;
        node->parts.push_back(std::move(value));
        node->parts.push_back(std::move(index));
      } else {
        node->name = name();
        node->parts.push_back(std::move(value));
      }
      value = done(std::move(node));
    } else if (is_sign("[")) {
      value = subscript(std::move(value));
    } else if (is_sign("(")) {
      NodePtr node = make(NodeKind::kCall);
      node->parts.push_back(std::move(value));
      arguments(*node);
      value = done(std::move(node));
    } else {
      return value;
    }
  }
}

NodePtr TokenReader::subscript(NodePtr value) {
  NodePtr node = make(NodeKind::kItem);
  expect_sign("[");
  node->parts.push_back(std::move(value));
  const auto bound = [&]() -> NodePtr {
    return is_sign(":") || is_sign("]") ? nullptr : tuple_or_expression();
  };
  node->parts.push_back(bound());
  if (is_sign(":")) node->kind = NodeKind::kSlice;
  while (take_sign(":")) node->parts.push_back(bound());
  expect_sign("]");
  if (node->kind == NodeKind::kItem && !node->parts[1]) refuse("an index is missing");
  if (node->parts.size() > 4) refuse("a slice has too many parts");
  return done(std::move(node));
}

void TokenReader::arguments(Node& call) {
  expect_sign("(");
  while (!take_sign(")")) {
    if (is_sign("*") || is_sign("**")) refuse("'*' before an argument is not known");
    if (peek().kind == TokenKind::kName && peek(1).kind == TokenKind::kSign &&
        peek(1).text == "=") {
      const std::string argument = name();
      next();
      call.named.emplace_back(argument, expression());
    } else {
      if (!call.named.empty()) refuse("an argument without a name follows one with a name");
      call.parts.push_back(expression());
    }
    if (!is_sign(")")) expect_sign(",");
  }
}

NodePtr TokenReader::filters(NodePtr value, bool with_bar) {
  if (!with_bar) value = filter(std::move(value));
  for (;;) {
    if (take_sign("|")) {
      value = filter(std::move(value));
    } else if (take_name("is")) {
      value = test(std::move(value));
    } else if (is_sign("(")) {
      NodePtr node = make(NodeKind::kCall);
      node->parts.push_back(std::move(value));
      arguments(*node);
      value = done(std::move(node));
    } else {
      return value;
    }
  }
}

NodePtr TokenReader::filter(NodePtr value) {
  NodePtr node = make(NodeKind::kFilter);
  node->name = name();
  node->parts.push_back(std::move(value));
  if (is_sign("(")) arguments(*node);
  return done(std::move(node));
}

NodePtr TokenReader::test(NodePtr value) {
  const bool negated = take_name("not");
  NodePtr node = make(NodeKind::kTest);
  node->name = name();
  node->parts.push_back(std::move(value));
  const Token& token = peek();
  const bool has_operand =
      token.kind == TokenKind::kString || token.kind == TokenKind::kNumber || is_sign("[") ||
      is_sign("{") ||
      (token.kind == TokenKind::kName &&
       (!is_reserved(token.text) || token.text == "true" || token.text == "false" ||
        token.text == "none" || token.text == "True" || token.text == "False" ||
        token.text == "None"));
  if (is_sign("(")) {
    arguments(*node);
  } else if (has_operand) {
    node->parts.push_back(postfix(primary()));
  }
  node = done(std::move(node));
  if (!negated) return node;
  NodePtr inverse = make(NodeKind::kUnary);
  inverse->name = "not";
  inverse->parts.push_back(std::move(node));
  return done(std::move(inverse));
}

}  // namespace aisp::text::jinja
