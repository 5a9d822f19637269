// Readers of .npy, raw and text numbers. See numbers.h.
#include "bench/command/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>

#include "base/dtype.h"
#include "base/error.h"
#include "base/nearest.h"

namespace aisp::bench::command {
namespace {

struct Kind {
  Element type;
  const char* name;
  const char* npy;  // descr without its byte order
  std::size_t size;
};

constexpr Kind kKinds[] = {{Element::kF64, "f64", "f8", 8},  {Element::kF32, "f32", "f4", 4},
                           {Element::kF16, "f16", "f2", 2},  {Element::kBF16, "bf16", "", 2},
                           {Element::kI64, "i64", "i8", 8},  {Element::kI32, "i32", "i4", 4},
                           {Element::kI16, "i16", "i2", 2},  {Element::kI8, "i8", "i1", 1},
                           {Element::kU64, "u64", "u8", 8},  {Element::kU32, "u32", "u4", 4},
                           {Element::kU16, "u16", "u2", 2},  {Element::kU8, "u8", "u1", 1},
                           {Element::kBool, "bool", "b1", 1}};

const Kind& kind_of(Element type) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds),
                       [&](const Kind& kind) { return kind.type == type; });
}

/// IEEE binary16, exact.
double half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  double value =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
  if (exponent == 31) {
    value = mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                          : std::numeric_limits<double>::infinity();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

double value_of(Element type, std::uint64_t bits) {
  switch (type) {
    case Element::kF64:
      return std::bit_cast<double>(bits);
    case Element::kF32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    case Element::kF16:
      return half(static_cast<std::uint16_t>(bits));
    case Element::kBF16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    case Element::kI64:
      return static_cast<double>(static_cast<std::int64_t>(bits));
    case Element::kI32:
      return static_cast<std::int32_t>(bits);
    case Element::kI16:
      return static_cast<std::int16_t>(bits);
    case Element::kI8:
      return static_cast<std::int8_t>(bits);
    case Element::kU64:
    case Element::kU32:
    case Element::kU16:
    case Element::kU8:
    case Element::kBool:
      return static_cast<double>(bits);
  }
  return 0.0;
}

std::vector<double> elements(std::string_view bytes, Element type, bool big_endian) {
  const std::size_t size = kind_of(type).size;
  std::vector<double> values(bytes.size() / size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint64_t bits = 0;
    for (std::size_t b = 0; b < size; ++b) {
      const std::size_t at = big_endian ? size - 1 - b : b;
      bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i * size + at]))
              << (8 * b);
    }
    values[i] = value_of(type, bits);
  }
  return values;
}

struct NpyHeader {
  Element type = Element::kF64;
  bool big_endian = false, fortran_order = false;
  std::vector<std::size_t> shape;
  std::size_t data_begin = 0, count = 1;
};

[[noreturn]] void broken(const std::string& what, const std::string& where) {
  throw Error("is no readable .npy file: " + what, where, "write it with numpy.save");
}

/// The text after 'key': in the header's dictionary.
std::string_view after_key(std::string_view header, const char* key, const std::string& where) {
  for (const char quote : {'\'', '"'}) {
    const std::string quoted = quote + std::string(key) + quote;
    const std::size_t at = header.find(quoted);
    if (at == std::string_view::npos) continue;
    std::string_view rest = header.substr(at + quoted.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
    return rest;
  }
  broken(fmt::format("its header has no {}", key), where);
}

void read_type(std::string_view text, NpyHeader& header, const std::string& where) {
  if (!text.empty() && text[0] == '[') broken("records are not supported", where);
  const std::size_t end = text.empty() ? std::string_view::npos : text.find(text[0], 1);
  if (end == std::string_view::npos) broken("its type is not understood", where);
  const std::string_view descr = text.substr(1, end - 1);
  for (const Kind& kind : kKinds) {
    if (descr.size() < 2 || *kind.npy == '\0' || descr.substr(1) != kind.npy) continue;
    header.type = kind.type;
    header.big_endian = descr[0] == '>';
    return;
  }
  broken(fmt::format("type '{}' is not supported", descr), where);
}

void read_shape(std::string_view text, NpyHeader& header, const std::string& where) {
  const std::size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) {
    broken("its shape is not understood", where);
  }
  const std::string inside(text.substr(1, end - 1));
  for (const char* at = inside.c_str(); *at != '\0';) {
    if (std::isdigit(static_cast<unsigned char>(*at)) == 0) {
      if (*at != ' ' && *at != ',') broken("its shape is not understood", where);
      ++at;
      continue;
    }
    char* after = nullptr;
    const std::size_t extent = std::strtoull(at, &after, 10);
    at = after;
    header.shape.push_back(extent);
    if (extent != 0 && header.count > (std::size_t{1} << 40) / extent) {
      broken("its shape is beyond all memory", where);
    }
    header.count *= extent;
  }
}

