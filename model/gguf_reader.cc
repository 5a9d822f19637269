// See gguf.h. Every size read is compared with what is left of the file before anything is
// allocated for it, so a file of n bytes never asks for more than about 8 n.
#include <bit>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/shown.h"
#include "model/gguf.h"

namespace aisp::model {
namespace {

constexpr std::uint64_t kMaxNameBytes = 1 << 16;  // keys and names; published ones have < 100
constexpr std::uint64_t kMaxAlignment = 1 << 20;  // published files have 32
constexpr std::uint64_t kMaxValues = 4096;        // published files have 20 to 60
constexpr std::uint64_t kMaxSplits = 99999;       // five digits in the name
constexpr const char* kRemedy = "download or convert it again";

// Reads numbers and strings one after another and never past the end.
class Cursor {
 public:
  Cursor(const std::string& name, std::span<const std::byte> bytes) : name_(name), bytes_(bytes) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(what + " (at byte " + std::to_string(at_) + ")", name_, kRemedy);
  }

  std::uint64_t left() const { return bytes_.size() - at_; }
  std::uint64_t at() const { return at_; }

  template <class T>
  T number() {
    if (left() < sizeof(T)) fail("ends inside its head");
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string text(std::uint64_t limit, const char* what) {
    const auto size = number<std::uint64_t>();
    if (size > left()) fail(std::string(what) + " is longer than the file");
    if (size > limit) fail(std::string(what) + " is longer than anybody's");
    std::string value(reinterpret_cast<const char*>(bytes_.data() + at_), size);
    at_ += size;
    return value;
  }

 private:
  const std::string& name_;
  std::span<const std::byte> bytes_;
  std::uint64_t at_ = 0;
};

std::int64_t read_integer(Cursor& in, MetaType type) {
  switch (type) {
    case MetaType::kU8:
      return in.number<std::uint8_t>();
    case MetaType::kI8:
      return in.number<std::int8_t>();
    case MetaType::kU16:
      return in.number<std::uint16_t>();
    case MetaType::kI16:
      return in.number<std::int16_t>();
    case MetaType::kU32:
      return in.number<std::uint32_t>();
    case MetaType::kI32:
      return in.number<std::int32_t>();
    case MetaType::kBool: {
      const auto value = in.number<std::uint8_t>();
      if (value > 1) in.fail("a boolean is neither 0 nor 1");
      return value;
    }
    default:
      return in.number<std::int64_t>();
  }
}

double read_float(Cursor& in, MetaType type) {
  return type == MetaType::kF32 ? static_cast<double>(in.number<float>()) : in.number<double>();
}

MetaType read_type(Cursor& in) {
  const auto number = in.number<std::uint32_t>();
  if (number > 12) in.fail("a value has the unknown type " + std::to_string(number));
  return static_cast<MetaType>(number);
}

MetaValue read_value(Cursor& in) {
  MetaValue out;
  out.type = read_type(in);
  if (out.type != MetaType::kArray) {
    if (out.type == MetaType::kString) {
      out.value = in.text(std::numeric_limits<std::uint64_t>::max(), "a string");
    } else if (out.type == MetaType::kF32 || out.type == MetaType::kF64) {
      out.value = read_float(in, out.type);
    } else {
      out.value = read_integer(in, out.type);
    }
    return out;
  }
  out.is_array = true;
  out.type = read_type(in);
  if (out.type == MetaType::kArray) in.fail("a value is an array of arrays, which is not read");
  const auto count = in.number<std::uint64_t>();
  const std::uint64_t smallest =
      out.type == MetaType::kString ? 8 : static_cast<std::uint64_t>(stored_size(out.type));
  if (count > in.left() / smallest) in.fail("an array is longer than the file");
  if (out.type == MetaType::kString) {
    std::vector<std::string> values(count);
    for (std::string& value : values) value = in.text(in.left(), "a string");
    out.value = std::move(values);
  } else if (out.type == MetaType::kF32 || out.type == MetaType::kF64) {
    std::vector<double> values(count);
    for (double& value : values) value = read_float(in, out.type);
    out.value = std::move(values);
  } else {
    std::vector<std::int64_t> values(count);
    for (std::int64_t& value : values) value = read_integer(in, out.type);
    out.value = std::move(values);
  }
  return out;
}

// A tensor's line in the head; its bytes are found later, relative to the data's beginning.
struct Line {
  Tensor tensor;
  std::uint64_t offset = 0;
  std::int64_t bytes = 0;
};

Line read_line(Cursor& in) {
  Line line;
  Tensor& tensor = line.tensor;
  tensor.name = in.text(kMaxNameBytes, "a tensor's name");
  const std::string who = "tensor \"" + shown(tensor.name) + "\"";
  const auto dimensions = in.number<std::uint32_t>();
  if (dimensions < 1 || dimensions > 4) {
    in.fail(who + " has " + std::to_string(dimensions) + " dimensions, 1 to 4 are known");
  }
  tensor.shape.resize(dimensions);
  std::int64_t elements = 1;
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    const auto extent = in.number<std::int64_t>();
    if (extent < 1 || extent > kMaxElements / elements) in.fail(who + " has an impossible shape");
    elements *= extent;
    tensor.shape[dimensions - 1 - d] = extent;  // the file has the fastest first
  }
  const auto number = in.number<std::uint32_t>();
  const BlockFormat* format = find_format(number);
  if (format == nullptr) in.fail(who + " has the unknown type " + std::to_string(number));
  tensor.type = format->type;
  if (tensor.shape.back() % format->elements != 0) {
    in.fail(who + " has rows that are no whole number of " + std::string(format->name) + " blocks");
  }
  line.bytes = *stored_bytes(*format, elements);  // kMaxElements of 8 bytes fit
  line.offset = in.number<std::uint64_t>();
  return line;
}

void place(const Cursor& in, std::span<const std::byte> bytes, std::uint64_t alignment,
           std::vector<Line>& lines) {
  const std::uint64_t start = (in.at() + alignment - 1) / alignment * alignment;
  const std::uint64_t room = start < bytes.size() ? bytes.size() - start : 0;
  for (Line& line : lines) {
    const std::string who = "tensor \"" + shown(line.tensor.name) + "\"";
    const auto size = static_cast<std::uint64_t>(line.bytes);
    if (line.offset % alignment != 0) in.fail(who + " begins at an unaligned offset");
    if (line.offset > room || size > room - line.offset) {
      in.fail(who + " lies beyond the end of the file, which is cut short or damaged");
    }
    line.tensor.bytes = bytes.subspan(start + line.offset, size);
  }
}

struct Parsed {
  Metadata metadata;
  std::vector<Line> lines;
};

Parsed parse(const std::string& name, std::span<const std::byte> bytes) {
  Cursor in(name, bytes);
  if (in.left() < 24 || in.number<std::uint32_t>() != 0x46554747u) in.fail("is no GGUF file");
  const auto version = in.number<std::uint32_t>();
  if (version != 2 && version != 3) {
    in.fail((version & 0xffffu) == 0
                ? "is a big-endian GGUF file, which is not read"
                : "has GGUF version " + std::to_string(version) + ", versions 2 and 3 are read");
  }
  const auto tensors = in.number<std::uint64_t>(), values = in.number<std::uint64_t>();
  // The shortest value has a length, a type and a byte; the shortest tensor a length, a count, an
  // extent, a type and an offset.
  if (values > kMaxValues || values > in.left() / 13 || tensors > in.left() / 32) {
    in.fail("counts more than it can hold");
  }
  Parsed out;
  for (std::uint64_t i = 0; i < values; ++i) {
    const std::string key = in.text(kMaxNameBytes, "a key");
    if (out.metadata.find(key) != nullptr) {
      in.fail("the key \"" + shown(key) + "\" is there twice");
    }
    out.metadata.set(key, read_value(in));
  }
  for (std::uint64_t i = 0; i < tensors; ++i) out.lines.push_back(read_line(in));
  const std::int64_t alignment = out.metadata.integer("general.alignment", 32);
  if (alignment < 1 || static_cast<std::uint64_t>(alignment) > kMaxAlignment ||
      !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    in.fail("has the impossible alignment " + std::to_string(alignment));
  }
  place(in, bytes, static_cast<std::uint64_t>(alignment), out.lines);
  return out;
}

void add_all(Parsed& parsed, TensorFile& file) {
  for (Line& line : parsed.lines) file.add(std::move(line.tensor));
}

// "model-00001-of-00003.gguf" -> "model"; nothing when the name is not that of part `part`.
std::string split_stem(const std::string& path, std::uint64_t part, std::uint64_t parts) {
  char end[40];
  std::snprintf(end, sizeof(end), "-%05llu-of-%05llu.gguf", static_cast<unsigned long long>(part),
                static_cast<unsigned long long>(parts));
  return path.ends_with(end) ? path.substr(0, path.size() - std::strlen(end)) : "";
}

std::string split_name(const std::string& stem, std::uint64_t part, std::uint64_t parts) {
  char end[40];
  std::snprintf(end, sizeof(end), "-%05llu-of-%05llu.gguf", static_cast<unsigned long long>(part),
                static_cast<unsigned long long>(parts));
  return stem + end;
}

}  // namespace

