// Statements; expressions are in parse_expression.cc. See parser.h.
#include "text/jinja/parser.h"

#include "text/jinja/token_reader.h"

namespace aisp::text::jinja {
namespace {

class Parser : public TokenReader {
 public:
  using TokenReader::TokenReader;

  Body body(std::initializer_list<std::string_view> ends) {
    Body out;
    const Nesting nesting(*this);
    for (;;) {
      const Token& token = peek();
      if (token.kind == TokenKind::kEnd) {
        if (ends.size() > 0) refuse("'" + std::string(*std::prev(ends.end())) + "' is missing");
        return out;
      }
      if (token.kind == TokenKind::kText) {
        out.push_back(make(NodeKind::kText));
        out.back()->name = next().text;
      } else if (token.kind == TokenKind::kPrint) {
        next();
        NodePtr print = make(NodeKind::kPrint);
        print->parts.push_back(tuple_or_expression());
        expect(TokenKind::kEndPrint, "}}");
        out.push_back(std::move(print));
      } else {
        expect(TokenKind::kBlock, "{%");
        for (std::string_view end : ends) {
          if (is_name(end)) return out;
        }
        if (NodePtr node = statement()) out.push_back(std::move(node));
      }
    }
  }

 private:
  void end_block() { expect(TokenKind::kEndBlock, "%}"); }
  void end_block(std::string_view name) {
    expect_name(name);
    end_block();
  }

  NodePtr statement() {
    const std::string keyword = name();
    if (keyword == "if") return if_statement();
    if (keyword == "for") return for_statement();
    if (keyword == "set") return set_statement();
    if (keyword == "macro") return macro_statement();
    if (keyword == "generation") return scope("endgeneration");
    if (keyword == "filter") return filter_statement();
    if (keyword == "break" || keyword == "continue") {
      if (loops_ == 0) refuse("'" + keyword + "' is outside of a loop");
      NodePtr node = make(keyword == "break" ? NodeKind::kBreak : NodeKind::kContinue);
      end_block();
      return node;
    }
    refuse("the statement '" + keyword + "' is not known");
  }

  NodePtr scope(std::string_view end) {
    NodePtr node = make(NodeKind::kScope);
    end_block();
    node->branches.push_back(body({end}));
    end_block(end);
    return node;
  }

  NodePtr filter_statement() {
    NodePtr node = make(NodeKind::kScope);
    // What the body prints comes in as this literal.
    NodePtr input = make(NodeKind::kName);
    input->name = " printed";
    node->parts.push_back(filters(std::move(input), false));
    end_block();
    node->branches.push_back(body({"endfilter"}));
    end_block("endfilter");
    return node;
  }

  NodePtr if_statement() {
    NodePtr node = make(NodeKind::kIf);
    for (;;) {
      node->parts.push_back(tuple_or_expression());
      end_block();
      node->branches.push_back(body({"elif", "else", "endif"}));
      const std::string keyword = name();
      if (keyword == "elif") continue;
      if (keyword == "else") {
        end_block();
        node->branches.push_back(body({"endif"}));
        name();
      }
      end_block();
      return node;
    }
  }

  NodePtr for_statement() {
    NodePtr node = make(NodeKind::kFor);
    const bool bracket = take_sign("(");
    do {
      if (is_name("in") || is_sign(")")) break;
      node->names.push_back(variable());
    } while (take_sign(","));
    if (bracket) expect_sign(")");
    expect_name("in");
    node->parts.push_back(tuple_or_expression(false));
    node->parts.push_back(take_name("if") ? expression() : nullptr);
    if (is_name("recursive")) refuse("recursive loops are not known");
    end_block();
    ++loops_;
    node->branches.push_back(body({"else", "endfor"}));
    --loops_;
    if (take_name("else")) {
      end_block();
      node->branches.push_back(body({"endfor"}));
    }
    end_block("endfor");
    return node;
  }

  NodePtr set_statement() {
    NodePtr node = make(NodeKind::kSet);
    do {
      if (is_sign("=")) break;
      NodePtr target = make(NodeKind::kName);
      target->name = variable();
      if (take_sign(".")) {
        NodePtr attribute = make(NodeKind::kAttribute);
        attribute->name = name();
        attribute->parts.push_back(std::move(target));
        target = std::move(attribute);
      }
      node->parts.push_back(std::move(target));
    } while (take_sign(","));
    if (take_sign("=")) {
      node->parts.push_back(tuple_or_expression());
      end_block();
      return node;
    }
    if (node->parts.size() != 1 || node->parts[0]->kind != NodeKind::kName) {
      refuse("'=' is missing after 'set'");
    }
    node->kind = NodeKind::kSetBlock;
    node->names.push_back(node->parts[0]->name);
    node->parts.clear();
    end_block();
    node->branches.push_back(body({"endset"}));
    end_block("endset");
    return node;
  }

  NodePtr macro_statement() {
    NodePtr node = make(NodeKind::kMacro);
    node->name = variable();
    expect_sign("(");
    while (!take_sign(")")) {
      node->names.push_back(variable());
      node->parts.push_back(take_sign("=") ? expression() : nullptr);
      if (!is_sign(")")) expect_sign(",");
    }
    end_block();
    const int loops = std::exchange(loops_, 0);
    node->branches.push_back(body({"endmacro"}));
    loops_ = loops;
    end_block("endmacro");
    return node;
  }

  int loops_ = 0;
};

}  // namespace

Body parse(std::string_view source) {
  Parser parser(lex(source));
  return parser.body({});
}

}  // namespace aisp::text::jinja