NpyHeader read_header(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 10 || bytes.substr(0, 6) != std::string_view("\x93NUMPY", 6)) {
    broken("it does not begin with \\x93NUMPY", where);
  }
  const int version = bytes[6];
  if (version < 1 || version > 3) broken(fmt::format("version {}", version), where);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  if (bytes.size() < 8 + length_bytes) broken("it ends in its header", where);
  std::size_t length = 0;
  for (std::size_t b = 0; b < length_bytes; ++b) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[8 + b])) << (8 * b);
  }
  NpyHeader header;
  header.data_begin = 8 + length_bytes + length;
  if (header.data_begin > bytes.size()) broken("it ends in its header", where);
  const std::string_view text = bytes.substr(8 + length_bytes, length);
  read_type(after_key(text, "descr", where), header, where);
  header.fortran_order = after_key(text, "fortran_order", where).substr(0, 4) == "True";
  read_shape(after_key(text, "shape", where), header, where);
  return header;
}

/// Column-major values in row-major order.
std::vector<double> in_c_order(const std::vector<double>& values,
                               const std::vector<std::size_t>& shape) {
  std::vector<double> out(values.size());
  std::vector<std::size_t> index(shape.size(), 0);
  for (double& value : out) {
    std::size_t at = 0;
    for (std::size_t d = shape.size(); d-- > 0;) at = at * shape[d] + index[d];
    value = values[at];
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
  return out;
}

}  // namespace

const char* name(Element type) { return kind_of(type).name; }

Element element_of(std::string_view type, const std::string& where) {
  std::vector<std::string> known;
  for (const Kind& kind : kKinds) {
    if (type == kind.name) return kind.type;
    known.emplace_back(kind.name);
  }
  throw UsageError(fmt::format("unknown type {}", type), where,
                   fmt::format("known are {}", fmt::join(known, ", ")));
}

Numbers parse_npy(std::string_view bytes, const std::string& where) {
  const NpyHeader header = read_header(bytes, where);
  const std::string_view data = bytes.substr(header.data_begin);
  const std::size_t wanted = header.count * kind_of(header.type).size;
  if (data.size() != wanted) {
    broken(fmt::format("{} bytes of elements where its shape says {}", data.size(), wanted), where);
  }
  Numbers numbers;
  numbers.type = header.type;
  numbers.shape = header.shape;
  numbers.values = elements(data, header.type, header.big_endian);
  if (header.fortran_order) numbers.values = in_c_order(numbers.values, header.shape);
  return numbers;
}

Numbers parse_raw(std::string_view bytes, Element type, const std::string& where) {
  const std::size_t size = kind_of(type).size;
  if (bytes.size() % size != 0) {
    throw Error(
        fmt::format("{} bytes are no whole number of {} elements", bytes.size(), name(type)), where,
        "check --dtype");
  }
  Numbers numbers;
  numbers.type = type;
  numbers.values = elements(bytes, type, false);
  numbers.shape = {numbers.values.size()};
  return numbers;
}

Numbers parse_text(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,;";
  Numbers numbers;
  std::size_t place = 0;
  for (std::size_t begin = 0; begin < text.size(); ++place) {
    begin = std::min(text.find_first_not_of(kBetween, begin), text.size());
    const std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    if (begin == end) break;
    const std::string token(text.substr(begin, end - begin));
    begin = end;
    char* after = nullptr;
    const double value = std::strtod(token.c_str(), &after);
    if (*after == '\0') {
      numbers.values.push_back(value);
    } else {
      numbers.words.push_back(token);
      numbers.places.push_back(place);
    }
  }
  numbers.shape = {numbers.values.size()};
  return numbers;
}

}  // namespace aisp::bench::command
