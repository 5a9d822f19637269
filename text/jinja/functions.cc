// Functions that templates call, and the methods of Python's str, dict and list that they use.
#include <algorithm>
#include <array>
#include <ctime>
#include <span>

#include "text/jinja/interpreter.h"
#include "text/jinja/texts.h"
#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

constexpr std::string_view kFunctions[] = {"range", "dict", "namespace", "raise_exception",
                                           "strftime_now"};
constexpr std::string_view kTextMethods[] = {
    "strip",    "lstrip",  "rstrip",  "split",        "rsplit",       "splitlines", "startswith",
    "endswith", "replace", "upper",   "lower",        "title",        "capitalize", "find",
    "rfind",    "count",   "join",    "removeprefix", "removesuffix", "isdigit",    "isalpha",
    "isalnum",  "isspace", "isupper", "islower",      "index",        "format"};
constexpr std::string_view kDictMethods[] = {"get", "items", "keys", "values"};
constexpr std::string_view kListMethods[] = {"index", "count"};

bool one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::string& text_argument(const Arguments& args, std::size_t place, const char* name) {
  const Value* value = args.find(place, name);
  if (value == nullptr || !value->is_string()) fail(std::string("'") + name + "' is no text");
  return value->text();
}

std::int64_t whole_argument(const Arguments& args, std::size_t place, const char* name,
                            std::int64_t fallback) {
  const Value* value = args.find(place, name);
  if (value == nullptr) return fallback;
  if (!value->is_int() && !value->is_bool()) fail(std::string("'") + name + "' is no whole number");
  return value->integer();
}

Value date(const std::string& format, std::int64_t now) {
  if (format.size() > 200) fail("the format of a date is too long");
  const std::time_t seconds = static_cast<std::time_t>(now);
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  // Widths ("%9999d") would need any amount of memory; strftime returns 0 then.
  std::array<char, 4096> out;
  return Value(
      std::string(out.data(), std::strftime(out.data(), out.size(), format.c_str(), &parts)));
}

}  // namespace

bool is_function(std::string_view name) { return one_of(name, kFunctions); }

bool has_method(const Value& value, std::string_view name) {
  if (value.is_string()) return one_of(name, kTextMethods);
  if (value.is_list()) return one_of(name, kListMethods);
  if (!value.is_dict() || value.is_namespace()) return false;
  return value.dict().is_loop ? name == "cycle" : one_of(name, kDictMethods);
}

