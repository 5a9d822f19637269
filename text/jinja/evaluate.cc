// Expressions. See interpreter.h.
#include <algorithm>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

[[noreturn]] void fail_operands(const std::string& operation, const Value& a, const Value& b) {
  const Value& undefined = a.is_undefined() ? a : b;
  if (undefined.is_undefined()) fail("'" + undefined.undefined_name() + "' is undefined");
  fail("'" + operation + "' does not work on '" + a.type_name() + "' and '" + b.type_name() + "'");
}

}  // namespace

Value Interpreter::evaluate(const Node& node) {
  charge(1);
  const DepthGuard depth(*this);
  switch (node.kind) {
    case NodeKind::kLiteral:
      return node.value;
    case NodeKind::kName:
      return look_up(node.name);
    case NodeKind::kList:
    case NodeKind::kTuple:
    case NodeKind::kDict:
      return evaluate_parts(node);
    case NodeKind::kAttribute:
      return attribute(evaluate(*node.parts[0]), node.name, false);
    case NodeKind::kItem:
      return item(evaluate(*node.parts[0]), evaluate(*node.parts[1]));
    case NodeKind::kSlice:
      return slice(evaluate(*node.parts[0]), node);
    case NodeKind::kCall:
      return call(node);
    case NodeKind::kFilter: {
      const Value input = evaluate(*node.parts[0]);
      return filter(node.name, input, arguments(node));
    }
    case NodeKind::kTest: {
      const Value input = evaluate(*node.parts[0]);
      return Value(test(node.name, input, arguments(node)));
    }
    case NodeKind::kUnary:
      return unary(node);
    case NodeKind::kBinary:
      return binary(node);
    case NodeKind::kConditional:
      if (evaluate(*node.parts[1]).truthy()) return evaluate(*node.parts[0]);
      return node.parts[2] ? evaluate(*node.parts[2]) : Value::undefined("the other case");
    default:
      fail("a statement stands where an expression should");
  }
}

Value Interpreter::evaluate_parts(const Node& node) {
  if (node.kind == NodeKind::kDict) {
    Dict dict;
    for (std::size_t i = 0; i + 1 < node.parts.size(); i += 2) {
      charge(1 + dict.entries.size() / 8);
      const Value key = evaluate(*node.parts[i]);
      dict.set(key, evaluate(*node.parts[i + 1]));
    }
    return Value(std::move(dict));
  }
  List list;
  for (const NodePtr& part : node.parts) list.push_back(evaluate(*part));
  return node.kind == NodeKind::kTuple ? Value::tuple(std::move(list)) : Value(std::move(list));
}

Value Interpreter::look_up(const std::string& name) const {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    const auto found = scope->values.find(name);
    if (found != scope->values.end()) return found->second;
  }
  if (is_function(name)) return Value(Callable{name, {}, nullptr, false});
  return Value::undefined(name);
}

/// Python's order: what a type has itself comes before the keys of a dict.
Value Interpreter::attribute(const Value& of, const std::string& name, bool item_first) {
  if (of.is_undefined()) fail("'" + of.undefined_name() + "' is undefined");
  const Value* found = nullptr;
  if (of.is_dict()) {
    charge(of.dict().entries.size() / 16);
    found = of.dict().find(name);
  }
  const bool own_first = !of.is_namespace() && !item_first;
  if (found != nullptr && !(own_first && has_method(of, name))) return *found;
  if (!item_first && has_method(of, name)) return Value(Callable{name, of, nullptr, true});
  return Value::undefined(name);
}

Value Interpreter::item(const Value& of, const Value& index) {
  if (of.is_undefined()) fail("'" + of.undefined_name() + "' is undefined");
  if (of.is_dict()) {
    if (index.is_list() || index.is_dict()) fail("a key is no text or number");
    charge(of.dict().entries.size() / 16);
    const Value* found = of.dict().at(index);
    if (found != nullptr) return *found;
    return index.is_string() ? attribute(of, index.text(), true) : Value::undefined("item");
  }
  if (index.is_int() || index.is_bool()) {
    const std::int64_t at = index.integer();
    if (of.is_list()) {
      const std::int64_t size = static_cast<std::int64_t>(of.list().size());
      const std::int64_t place = at < 0 ? at + size : at;
      if (place >= 0 && place < size) return of.list()[static_cast<std::size_t>(place)];
      return Value::undefined("item " + std::to_string(at));
    }
    if (of.is_string()) {
      const List characters = items_of(of);
      return item(Value(characters), index);
    }
  }
  return Value::undefined("item");
}

