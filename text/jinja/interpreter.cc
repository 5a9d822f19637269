// Statements. See interpreter.h.
#include "text/jinja/interpreter.h"

#include <algorithm>

#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

// A name that no template can write: what {% filter %} hands to its filters.
constexpr const char* kPrintedName = " printed";

}  // namespace

/// A scope for as long as the guard lives. Scopes are a stack: nothing keeps a pointer to one.
class Interpreter::ScopeGuard {
 public:
  ScopeGuard(Interpreter& in, Scope* outer) : in_(in), before_(in.scope_) {
    in_.scopes_.emplace_back();
    in_.scopes_.back().outer = outer;
    in_.scope_ = &in_.scopes_.back();
  }
  ~ScopeGuard() {
    in_.scopes_.pop_back();
    in_.scope_ = before_;
  }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter& in_;
  Scope* before_;
};

const Value* Arguments::find(std::size_t place, std::string_view name) const {
  if (place < places.size()) return &places[place];
  for (const auto& [given, value] : named) {
    if (given == name) return &value;
  }
  return nullptr;
}

Value Arguments::get(std::size_t place, std::string_view name, Value fallback) const {
  const Value* value = find(place, name);
  return value == nullptr ? fallback : *value;
}

std::string Interpreter::run(const Body& nodes) {
  std::string out;
  out_ = &out;
  scope_ = &scopes_.front();
  body(nodes);
  return out;
}

void Interpreter::charge(std::size_t steps) {
  steps_ += steps;
  if (steps_ > limits_.steps) {
    fail("the template takes more than " + std::to_string(limits_.steps) + " steps");
  }
}

Value Interpreter::made(std::string text) {
  if (text.size() > limits_.output_bytes) fail("a text of the template is too long");
  charge(1 + text.size() / 16);
  return Value(std::move(text));
}

void Interpreter::write(std::string_view text) {
  charge(1 + text.size() / 64);
  if (out_->size() + text.size() > limits_.output_bytes) {
    fail("the output grows beyond " + std::to_string(limits_.output_bytes) + " bytes");
  }
  out_->append(text);
}