Value Interpreter::call_function(const std::string& name, const Arguments& args) {
  if (name == "raise_exception") {
    const Value message = args.get(0, "message", Value("no message"));
    fail(message.is_string() ? message.text() : text_of(message));
  }
  if (name == "strftime_now") return date(text_argument(args, 0, "format"), now_);
  if (name == "namespace" || name == "dict") {
    Dict dict;
    if (!args.places.empty()) {
      if (!args.places[0].is_dict()) fail("'" + name + "' takes a dict");
      for (const auto& [key, value] : args.places[0].dict().entries)
        dict.entries.emplace_back(key, value);
    }
    for (const auto& [key, value] : args.named) dict.set(Value(key), value);
    return name == "dict" ? Value(std::move(dict)) : Value::of_namespace(std::move(dict));
  }
  const std::int64_t first = whole_argument(args, 0, "start", 0);
  const bool bounded = args.places.size() > 1;
  const std::int64_t begin = bounded ? first : 0;
  const std::int64_t end = bounded ? whole_argument(args, 1, "stop", 0) : first;
  const std::int64_t step = whole_argument(args, 2, "step", 1);
  if (step == 0) fail("'range' has a step of 0");
  List list;
  for (std::int64_t i = begin; step > 0 ? i < end : i > end;) {
    charge(1);
    list.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value(std::move(list));
}

Value Interpreter::call_method(const Value& self, const std::string& name, const Arguments& args) {
  if (self.is_string()) return call_text_method(self.text(), name, args);
  if (self.is_list()) {
    const Value wanted = args.get(0, "value", Value());
    std::int64_t count = 0, at = 0;
    charge(self.list().size());
    for (const Value& item : self.list()) {
      if (equal(item, wanted)) {
        if (name == "index") return Value(at);
        ++count;
      }
      ++at;
    }
    if (name == "index") fail("the list has no such value");
    return Value(count);
  }
  const Dict& dict = self.dict();
  charge(1 + dict.entries.size());
  if (dict.is_loop) {  // loop.cycle
    if (args.places.empty()) fail("'cycle' needs values");
    const std::size_t at = static_cast<std::size_t>(dict.find("index0")->integer());
    return args.places[at % args.places.size()];
  }
  if (name == "get") {
    const Value key = args.get(0, "key", Value());
    const Value* found = key.is_list() || key.is_dict() ? nullptr : dict.at(key);
    return found != nullptr ? *found : args.get(1, "default", Value());
  }
  List list;
  for (const auto& [key, value] : dict.entries) {
    list.push_back(name == "keys" ? key : name == "values" ? value : Value::tuple({key, value}));
  }
  return Value(std::move(list));
}

Value Interpreter::call_text_method(const std::string& self, const std::string& name,
                                    const Arguments& args) {
  charge(1 + self.size() / 16);
  const auto listed = [&](std::vector<std::string> texts) {
    List list;
    for (std::string& text : texts) list.push_back(made(std::move(text)));
    return Value(std::move(list));
  };
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value* given = args.find(0, "chars");
    const bool all = given == nullptr || given->is_none();
    return made(stripped(self, all ? "" : text_argument(args, 0, "chars"), name != "rstrip",
                         name != "lstrip"));
  }
  if (name == "split" || name == "rsplit") {
    const Value* given = args.find(0, "sep");
    const bool blanks = given == nullptr || given->is_none();
    const std::string by = blanks ? "" : text_argument(args, 0, "sep");
    if (!blanks && by.empty()) fail("'split' needs something to split by");
    return listed(split(self, by, whole_argument(args, 1, "maxsplit", -1), name == "rsplit"));
  }
  if (name == "splitlines") return listed(lines_of(self));
  if (name == "startswith" || name == "endswith") {
    const Value wanted = args.get(0, "prefix", Value());
    const List any = wanted.is_list() ? wanted.list() : List{wanted};
    for (const Value& one : any) {
      if (!one.is_string()) fail("'" + name + "' needs a text");
      const std::string_view part = one.text();
      if (part.size() > self.size()) continue;
      if (self.compare(name == "startswith" ? 0 : self.size() - part.size(), part.size(), part) ==
          0) {
        return Value(true);
      }
    }
    return Value(false);
  }
  if (name == "removeprefix" || name == "removesuffix") {
    const std::string& part = text_argument(args, 0, "part");
    const bool front = name == "removeprefix";
    if (part.size() <= self.size() &&
        self.compare(front ? 0 : self.size() - part.size(), part.size(), part) == 0) {
      return made(front ? self.substr(part.size()) : self.substr(0, self.size() - part.size()));
    }
    return made(self);
  }
  if (name == "replace") {
    const std::int64_t count = whole_argument(args, 2, "count", -1);
    return made(replaced(self, text_argument(args, 0, "old"), text_argument(args, 1, "new"), count,
                         limits_.output_bytes));
  }
  if (name == "upper" || name == "lower" || name == "title" || name == "capitalize") {
    return made(in_case(self, name));
  }
  if (name == "join") return filter("join", args.get(0, "items", Value()), {{Value(self)}, {}});
  if (name == "find" || name == "rfind" || name == "index" || name == "count") {
    const std::string& part = text_argument(args, 0, "sub");
    if (name == "count") return Value(count_of(self, part));
    const std::size_t at = name == "rfind" ? self.rfind(part) : self.find(part);
    if (at == std::string::npos && name == "index") fail("the text is not found");
    return Value(at == std::string::npos
                     ? std::int64_t{-1}
                     : static_cast<std::int64_t>(utf8_length(self.substr(0, at))));
  }
  if (name == "format") fail("'format' is not known; use '~'");
  return Value(is_all(self, name));
}

}  // namespace aisp::text::jinja
