// Runs a parsed template. Everything costs steps: nodes, loop passes, bytes of text made; a
// template that needs more than its share is an Error, and so are a long output and deep calls.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/parser.h"
#include "text/jinja/value.h"

namespace aisp::text::jinja {

struct Limits {
  std::size_t output_bytes = std::size_t{64} << 20;
  std::size_t steps = 20'000'000;  // about a second of statements; comparing long lists counts less
};

/// Arguments of a call, by place and by name.
struct Arguments {
  std::vector<Value> places;
  std::vector<std::pair<std::string, Value>> named;

  /// The argument of this place or name; nullptr when it was left out.
  const Value* find(std::size_t place, std::string_view name) const;
  Value get(std::size_t place, std::string_view name, Value fallback) const;
};

class Interpreter {
 public:
  Interpreter(const Limits& limits, std::int64_t now) : limits_(limits), now_(now) {
    scopes_.emplace_back();
  }

  void define(const std::string& name, Value value) { scopes_.front().values[name] = value; }
  std::string run(const Body& body);

 private:
  struct Scope {
    std::unordered_map<std::string, Value> values;
    Scope* outer = nullptr;
  };
  enum class Flow { kOn, kBreak, kContinue };
  class ScopeGuard;
  class DepthGuard;

  // interpreter.cc: statements.
  Flow body(const Body& nodes);
  Flow statement(const Node& node);
  Flow loop(const Node& node);
  void assign(const Node& target, const Value& value);
  void assign_names(const std::vector<std::string>& names, const Value& value);
  std::string captured(const Body& nodes);
  void write(std::string_view text);

  // evaluate.cc: expressions.
  Value evaluate(const Node& node);
  Value evaluate_parts(const Node& node);
  Value look_up(const std::string& name) const;
  Value attribute(const Value& of, const std::string& name, bool item_first);
  Value item(const Value& of, const Value& index);
  Value slice(const Value& of, const Node& node);
  Value unary(const Node& node);
  Value binary(const Node& node);
  Value arithmetic(const std::string& operation, const Value& a, const Value& b);
  Value whole_arithmetic(const std::string& operation, std::int64_t a, std::int64_t b);
  Value repeated(const Value& value, std::int64_t times);
  bool contains(const Value& in, const Value& value);
  Arguments arguments(const Node& node);
  Value call(const Node& node);
  Value call_macro(const Node& macro, const Arguments& args);

  // functions.cc: functions and methods. filters.cc: filters and tests.
  Value call_function(const std::string& name, const Arguments& args);
  Value call_method(const Value& self, const std::string& name, const Arguments& args);
  Value call_text_method(const std::string& self, const std::string& name, const Arguments& args);
  Value filter(const std::string& name, const Value& input, const Arguments& args);
  Value text_filter(const std::string& name, const Value& input, const Arguments& args,
                    bool& known);
  Value list_filter(const std::string& name, const Value& input, const Arguments& args,
                    bool& known);
  Value selected(const std::string& name, const Value& input, const Arguments& args);
  Value mapped(const Value& input, const Arguments& args);
  Value sorted(const Value& input, const Arguments& args);
  bool test(const std::string& name, const Value& input, const Arguments& args);
  Value path(const Value& of, const std::string& attributes);
  /// What a loop goes over: items, characters, keys.
  List items_of(const Value& value);

  /// Takes steps; Error when none are left.
  void charge(std::size_t steps);
  /// A text made by the template.
  Value made(std::string text);
  std::string text_of(const Value& value) const { return printed(value, limits_.output_bytes); }

  Limits limits_;
  std::int64_t now_;
  std::size_t steps_ = 0;
  int calls_ = 0, depth_ = 0;
  std::deque<Scope> scopes_;  // front: the template's own
  Scope* scope_ = nullptr;
  std::string* out_ = nullptr;
};

/// Counts nodes inside of each other while they are evaluated; the stack has room for 1000.
class Interpreter::DepthGuard {
 public:
  explicit DepthGuard(Interpreter& in) : in_(in) {
    if (++in_.depth_ <= 1000) return;
    --in_.depth_;
    fail("the template nests or calls too deep");
  }
  ~DepthGuard() { --in_.depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Interpreter& in_;
};

/// The names of methods of a type; used to find them as attributes.
bool has_method(const Value& value, std::string_view name);
bool is_function(std::string_view name);

}  // namespace aisp::text::jinja
