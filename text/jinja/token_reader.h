// Reads tokens one by one, and expressions; the base of the parser of statements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace aisp::text::jinja {

class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  /// Counts how deep the parser is inside of itself; refuses to go too deep.
  class Nesting {
   public:
    explicit Nesting(TokenReader& reader);
    ~Nesting() { --reader_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    TokenReader& reader_;
  };

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is_sign(std::string_view sign) const {
    return peek().kind == TokenKind::kSign && peek().text == sign;
  }
  bool is_name(std::string_view name) const {
    return peek().kind == TokenKind::kName && peek().text == name;
  }
  bool take_sign(std::string_view sign) { return is_sign(sign) && (next(), true); }
  bool take_name(std::string_view name) { return is_name(name) && (next(), true); }
  void expect_sign(std::string_view sign);
  void expect_name(std::string_view name);
  void expect(TokenKind kind, std::string_view what);
  std::string name();
  /// A name that may be assigned to.
  std::string variable();
  [[noreturn]] void refuse(const std::string& what) const;
  NodePtr make(NodeKind kind) const;
  /// Notes how deep the tree is below a finished node; refuses trees too deep to walk.
  NodePtr done(NodePtr node) const;

  /// a, b, c: a tuple; without a comma the expression itself.
  NodePtr tuple_or_expression(bool with_condition = true);
  NodePtr expression();
  /// | filter ... and is test ... after a value.
  NodePtr filters(NodePtr value, bool with_bar = true);

 private:
  NodePtr binary(std::string operation, NodePtr left, NodePtr right) const;
  NodePtr or_expression();
  NodePtr and_expression();
  NodePtr not_expression();
  NodePtr comparison();
  NodePtr sum();
  NodePtr concatenation();
  NodePtr product();
  NodePtr power();
  NodePtr unary(bool with_filters);
  NodePtr primary();
  NodePtr bracketed();
  NodePtr list();
  NodePtr dict();
  NodePtr postfix(NodePtr value);
  NodePtr subscript(NodePtr value);
  NodePtr filter(NodePtr value);
  NodePtr test(NodePtr value);
  void arguments(Node& call);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace aisp::text::jinja
