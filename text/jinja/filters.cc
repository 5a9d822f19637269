// Filters. See interpreter.h.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/texts.h"
#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

Value length_of(const Value& value) {
  if (value.is_string()) return Value(static_cast<std::int64_t>(utf8_length(value.text())));
  if (value.is_list()) return Value(static_cast<std::int64_t>(value.list().size()));
  if (value.is_dict()) return Value(static_cast<std::int64_t>(value.dict().entries.size()));
  if (value.is_undefined()) return Value(std::int64_t{0});
  fail(std::string("a value of type '") + value.type_name() + "' has no length");
}

Value as_int(const Value& value, const Value& fallback) {
  if (value.is_float()) {
    const double number = value.number();
    if (!(std::fabs(number) < 9.2e18)) return fallback;
    return Value(static_cast<std::int64_t>(number));
  }
  if (value.is_number()) return Value(value.integer());
  if (!value.is_string()) return fallback;
  const std::string text = stripped(value.text(), "", true, true);
  const char* begin = text.data() + (text.starts_with("+") ? 1 : 0);
  const char* end = text.data() + text.size();
  std::int64_t number = 0;
  const auto read = std::from_chars(begin, end, number);
  if (read.ec == std::errc() && read.ptr == end && begin != end) return Value(number);
  double real = 0.0;
  const auto again = std::from_chars(begin, end, real);
  if (again.ec != std::errc() || again.ptr != end || begin == end) return fallback;
  return as_int(Value(real), fallback);
}

Value as_float(const Value& value, const Value& fallback) {
  if (value.is_number()) return Value(value.number());
  if (!value.is_string()) return fallback;
  const std::string text = stripped(value.text(), "", true, true);
  double number = 0.0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return fallback;
  return Value(number);
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string indented(const std::string& text, const std::string& by, bool first, bool blank) {
  std::string out = first ? by : "";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (at > 0 && (blank || end > at)) out += by;
    out.append(text, at, end - at);
    if (end < text.size()) out.push_back('\n');
    at = end + 1;
  }
  return out;
}

}  // namespace

Value Interpreter::filter(const std::string& name, const Value& input, const Arguments& args) {
  if (name == "default" || name == "d") {
    const bool falsy_too = args.get(1, "boolean", Value(false)).truthy();
    const bool missing = input.is_undefined() || (falsy_too && !input.truthy());
    return missing ? args.get(0, "default_value", Value("")) : input;
  }
  if (name == "length" || name == "count") {
    if (input.is_string()) charge(input.text().size() / 64);
    return length_of(input);
  }
  if (name == "tojson") {
    const Value indent = args.get(0, "indent", Value());
    if (!indent.is_none() && (!indent.is_int() || indent.integer() < 0 || indent.integer() > 32)) {
      fail("the indent of 'tojson' is not 0 to 32");
    }
    return made(to_json(input, indent.is_none() ? -1 : static_cast<int>(indent.integer()),
                        args.get(99, "sort_keys", Value(false)).truthy(), limits_.output_bytes));
  }
  bool known = true;
  const Value text = text_filter(name, input, args, known);
  if (known) return text;
  known = true;
  const Value list = list_filter(name, input, args, known);
  if (known) return list;
  fail("the filter '" + name + "' is not known");
}

