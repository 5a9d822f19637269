// See metadata.h. Files have 20 to 60 keys: a list in file order is all they need.
#include "model/metadata.h"

#include <algorithm>

#include "base/error.h"

namespace aisp::model {

std::string_view name(MetaType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  const auto number = static_cast<std::uint32_t>(type);
  return number < std::size(kNames) ? kNames[number] : "?";
}

int stored_size(MetaType type) {
  constexpr int kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  const auto number = static_cast<std::uint32_t>(type);
  return number < std::size(kSizes) ? kSizes[number] : 0;
}

std::size_t MetaValue::count() const {
  return std::visit(
      [](const auto& held) -> std::size_t {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
          return 1;
        } else {
          return held.size();
        }
      },
      value);
}

const MetaValue* Metadata::find(std::string_view key) const {
  for (const auto& [name, value] : values_) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Metadata::set(std::string_view key, MetaValue value) {
  for (auto& [name, held] : values_) {
    if (name == key) {
      held = std::move(value);
      return;
    }
  }
  values_.emplace_back(key, std::move(value));
}

void Metadata::remove(std::string_view key) {
  std::erase_if(values_, [key](const auto& pair) { return pair.first == key; });
}

template <class T>
const T* Metadata::get(std::string_view key, bool array, const char* wanted) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return nullptr;
  const T* held = std::get_if<T>(&value->value);
  if (held == nullptr || value->is_array != array) {
    throw Error("is " + std::string(value->is_array ? "an array of " : "") +
                    std::string(model::name(value->type)) + ", " + wanted + " is expected",
                std::string(key), "convert the model again");
  }
  return held;
}

const std::string* Metadata::text(std::string_view key) const {
  return get<std::string>(key, false, "a string");
}

const std::vector<std::string>* Metadata::texts(std::string_view key) const {
  return get<std::vector<std::string>>(key, true, "an array of strings");
}

std::int64_t Metadata::integer(std::string_view key, std::int64_t otherwise) const {
  const auto* held = get<std::int64_t>(key, false, "an integer");
  return held == nullptr ? otherwise : *held;
}

double Metadata::number(std::string_view key, double otherwise) const {
  const MetaValue* value = find(key);
  if (value == nullptr) return otherwise;
  if (const auto* whole = std::get_if<std::int64_t>(&value->value)) {
    return static_cast<double>(*whole);
  }
  return *get<double>(key, false, "a number");
}

bool Metadata::boolean(std::string_view key, bool otherwise) const {
  const auto* held = get<std::int64_t>(key, false, "a boolean");
  return held == nullptr ? otherwise : *held != 0;
}

}  // namespace aisp::model
