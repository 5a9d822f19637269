// The named values at the head of a GGUF file, in their order and with their stored types, so that
// a copy of a file says exactly what the file said. Source: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aisp::model {

/// The number is the one in a GGUF file.
enum class MetaType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,  // in files only: a value says it by `is_array`
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

std::string_view name(MetaType type);

/// Bytes of a stored number; 0 for strings and arrays.
int stored_size(MetaType type);

/// One value, or an array of one type. Every number but the floats is an int64 (a u64 its bits).
struct MetaValue {
  MetaType type = MetaType::kU32;
  bool is_array = false;
  std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
               std::vector<std::string>>
      value;

  static MetaValue u32(std::int64_t v) { return {MetaType::kU32, false, v}; }
  static MetaValue f32(double v) { return {MetaType::kF32, false, v}; }
  static MetaValue boolean(bool v) { return {MetaType::kBool, false, std::int64_t{v}}; }
  static MetaValue text(std::string v) { return {MetaType::kString, false, std::move(v)}; }

  /// Elements of an array, 1 for a single value.
  std::size_t count() const;
  bool operator==(const MetaValue&) const = default;
};

class Metadata {
 public:
  /// Null when absent.
  const MetaValue* find(std::string_view key) const;
  /// Adds, or replaces in its place.
  void set(std::string_view key, MetaValue value);
  void remove(std::string_view key);

  /// Null when absent; throws Error(key, where) when it is there with another type.
  const std::string* text(std::string_view key) const;
  const std::vector<std::string>* texts(std::string_view key) const;
  /// The value or `otherwise` when absent. Integers of any width; numbers also from integers.
  /// Throws Error when it is there with another type.
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  double number(std::string_view key, double otherwise) const;
  bool boolean(std::string_view key, bool otherwise) const;

  const std::vector<std::pair<std::string, MetaValue>>& all() const { return values_; }
  bool empty() const { return values_.empty(); }

 private:
  template <class T>
  const T* get(std::string_view key, bool array, const char* wanted) const;
  std::vector<std::pair<std::string, MetaValue>> values_;
};

}  // namespace aisp::model