Value Interpreter::text_filter(const std::string& name, const Value& input, const Arguments& args,
                               bool& known) {
  if (name == "string" || name == "safe") return input.is_string() ? input : made(text_of(input));
  if (name == "trim") {
    Arguments rest = args;
    return call_text_method(text_of(input), "strip", rest);
  }
  if (name == "upper" || name == "lower" || name == "title" || name == "capitalize") {
    return made(in_case(text_of(input), name));
  }
  if (name == "replace") return call_text_method(text_of(input), name, args);
  if (name == "escape" || name == "e") return made(escaped(text_of(input)));
  if (name == "indent") {
    const Value width = args.get(0, "width", Value(std::int64_t{4}));
    if (!width.is_string() && (!width.is_int() || width.integer() < 0 || width.integer() > 1000)) {
      fail("the width of 'indent' is not 0 to 1000");
    }
    const std::string by = width.is_string()
                               ? width.text()
                               : std::string(static_cast<std::size_t>(width.integer()), ' ');
    const std::string text = text_of(input);
    charge(text.size() * (1 + by.size()) / 16);
    return made(indented(text, by, args.get(1, "first", Value(false)).truthy(),
                         args.get(2, "blank", Value(false)).truthy()));
  }
  if (name == "int") return as_int(input, args.get(0, "default", Value(std::int64_t{0})));
  if (name == "float") return as_float(input, args.get(0, "default", Value(0.0)));
  if (name == "abs" || name == "round") {
    if (!input.is_number()) fail("'" + name + "' needs a number");
    if (name == "abs") {
      if (input.is_float()) return Value(std::fabs(input.number()));
      return input.integer() < 0 ? whole_arithmetic("-", 0, input.integer()) : input;
    }
    const Value digits = args.get(0, "precision", Value(std::int64_t{0}));
    const double scale = std::pow(10.0, digits.is_number() ? digits.number() : 0.0);
    return Value(std::nearbyint(input.number() * scale) / scale);
  }
  known = false;
  return {};
}

Value Interpreter::path(const Value& of, const std::string& attributes) {
  Value value = of;
  for (std::size_t at = 0; at <= attributes.size();) {
    const std::size_t end = std::min(attributes.find('.', at), attributes.size());
    const std::string name = attributes.substr(at, end - at);
    const Value index = as_int(Value(name), Value());
    value = value.is_undefined() ? value : item(value, value.is_list() ? index : Value(name));
    at = end + 1;
  }
  return value;
}

Value Interpreter::list_filter(const std::string& name, const Value& input, const Arguments& args,
                               bool& known) {
  if (name == "list") return Value(items_of(input));
  if (name == "items" || name == "dictsort") {
    if (input.is_undefined()) return Value(List{});
    if (!input.is_dict()) fail("'" + name + "' needs a dict");
    const Value items = call_method(input, "items", {});
    return name == "items" ? items : sorted(items, {});
  }
  if (name == "first" || name == "last") {
    const List items = items_of(input);
    if (items.empty()) return Value::undefined("the " + name + " item");
    return name == "first" ? items.front() : items.back();
  }
  if (name == "join") {
    const Value* attribute = args.find(1, "attribute");
    const std::string between = text_of(args.get(0, "d", Value("")));
    std::string out;
    const List items = items_of(input);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += between;
      out += text_of(attribute == nullptr ? items[i] : path(items[i], text_of(*attribute)));
      if (out.size() > limits_.output_bytes) fail("a text of the template is too long");
    }
    return made(std::move(out));
  }
  if (name == "reverse") {
    List items = items_of(input);
    std::reverse(items.begin(), items.end());
    if (!input.is_string()) return Value(std::move(items));
    std::string out;
    for (const Value& item : items) out += item.text();
    return made(std::move(out));
  }
  if (name == "unique") {
    List kept;
    for (const Value& item : items_of(input)) {
      charge(1 + kept.size());
      const bool met = std::any_of(kept.begin(), kept.end(),
                                   [&](const Value& other) { return equal(item, other); });
      if (!met) kept.push_back(item);
    }
    return Value(std::move(kept));
  }
  if (name == "sum") {
    Value total = args.get(1, "start", Value(std::int64_t{0}));
    const Value* attribute = args.find(0, "attribute");
    for (const Value& item : items_of(input)) {
      total = arithmetic("+", total, attribute == nullptr ? item : path(item, text_of(*attribute)));
    }
    return total;
  }
  if (name == "min" || name == "max") {
    const List items = items_of(input);
    if (items.empty()) return Value::undefined("the " + name);
    return name == "min" ? *std::min_element(items.begin(), items.end(), less)
                         : *std::max_element(items.begin(), items.end(), less);
  }
  if (name == "sort") return sorted(input, args);
  if (name == "map") return mapped(input, args);
  if (name == "select" || name == "reject" || name == "selectattr" || name == "rejectattr") {
    return selected(name, input, args);
  }
  known = false;
  return {};
}

