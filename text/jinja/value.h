// Values of a template: what Python's None, bool, int, float, str, list and dict are there. Values
// do not change once made (a namespace is the one exception), are shared, and know how deep they
// nest, so that no template can build what cannot be printed or destroyed.
// Source: Jinja 3.1's documentation; its sandbox forbids changing lists and dicts too.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aisp::text::jinja {

struct Node;
class Value;
using List = std::vector<Value>;

struct Dict;
struct Callable;

class Value {
 public:
  struct Undefined {
    std::string name;  // for messages
  };
  struct None {};

  Value() : data_(None{}) {}
  Value(bool flag) : data_(flag) {}
  Value(std::int64_t number) : data_(number) {}
  Value(double number) : data_(number) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  /// Throws Error when values nest too deep, or a namespace is put into a list or dict.
  Value(List list) : Value(std::move(list), false) {}
  Value(Dict dict);
  Value(Callable callable);
  static Value undefined(std::string name);
  static Value of_namespace(Dict dict);
  static Value tuple(List list);
  static Value of_json(const nlohmann::ordered_json& json, int level = 0);

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_int() || is_float() || is_bool(); }
  bool is_string() const { return std::holds_alternative<Text>(data_); }
  bool is_list() const { return std::holds_alternative<Items>(data_); }
  bool is_dict() const { return std::holds_alternative<Entries>(data_); }
  bool is_callable() const { return std::holds_alternative<Call>(data_); }
  bool is_namespace() const;

  bool boolean() const { return std::get<bool>(data_); }
  std::int64_t integer() const;  // bool or int
  double number() const;         // bool, int or float
  const std::string& text() const { return *std::get<Text>(data_); }
  const List& list() const;
  bool is_tuple() const;
  const Dict& dict() const { return *std::get<Entries>(data_); }
  Dict& changeable_dict() const { return *std::get<Entries>(data_); }
  const Callable& callable() const { return *std::get<Call>(data_); }
  const std::string& undefined_name() const { return std::get<Undefined>(data_).name; }

  bool truthy() const;
  int depth() const;
  /// "str", "int", "list", ...: for messages.
  const char* type_name() const;

 private:
  Value(List list, bool is_tuple);
  using Text = std::shared_ptr<const std::string>;
  struct Sequence;
  using Items = std::shared_ptr<const Sequence>;
  using Entries = std::shared_ptr<Dict>;
  using Call = std::shared_ptr<const Callable>;
  std::variant<Undefined, None, bool, std::int64_t, double, Text, Items, Entries, Call> data_;
};

struct Dict {
  std::vector<std::pair<Value, Value>> entries;  // in order of insertion; keys are scalars
  bool is_namespace = false;
  bool is_loop = false;
  int depth = 1;

  const Value* find(std::string_view key) const;
  const Value* at(const Value& key) const;
  void set(const Value& key, Value value);
};

/// A macro of the template, a function of ours, or a method with what it belongs to.
struct Callable {
  std::string name;
  Value self;
  const Node* macro = nullptr;
  bool is_method = false;
};

/// Python's ==. Numbers compare across types.
bool equal(const Value& a, const Value& b);
/// Python's < for numbers, strings and lists of them. Throws Error for other pairs.
bool less(const Value& a, const Value& b);

/// What {{ value }} prints, at most `limit` bytes (Error beyond).
std::string printed(const Value& value, std::size_t limit);
/// json.dumps(value, ensure_ascii=False): indent < 0 for one line.
std::string to_json(const Value& value, int indent, bool sort_keys, std::size_t limit);
/// Python's repr of a float.
std::string float_text(double number);

/// A failure of the template at a place that only its caller knows.
[[noreturn]] void fail(const std::string& what);

}  // namespace aisp::text::jinja
