// See value.h.
#include "text/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/shown.h"

namespace aisp::text::jinja {
namespace {

constexpr int kMaxDepth = 120;  // of lists and dicts in each other

int checked_depth(int depth) {
  if (depth > kMaxDepth) fail("values nest deeper than " + std::to_string(kMaxDepth));
  return depth;
}

int inner_depth(const Value& value) {
  if (value.is_namespace()) fail("a namespace cannot be put into another value");
  return value.depth();
}

int depth_of(const List& list) {
  int depth = 0;
  for (const Value& item : list) depth = std::max(depth, inner_depth(item));
  return checked_depth(depth + 1);
}

}  // namespace

void fail(const std::string& what) {
  throw Error(shown(what, 200), "chat template", "the template and the conversation do not fit");
}

struct Value::Sequence {
  List items;
  int depth;
  bool is_tuple;
};

Value::Value(List list, bool is_tuple) {
  const int depth = depth_of(list);
  data_ = std::make_shared<const Sequence>(Sequence{std::move(list), depth, is_tuple});
}

Value::Value(Dict dict) {
  int depth = 0;
  for (const auto& [key, value] : dict.entries) depth = std::max(depth, inner_depth(value));
  dict.depth = checked_depth(depth + 1);
  data_ = std::make_shared<Dict>(std::move(dict));
}

Value::Value(Callable callable) : data_(std::make_shared<const Callable>(std::move(callable))) {}

Value Value::undefined(std::string name) {
  Value value;
  value.data_ = Undefined{std::move(name)};
  return value;
}

Value Value::of_namespace(Dict dict) {
  dict.is_namespace = true;
  return Value(std::move(dict));
}

Value Value::tuple(List list) { return Value(std::move(list), true); }
const List& Value::list() const { return std::get<Items>(data_)->items; }
bool Value::is_tuple() const { return is_list() && std::get<Items>(data_)->is_tuple; }

Value Value::of_json(const nlohmann::ordered_json& json, int level) {
  checked_depth(level);
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Type::boolean:
      return Value(json.get<bool>());
    case Type::number_integer:
      return Value(json.get<std::int64_t>());
    case Type::number_unsigned: {
      const std::uint64_t number = json.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(INT64_MAX)) return Value(static_cast<double>(number));
      return Value(static_cast<std::int64_t>(number));
    }
    case Type::number_float:
      return Value(json.get<double>());
    case Type::string:
      return Value(json.get_ref<const std::string&>());
    case Type::array: {
      List list;
      for (const auto& item : json) list.push_back(of_json(item, level + 1));
      return Value(std::move(list));
    }
    case Type::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) {
        dict.entries.emplace_back(Value(key), of_json(item, level + 1));
      }
      return Value(std::move(dict));
    }
    default:
      return {};
  }
}

bool Value::is_namespace() const { return is_dict() && dict().is_namespace; }

std::int64_t Value::integer() const {
  return is_bool() ? static_cast<std::int64_t>(boolean()) : std::get<std::int64_t>(data_);
}

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

bool Value::truthy() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return number() != 0.0;
  if (is_string()) return !text().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return dict().is_namespace || dict().is_loop || !dict().entries.empty();
  return true;
}

int Value::depth() const {
  if (is_list()) return std::get<Items>(data_)->depth;
  if (is_dict()) return dict().depth;
  if (is_callable()) return callable().self.depth();
  return 0;
}

const char* Value::type_name() const {
  constexpr const char* kNames[] = {"undefined", "None", "bool", "int",     "float",
                                    "str",       "list", "dict", "function"};
  return kNames[data_.index()];
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.is_string() && name.text() == key) return &value;
  }
  return nullptr;
}

const Value* Dict::at(const Value& key) const {
  if (key.is_string()) return find(std::string_view(key.text()));
  for (const auto& [name, value] : entries) {
    if (equal(name, key)) return &value;
  }
  return nullptr;
}

void Dict::set(const Value& key, Value value) {
  if (key.is_list() || key.is_dict() || key.is_callable()) fail("a key is no text or number");
  if (is_namespace) inner_depth(value);
  for (auto& [name, old] : entries) {
    if (equal(name, key)) {
      old = std::move(value);
      return;
    }
  }
  entries.emplace_back(key, std::move(value));
}

namespace {

bool equal_within(const Value& a, const Value& b, std::size_t& budget) {
  if (budget-- == 0) fail("values are too large to compare");
  if (a.is_number() && b.is_number()) {
    return a.is_float() || b.is_float() ? a.number() == b.number() : a.integer() == b.integer();
  }
  if (a.is_string() && b.is_string()) return a.text() == b.text();
  if (a.is_list() && b.is_list()) {
    if (a.list().size() != b.list().size() || a.is_tuple() != b.is_tuple()) return false;
    for (std::size_t i = 0; i < a.list().size(); ++i) {
      if (!equal_within(a.list()[i], b.list()[i], budget)) return false;
    }
    return true;
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().entries.size() != b.dict().entries.size()) return false;
    for (const auto& [key, value] : a.dict().entries) {
      const Value* other = b.dict().at(key);
      if (other == nullptr || !equal_within(value, *other, budget)) return false;
    }
    return true;
  }
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

}  // namespace

bool equal(const Value& a, const Value& b) {
  std::size_t budget = 1'000'000;
  return equal_within(a, b, budget);
}

bool less(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_float() || b.is_float() ? a.number() < b.number() : a.integer() < b.integer();
  }
  if (a.is_string() && b.is_string()) return a.text() < b.text();  // UTF-8 sorts as code points
  if (a.is_list() && b.is_list()) {
    const std::size_t common = std::min(a.list().size(), b.list().size());
    for (std::size_t i = 0; i < common; ++i) {
      if (!equal(a.list()[i], b.list()[i])) return less(a.list()[i], b.list()[i]);
    }
    return a.list().size() < b.list().size();
  }
  fail(std::string("'") + a.type_name() + "' and '" + b.type_name() + "' have no order");
}

}  // namespace aisp::text::jinja