TensorFile parse_gguf(const std::string& name, std::span<const std::byte> bytes) {
  Parsed parsed = parse(name, bytes);
  TensorFile file(name, TensorFile::Format::kGguf);
  file.metadata() = std::move(parsed.metadata);
  add_all(parsed, file);
  return file;
}

TensorFile open_gguf(const std::string& path) {
  TensorFile file(path, TensorFile::Format::kGguf);
  Parsed first = parse(path, file.map(path));
  file.metadata() = std::move(first.metadata);
  add_all(first, file);
  const std::int64_t parts = file.metadata().integer("split.count", 0);
  if (parts <= 1) return file;
  if (static_cast<std::uint64_t>(parts) > kMaxSplits) {
    throw Error("says that it is one of " + std::to_string(parts) + " parts", path, kRemedy);
  }
  const std::string stem = split_stem(path, 1, static_cast<std::uint64_t>(parts));
  if (file.metadata().integer("split.no", 0) != 0 || stem.empty()) {
    throw Error(
        "is a later part of a split model, or was renamed", path,
        "name the part that ends in " + split_name("", 1, static_cast<std::uint64_t>(parts)));
  }
  for (std::int64_t part = 1; part < parts; ++part) {
    const std::string name =
        split_name(stem, static_cast<std::uint64_t>(part + 1), static_cast<std::uint64_t>(parts));
    Parsed more = parse(name, file.map(name));
    if (more.metadata.integer("split.no", -1) != part) {
      throw Error("is not part " + std::to_string(part + 1) + " of this model", name, kRemedy);
    }
    add_all(more, file);
  }
  const std::int64_t wanted = file.metadata().integer("split.tensors.count", 0);
  if (wanted != 0 && wanted != static_cast<std::int64_t>(file.tensors().size())) {
    throw Error("its parts hold " + std::to_string(file.tensors().size()) + " tensors, " +
                    std::to_string(wanted) + " are announced",
                path, kRemedy);
  }
  return file;
}

}  // namespace aisp::model