Interpreter::Flow Interpreter::body(const Body& nodes) {
  for (const NodePtr& node : nodes) {
    const Flow flow = statement(*node);
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

std::string Interpreter::captured(const Body& nodes) {
  std::string out;
  std::string* before = std::exchange(out_, &out);
  try {
    body(nodes);
  } catch (...) {
    out_ = before;
    throw;
  }
  out_ = before;
  return out;
}

Interpreter::Flow Interpreter::statement(const Node& node) {
  charge(1);
  const DepthGuard depth(*this);
  switch (node.kind) {
    case NodeKind::kText:
      write(node.name);
      break;
    case NodeKind::kPrint:
      write(text_of(evaluate(*node.parts[0])));
      break;
    case NodeKind::kIf:
      for (std::size_t i = 0; i < node.branches.size(); ++i) {
        if (i == node.parts.size() || evaluate(*node.parts[i]).truthy()) {
          return body(node.branches[i]);
        }
      }
      break;
    case NodeKind::kFor:
      return loop(node);
    case NodeKind::kSet: {
      const Value value = evaluate(*node.parts.back());
      if (node.parts.size() == 2) {
        assign(*node.parts[0], value);
        break;
      }
      const List items = items_of(value);
      if (items.size() + 1 != node.parts.size()) fail("'set' has another number of values");
      for (std::size_t i = 0; i < items.size(); ++i) assign(*node.parts[i], items[i]);
      break;
    }
    case NodeKind::kSetBlock:
      scope_->values[node.names[0]] = made(captured(node.branches[0]));
      break;
    case NodeKind::kMacro:
      scope_->values[node.name] = Value(Callable{node.name, {}, &node, false});
      break;
    case NodeKind::kScope: {
      const ScopeGuard guard(*this, scope_);
      if (node.parts.empty()) return body(node.branches[0]);
      scope_->values[kPrintedName] = made(captured(node.branches[0]));
      write(text_of(evaluate(*node.parts[0])));
      break;
    }
    case NodeKind::kBreak:
      return Flow::kBreak;
    case NodeKind::kContinue:
      return Flow::kContinue;
    default:
      fail("an expression stands where a statement should");
  }
  return Flow::kOn;
}

void Interpreter::assign(const Node& target, const Value& value) {
  if (target.kind == NodeKind::kName) {
    scope_->values[target.name] = value;
    return;
  }
  const Value of = evaluate(*target.parts[0]);
  if (!of.is_namespace()) fail("only attributes of a namespace can be set");
  of.changeable_dict().set(Value(target.name), value);
}

void Interpreter::assign_names(const std::vector<std::string>& names, const Value& value) {
  if (names.size() == 1) {
    scope_->values[names[0]] = value;
    return;
  }
  const List items = items_of(value);
  if (items.size() != names.size()) fail("a loop's items have another number of values");
  for (std::size_t i = 0; i < names.size(); ++i) scope_->values[names[i]] = items[i];
}

List Interpreter::items_of(const Value& value) {
  List items;
  if (value.is_list()) {
    items = value.list();
  } else if (value.is_dict()) {
    for (const auto& [key, item] : value.dict().entries) items.push_back(key);
  } else if (value.is_string()) {
    for (std::size_t at = 0; at < value.text().size();) {
      const std::size_t bytes = static_cast<std::size_t>(utf8_at(value.text(), at).bytes);
      items.emplace_back(value.text().substr(at, bytes));
      at += bytes;
      charge(1);
    }
  } else if (!value.is_undefined()) {
    fail(std::string("a value of type '") + value.type_name() + "' has no items");
  }
  charge(items.size());
  return items;
}

Interpreter::Flow Interpreter::loop(const Node& node) {
  List items = items_of(evaluate(*node.parts[0]));
  if (node.parts[1]) {
    List kept;
    for (const Value& item : items) {
      const ScopeGuard guard(*this, scope_);
      assign_names(node.names, item);
      if (evaluate(*node.parts[1]).truthy()) kept.push_back(item);
    }
    items = std::move(kept);
  }
  const std::int64_t count = static_cast<std::int64_t>(items.size());
  for (std::int64_t i = 0; i < count; ++i) {
    charge(20);  // a scope and the values of `loop`
    const std::size_t at = static_cast<std::size_t>(i);
    const ScopeGuard guard(*this, scope_);
    Dict loop;
    loop.is_loop = true;
    const auto set = [&](const char* name, Value value) {
      loop.entries.emplace_back(Value(name), std::move(value));
    };
    set("index", Value(i + 1)), set("index0", Value(i)), set("length", Value(count));
    set("first", Value(i == 0)), set("last", Value(i + 1 == count));
    set("revindex", Value(count - i)), set("revindex0", Value(count - i - 1));
    set("depth", Value(std::int64_t{1})), set("depth0", Value(std::int64_t{0}));
    set("previtem", i > 0 ? items[at - 1] : Value::undefined("previtem"));
    set("nextitem", i + 1 < count ? items[at + 1] : Value::undefined("nextitem"));
    scope_->values["loop"] = Value(std::move(loop));
    assign_names(node.names, items[at]);
    if (body(node.branches[0]) == Flow::kBreak) break;
  }
  if (count == 0 && node.branches.size() > 1) {
    const ScopeGuard guard(*this, scope_);
    return body(node.branches[1]);
  }
  return Flow::kOn;
}

Value Interpreter::call_macro(const Node& macro, const Arguments& args) {
  // The frames of a call and of what it evaluates fit the stack 60 times over.
  constexpr int kMaxCalls = 60;
  if (++calls_ > kMaxCalls) fail("macros call each other more than 60 deep");
  if (args.places.size() > macro.names.size()) fail("'" + macro.name + "' has too many arguments");
  for (const auto& [name, value] : args.named) {
    if (std::find(macro.names.begin(), macro.names.end(), name) == macro.names.end()) {
      fail("'" + macro.name + "' has no argument '" + name + "'");
    }
  }
  std::string out;
  {
    // A macro sees the template's own variables, not those of its caller.
    const ScopeGuard guard(*this, &scopes_.front());
    for (std::size_t i = 0; i < macro.names.size(); ++i) {
      const Value* given = args.find(i, macro.names[i]);
      scope_->values[macro.names[i]] = given != nullptr ? *given
                                       : macro.parts[i] ? evaluate(*macro.parts[i])
                                                        : Value::undefined(macro.names[i]);
    }
    out = captured(macro.branches[0]);
  }
  --calls_;
  return made(std::move(out));
}

}  // namespace aisp::text::jinja
