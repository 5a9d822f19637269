// See safetensors.h.
#include "model/safetensors.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/shown.h"

namespace aisp::model {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uint64_t kMaxHeadBytes = 100'000'000;  // the format's own limit
constexpr const char* kRemedy = "download or convert it again";

// Types without arithmetic here (bool, u8) are kept by their size: masks and tables of a model that
// nobody multiplies with.
std::optional<BlockType> type_of(const std::string& name) {
  static const std::map<std::string, BlockType> kTypes = {
      {"F64", BlockType::kF64},   {"F32", BlockType::kF32}, {"F16", BlockType::kF16},
      {"BF16", BlockType::kBF16}, {"I64", BlockType::kI64}, {"I32", BlockType::kI32},
      {"I16", BlockType::kI16},   {"I8", BlockType::kI8},   {"U8", BlockType::kI8},
      {"BOOL", BlockType::kI8}};
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) return std::nullopt;
  return found->second;
}

std::uint64_t natural(const Json& value, const std::string& who, const std::string& where) {
  if (!value.is_number_unsigned())
    throw Error(who + " has a size that is no number", where, kRemedy);
  return value.get<std::uint64_t>();
}

Tensor read_tensor(const std::string& name, const Json& line, std::span<const std::byte> data,
                   const std::string& where) {
  const std::string who = "tensor \"" + shown(name) + "\"";
  const auto bad = [&](const std::string& what) { return Error(who + " " + what, where, kRemedy); };
  if (!line.is_object() || !line.contains("dtype") || !line["dtype"].is_string() ||
      !line.contains("shape") || !line["shape"].is_array() || !line.contains("data_offsets") ||
      !line["data_offsets"].is_array() || line["data_offsets"].size() != 2) {
    throw bad("lacks its dtype, shape or data_offsets");
  }
  const auto dtype = line["dtype"].get<std::string>();
  const auto type = type_of(dtype);
  if (!type) {
    throw Error(who + " is stored as " + shown(dtype) + "; F32, F16 and BF16 are read", where,
                "use the model in one of those types, or as GGUF");
  }
  Tensor tensor;
  tensor.name = name;
  tensor.type = *type;
  if (line["shape"].size() > 8) throw bad("has more than 8 dimensions");
  std::int64_t elements = 1;
  for (const Json& extent : line["shape"]) {
    const std::uint64_t count = natural(extent, who, where);
    if (count < 1 || count > static_cast<std::uint64_t>(kMaxElements / elements)) {
      throw bad("has an impossible shape");
    }
    elements *= static_cast<std::int64_t>(count);
    tensor.shape.push_back(static_cast<std::int64_t>(count));
  }
  if (tensor.shape.empty()) tensor.shape = {1};  // a scalar
  const std::uint64_t begin = natural(line["data_offsets"][0], who, where);
  const std::uint64_t end = natural(line["data_offsets"][1], who, where);
  if (begin > end || end > data.size()) throw bad("lies beyond the end of the file");
  if (static_cast<std::int64_t>(end - begin) != *stored_bytes(format_of(*type), elements)) {
    throw bad("has bytes that do not fit its shape");
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// A file beside the model whose name came from the index: no way out of the folder.
std::string beside(const fs::path& folder, const Json& name, const std::string& where) {
  const std::string text = name.is_string() ? name.get<std::string>() : "";
  if (text.empty() || text == ".." || text == "." || text.find('/') != std::string::npos ||
      text.find('\0') != std::string::npos) {
    throw Error("names the file \"" + shown(text) + "\", which is none of its folder", where,
                kRemedy);
  }
  return (folder / text).string();
}

void add_config(const fs::path& folder, TensorFile& file) {
  const std::string path = (folder / "config.json").string();
  if (!fs::exists(path)) {
    throw Error("there is no config.json beside the weights", folder.string(),
                "copy the model's whole folder");
  }
  const MappedFile text(path);
  Json config = parse_json(text.bytes(), path);
  if (!config.is_object()) throw Error("is no JSON object", path, kRemedy);
  file.set_config(std::move(config));
}

}  // namespace

Json parse_json(std::span<const std::byte> bytes, const std::string& where) {
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  // Deep nesting would overflow the stack of whoever walks the document; real files have < 8.
  const auto limit = [](int depth, Json::parse_event_t, Json&) {
    if (depth > 64) throw std::length_error("is nested more than 64 deep");
    return true;
  };
  try {
    return Json::parse(begin, begin + bytes.size(), limit);
  } catch (const std::length_error& problem) {
    throw Error(problem.what(), where, kRemedy);
  } catch (const Json::exception& problem) {
    throw Error("is no JSON: " + shown(problem.what(), 120), where, kRemedy);
  }
}

void parse_safetensors(const std::string& name, std::span<const std::byte> bytes,
                       TensorFile& into) {
  std::uint64_t head = 0;
  if (bytes.size() < sizeof(head)) throw Error("is no safetensors file", name, kRemedy);
  std::memcpy(&head, bytes.data(), sizeof(head));
  if (head > kMaxHeadBytes || head > bytes.size() - sizeof(head)) {
    throw Error("has a head longer than the file, or is no safetensors file", name, kRemedy);
  }
  const Json lines = parse_json(bytes.subspan(sizeof(head), head), name);
  if (!lines.is_object()) throw Error("has a head that is no JSON object", name, kRemedy);
  const auto data = bytes.subspan(sizeof(head) + head);
  for (const auto& [tensor, line] : lines.items()) {
    if (tensor == "__metadata__") continue;
    into.add(read_tensor(tensor, line, data, name));
  }
}

TensorFile open_safetensors(const std::string& path) {
  TensorFile file(path, TensorFile::Format::kSafetensors);
  parse_safetensors(path, file.map(path), file);
  const fs::path folder = fs::path(path).parent_path();
  add_config(folder.empty() ? "." : folder, file);
  return file;
}

TensorFile open_safetensors_folder(const std::string& folder) {
  const fs::path root(folder);
  const std::string one = (root / "model.safetensors").string();
  const std::string index = (root / "model.safetensors.index.json").string();
  if (fs::exists(one)) return open_safetensors(one);
  if (!fs::exists(index)) {
    throw Error("holds neither model.safetensors nor model.safetensors.index.json", folder,
                "name a .gguf file or the folder of a model in safetensors");
  }
  TensorFile file(folder, TensorFile::Format::kSafetensors);
  const MappedFile text(index);
  const Json lines = parse_json(text.bytes(), index);
  if (!lines.is_object() || !lines.contains("weight_map") || !lines["weight_map"].is_object()) {
    throw Error("has no weight_map", index, kRemedy);
  }
  std::set<std::string> shards;
  for (const auto& [tensor, name] : lines["weight_map"].items()) {
    shards.insert(beside(root, name, index));
  }
  for (const std::string& shard : shards) parse_safetensors(shard, file.map(shard), file);
  for (const auto& [tensor, name] : lines["weight_map"].items()) {
    if (file.find(tensor) == nullptr) {
      throw Error("tensor \"" + shown(tensor) + "\" of the index is in none of the files", index,
                  kRemedy);
    }
  }
  add_config(root, file);
  return file;
}

}  // namespace aisp::model