Value Interpreter::sorted(const Value& input, const Arguments& args) {
  std::vector<std::pair<Value, Value>> keyed;
  const Value* attribute = args.find(2, "attribute");
  const bool exact = args.get(1, "case_sensitive", Value(false)).truthy();
  for (const Value& item : items_of(input)) {
    Value key = attribute == nullptr ? item : path(item, text_of(*attribute));
    if (key.is_string() && !exact) key = made(in_case(key.text(), "lower"));
    keyed.emplace_back(key, item);
  }
  charge(20 * keyed.size());
  const bool down = args.get(0, "reverse", Value(false)).truthy();
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return down ? less(b.first, a.first) : less(a.first, b.first);
  });
  List out;
  for (auto& [key, item] : keyed) out.push_back(item);
  return Value(std::move(out));
}

Value Interpreter::mapped(const Value& input, const Arguments& args) {
  List out;
  const Value* attribute = args.find(99, "attribute");
  if (attribute == nullptr && args.places.empty()) fail("'map' needs a filter or an attribute");
  Arguments rest = args;
  if (attribute == nullptr) rest.places.erase(rest.places.begin());
  for (const Value& item : items_of(input)) {
    if (attribute == nullptr) {
      out.push_back(filter(text_of(args.places[0]), item, rest));
      continue;
    }
    const Value value = path(item, text_of(*attribute));
    out.push_back(value.is_undefined() ? args.get(99, "default", value) : value);
  }
  return Value(std::move(out));
}

Value Interpreter::selected(const std::string& name, const Value& input, const Arguments& args) {
  const bool by_attribute = name.ends_with("attr"), keep = name.starts_with("select");
  Arguments rest = args;
  std::string attribute, test_name;
  const auto take = [&](std::string& out) {
    if (rest.places.empty()) return;
    out = text_of(rest.places.front());
    rest.places.erase(rest.places.begin());
  };
  if (by_attribute) take(attribute);
  take(test_name);
  List out;
  for (const Value& item : items_of(input)) {
    const Value value = by_attribute ? path(item, attribute) : item;
    const bool fits = test_name.empty() ? value.truthy() : test(test_name, value, rest);
    if (fits == keep) out.push_back(item);
  }
  return Value(std::move(out));
}

bool Interpreter::test(const std::string& name, const Value& input, const Arguments& args) {
  if (name == "defined") return !input.is_undefined();
  if (name == "undefined") return input.is_undefined();
  if (name == "none") return input.is_none();
  if (name == "string") return input.is_string();
  if (name == "number") return input.is_number();
  if (name == "integer") return input.is_int();
  if (name == "float") return input.is_float();
  if (name == "boolean") return input.is_bool();
  if (name == "true") return input.is_bool() && input.boolean();
  if (name == "false") return input.is_bool() && !input.boolean();
  if (name == "mapping") return input.is_dict() && !input.is_namespace();
  if (name == "sequence")
    return input.is_list() || input.is_string() || input.is_dict() || input.is_undefined();
  if (name == "iterable")
    return input.is_list() || input.is_string() || input.is_dict() || input.is_undefined();
  if (name == "callable") return input.is_callable();
  if (name == "lower" || name == "upper") return is_all(text_of(input), "is" + name);
  if (name == "odd" || name == "even" || name == "divisibleby") {
    const Value by = name == "divisibleby" ? args.get(0, "num", Value()) : Value(std::int64_t{2});
    if (!input.is_number() || !by.is_number()) fail("'" + name + "' needs numbers");
    return equal(arithmetic("%", input, by), Value(std::int64_t{name == "odd"}));
  }
  const Value other = args.get(0, "other", Value());
  if (name == "in") return contains(other, input);
  if (name == "eq" || name == "equalto" || name == "==") return equal(input, other);
  if (name == "ne" || name == "!=") return !equal(input, other);
  if (name == "sameas") return input.type_name() == other.type_name() && equal(input, other);
  if (name == "lt" || name == "lessthan" || name == "<") return less(input, other);
  if (name == "gt" || name == "greaterthan" || name == ">") return less(other, input);
  if (name == "le" || name == "<=") return less(input, other) || equal(input, other);
  if (name == "ge" || name == ">=") return less(other, input) || equal(input, other);
  fail("the test '" + name + "' is not known");
}

}  // namespace aisp::text::jinja