Value Interpreter::slice(const Value& of, const Node& node) {
  if (!of.is_list() && !of.is_string()) {
    if (of.is_undefined()) fail("'" + of.undefined_name() + "' is undefined");
    fail(std::string("a value of type '") + of.type_name() + "' cannot be sliced");
  }
  const List items = items_of(of);
  const std::int64_t size = static_cast<std::int64_t>(items.size());
  const auto bound = [&](std::size_t part, std::int64_t fallback) {
    if (part >= node.parts.size() || !node.parts[part]) return fallback;
    const Value value = evaluate(*node.parts[part]);
    if (value.is_none()) return fallback;
    if (!value.is_int() && !value.is_bool()) fail("the bound of a slice is no whole number");
    return value.integer();
  };
  const std::int64_t step = bound(3, 1);
  if (step == 0 || step == INT64_MIN) fail("the step of a slice cannot be that");
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto placed = [&](std::size_t part, std::int64_t fallback) {
    std::int64_t at = bound(part, INT64_MIN);
    if (at == INT64_MIN) return fallback;
    if (at < 0) at += size;
    return std::clamp(at, low, high);
  };
  const std::int64_t begin = placed(1, step > 0 ? low : high);
  const std::int64_t end = placed(2, step > 0 ? high : low);
  List out;
  // Not past the ends: a large step must not overflow.
  for (std::int64_t i = begin; step > 0 ? i < end : i > end;) {
    out.push_back(items[static_cast<std::size_t>(i)]);
    if (step > 0 ? step > end - i : step < end - i) break;
    i += step;
  }
  if (of.is_list()) return of.is_tuple() ? Value::tuple(std::move(out)) : Value(std::move(out));
  std::string text;
  for (const Value& character : out) text += character.text();
  return made(std::move(text));
}

Value Interpreter::unary(const Node& node) {
  const Value value = evaluate(*node.parts[0]);
  if (node.name == "not") return Value(!value.truthy());
  if (!value.is_number()) fail_operands(node.name, value, value);
  if (value.is_float()) return Value(node.name == "-" ? -value.number() : value.number());
  return whole_arithmetic(node.name, 0, value.integer());
}

Value Interpreter::binary(const Node& node) {
  const std::string& operation = node.name;
  const Value a = evaluate(*node.parts[0]);
  if (operation == "and") return a.truthy() ? evaluate(*node.parts[1]) : a;
  if (operation == "or") return a.truthy() ? a : evaluate(*node.parts[1]);
  const Value b = evaluate(*node.parts[1]);
  if (operation == "==") return Value(equal(a, b));
  if (operation == "!=") return Value(!equal(a, b));
  if (operation == "in") return Value(contains(b, a));
  if (operation == "not in") return Value(!contains(b, a));
  if (operation == "~") return made(text_of(a) + text_of(b));
  if (a.is_undefined() || b.is_undefined()) fail_operands(operation, a, b);
  if (operation == "<") return Value(less(a, b));
  if (operation == ">") return Value(less(b, a));
  if (operation == "<=") return Value(less(a, b) || equal(a, b));
  if (operation == ">=") return Value(less(b, a) || equal(a, b));
  return arithmetic(operation, a, b);
}

bool Interpreter::contains(const Value& in, const Value& value) {
  if (in.is_string()) {
    if (!value.is_string()) fail_operands("in", value, in);
    charge(1 + in.text().size() / 16);
    return in.text().find(value.text()) != std::string::npos;
  }
  if (in.is_list()) {
    charge(in.list().size());
    for (const Value& item : in.list()) {
      if (equal(item, value)) return true;
    }
    return false;
  }
  if (in.is_dict()) {
    if (value.is_list() || value.is_dict()) fail("a key is no text or number");
    charge(1 + in.dict().entries.size() / 16);
    return in.dict().at(value) != nullptr;
  }
  if (in.is_undefined()) return false;
  fail_operands("in", value, in);
}

