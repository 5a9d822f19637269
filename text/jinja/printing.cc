// How values become text: as Python prints them, and as its json.dumps does.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/value.h"
#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

class Writer {
 public:
  explicit Writer(std::size_t limit) : limit_(limit) {}

  void put(std::string_view text) {
    out.append(text);
    if (out.size() > limit_) fail("the output grows beyond " + std::to_string(limit_) + " bytes");
  }

  /// Python's repr.
  void repr(const Value& value) {
    if (value.is_string()) {
      repr_text(value.text());
    } else if (value.is_list()) {
      put(value.is_tuple() ? "(" : "[");
      for (std::size_t i = 0; i < value.list().size(); ++i) {
        if (i > 0) put(", ");
        repr(value.list()[i]);
      }
      if (value.is_tuple() && value.list().size() == 1) put(",");
      put(value.is_tuple() ? ")" : "]");
    } else if (value.is_dict()) {
      put(value.is_namespace() ? "<Namespace {" : "{");
      bool first = true;
      for (const auto& [key, item] : value.dict().entries) {
        if (!first) put(", ");
        first = false;
        repr(key);
        put(": ");
        repr(item);
      }
      put(value.is_namespace() ? "}>" : "}");
    } else if (value.is_undefined()) {
      put("Undefined");
    } else {
      plain(value);
    }
  }

  /// Values that are no containers, as str() has them.
  void plain(const Value& value) {
    if (value.is_string()) {
      put(value.text());
    } else if (value.is_bool()) {
      put(value.boolean() ? "True" : "False");
    } else if (value.is_int()) {
      put(std::to_string(value.integer()));
    } else if (value.is_float()) {
      put(float_text(value.number()));
    } else if (value.is_none()) {
      put("None");
    } else if (value.is_callable()) {
      put("<function " + value.callable().name + ">");
    }
  }

  void json(const Value& value, int indent, bool sort_keys, int level) {
    if (value.is_list()) {
      json_items(value.list().size(), '[', ']', indent, level,
                 [&](std::size_t i) { json(value.list()[i], indent, sort_keys, level + 1); });
    } else if (value.is_dict()) {
      auto entries = value.dict().entries;
      if (sort_keys) {
        std::stable_sort(entries.begin(), entries.end(),
                         [](const auto& a, const auto& b) { return less(a.first, b.first); });
      }
      json_items(entries.size(), '{', '}', indent, level, [&](std::size_t i) {
        const Value& key = entries[i].first;
        std::string name = key.is_string() ? key.text() : "";
        if (!key.is_string()) name = to_json(key, -1, false, limit_);
        json_text(name);
        put(": ");
        json(entries[i].second, indent, sort_keys, level + 1);
      });
    } else if (value.is_string()) {
      json_text(value.text());
    } else if (value.is_bool()) {
      put(value.boolean() ? "true" : "false");
    } else if (value.is_none()) {
      put("null");
    } else if (value.is_int()) {
      plain(value);
    } else if (value.is_float()) {
      const double number = value.number();
      put(std::isnan(number)   ? "NaN"
          : std::isinf(number) ? (number > 0 ? "Infinity" : "-Infinity")
                               : float_text(number));
    } else {
      fail(std::string("a value of type '") + value.type_name() + "' has no JSON");
    }
  }

  std::string out;

 private:
  template <typename Item>
  void json_items(std::size_t count, char open, char close, int indent, int level, Item&& item) {
    put({&open, 1});
    const auto line = [&](int depth) {
      put("\n");
      put(std::string(static_cast<std::size_t>(indent * depth), ' '));
    };
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) put(indent >= 0 ? "," : ", ");
      if (indent >= 0) line(level + 1);
      item(i);
    }
    if (indent >= 0 && count > 0) line(level);
    put({&close, 1});
  }

  void json_text(std::string_view text) {
    put("\"");
    for (char c : text) {
      const unsigned char byte = static_cast<unsigned char>(c);
      constexpr std::string_view kNamed = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
      const std::size_t named = kNamed.find(c);
      if (named != std::string_view::npos) {
        const char escape[] = {'\\', kLetters[named]};
        put({escape, 2});
      } else if (byte < 0x20) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const char escape[] = {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
        put({escape, 6});
      } else {
        put({&c, 1});
      }
    }
    put("\"");
  }

  void repr_text(std::string_view text) {
    const bool has_single = text.find('\'') != std::string_view::npos;
    const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
    put({&quote, 1});
    for (char c : text) {
      const unsigned char byte = static_cast<unsigned char>(c);
      if (c == quote || c == '\\') {
        const char escape[] = {'\\', c};
        put({escape, 2});
      } else if (c == '\n' || c == '\r' || c == '\t') {
        put(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
      } else if (byte < 0x20 || byte == 0x7F) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const char escape[] = {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
        put({escape, 4});
      } else {
        put({&c, 1});
      }
    }
    put({&quote, 1});
  }

  std::size_t limit_;
};

}  // namespace

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char memory[64];
  const auto made =
      std::to_chars(memory, memory + sizeof memory, number, std::chars_format::scientific);
  const std::string_view text(memory, static_cast<std::size_t>(made.ptr - memory));
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  // Python writes an exponent outside of 1e-4 .. 1e16.
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto plain =
      std::to_chars(memory, memory + sizeof memory, number, std::chars_format::fixed);
  std::string out(memory, plain.ptr);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string printed(const Value& value, std::size_t limit) {
  Writer writer(limit);
  if (value.is_list() || value.is_dict()) {
    writer.repr(value);
  } else {
    writer.plain(value);
  }
  return std::move(writer.out);
}

std::string to_json(const Value& value, int indent, bool sort_keys, std::size_t limit) {
  Writer writer(limit);
  writer.json(value, indent, sort_keys, 0);
  return std::move(writer.out);
}

}  // namespace aisp::text::jinja