Value Interpreter::repeated(const Value& value, std::int64_t times) {
  times = std::max<std::int64_t>(times, 0);
  const std::size_t size = value.is_string() ? value.text().size() : value.list().size();
  if (size > 0 && static_cast<std::size_t>(times) > limits_.steps / size)
    fail("a repetition is too long");
  charge(size * static_cast<std::size_t>(times));
  std::string text;
  List list;
  for (std::int64_t i = 0; i < times && size > 0; ++i) {
    if (value.is_string()) {
      text += value.text();
    } else {
      list.insert(list.end(), value.list().begin(), value.list().end());
    }
  }
  return value.is_string() ? made(std::move(text)) : Value(std::move(list));
}

Value Interpreter::arithmetic(const std::string& operation, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    const bool whole = !a.is_float() && !b.is_float();
    if (whole && operation != "/") return whole_arithmetic(operation, a.integer(), b.integer());
    const double x = a.number(), y = b.number();
    if (operation == "+") return Value(x + y);
    if (operation == "-") return Value(x - y);
    if (operation == "*") return Value(x * y);
    if (operation == "**") return Value(std::pow(x, y));
    if (y == 0.0) fail("a division by zero");
    if (operation == "/") return Value(x / y);
    const double quotient = std::floor(x / y);
    if (operation == "//") return Value(quotient);
    const double rest = std::fmod(x, y);
    return Value(rest != 0.0 && (rest < 0.0) != (y < 0.0) ? rest + y : rest);
  }
  if (operation == "+" && a.is_string() && b.is_string()) return made(a.text() + b.text());
  if (operation == "+" && a.is_list() && b.is_list() && a.is_tuple() == b.is_tuple()) {
    charge(a.list().size() + b.list().size());
    List list = a.list();
    list.insert(list.end(), b.list().begin(), b.list().end());
    return a.is_tuple() ? Value::tuple(std::move(list)) : Value(std::move(list));
  }
  if (operation == "*" && (a.is_string() || a.is_list()) && b.is_int()) {
    return repeated(a, b.integer());
  }
  if (operation == "*" && (b.is_string() || b.is_list()) && a.is_int()) {
    return repeated(b, a.integer());
  }
  fail_operands(operation, a, b);
}

Value Interpreter::whole_arithmetic(const std::string& operation, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  if (operation == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (operation == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (operation == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (operation == "**") {
    if (b < 0) return Value(std::pow(static_cast<double>(a), static_cast<double>(b)));
    result = 1;
    // Beyond 63 doublings only 0, 1 and -1 stay in range.
    if (b > 64 && (a > 1 || a < -1)) overflow = true;
    for (std::int64_t i = 0; i < (b > 64 ? b % 2 + 2 : b) && !overflow; ++i) {
      overflow = __builtin_mul_overflow(result, a, &result);
    }
  } else {
    if (b == 0) fail("a division by zero");
    if (b == -1) {  // the smallest number has no negative
      overflow = operation == "//" && __builtin_sub_overflow(std::int64_t{0}, a, &result);
    } else {
      const std::int64_t rest = a % b;
      const bool down = rest != 0 && (rest < 0) != (b < 0);  // Python rounds towards minus infinity
      result = operation == "//" ? a / b - (down ? 1 : 0) : rest + (down ? b : 0);
    }
  }
  if (overflow) fail("a number grows out of range");
  return Value(result);
}

Arguments Interpreter::arguments(const Node& node) {
  Arguments args;
  for (std::size_t i = 1; i < node.parts.size(); ++i)
    args.places.push_back(evaluate(*node.parts[i]));
  for (const auto& [name, part] : node.named) args.named.emplace_back(name, evaluate(*part));
  return args;
}

Value Interpreter::call(const Node& node) {
  const Value function = evaluate(*node.parts[0]);
  if (function.is_undefined()) fail("'" + function.undefined_name() + "' is undefined");
  if (!function.is_callable()) {
    fail(std::string("a value of type '") + function.type_name() + "' cannot be called");
  }
  const Arguments args = arguments(node);
  const Callable& callable = function.callable();
  if (callable.macro != nullptr) return call_macro(*callable.macro, args);
  if (callable.is_method) return call_method(callable.self, callable.name, args);
  return call_function(callable.name, args);
}

}  // namespace aisp::text::jinja
