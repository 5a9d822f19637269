// One model on disk, whatever its format: named tensors with their types, shapes and mapped bytes,
// and what the file says about itself. Nothing is copied or converted; sizes have been checked
// against the file, so whoever reads a tensor's bytes stays inside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/block_types.h"
#include "model/mapped_file.h"
#include "model/metadata.h"

namespace aisp::model {

struct Tensor {
  std::string name;
  BlockType type = BlockType::kF32;
  std::vector<std::int64_t> shape;  // slowest first: {rows, columns}; blocks lie along the last
  std::span<const std::byte> bytes;

  std::int64_t elements() const {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    return count;
  }
};

/// At most this many elements in a tensor: every size in bytes and every index then fits in 64 bits
/// with room to spare.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;

class TensorFile {
 public:
  enum class Format { kGguf, kSafetensors };

  TensorFile(std::string path, Format format) : path_(std::move(path)), format_(format) {}

  const std::string& path() const { return path_; }
  Format format() const { return format_; }

  const std::vector<Tensor>& tensors() const { return tensors_; }
  /// Null when absent. The pointer lives as long as the file.
  const Tensor* find(std::string_view name) const;

  /// GGUF: the values at its head. Empty for safetensors.
  const Metadata& metadata() const { return metadata_; }
  /// safetensors: the config.json beside it. Null for GGUF.
  const nlohmann::json& config() const { return config_; }

  /// For the readers, at their end: throws Error when two tensors share bytes, so that what is made
  /// of all of them is bounded by the file's size.
  void check_apart() const;
  /// For the readers. Throws Error when the name is there already.
  void add(Tensor tensor);
  Metadata& metadata() { return metadata_; }
  void set_config(nlohmann::json config) { config_ = std::move(config); }
  /// Maps a file that lives as long as this object, and returns its bytes.
  std::span<const std::byte> map(const std::string& path);
  const std::vector<MappedFile>& files() const { return files_; }
  /// Bytes of all mapped files.
  std::int64_t mapped_bytes() const;

 private:
  std::string path_;
  Format format_;
  std::vector<MappedFile> files_;
  std::vector<Tensor> tensors_;
  std::unordered_map<std::string, std::size_t> index_;
  Metadata metadata_;
  nlohmann::json config_;
};

/// Opens a .gguf file (of a split model its first part), a .safetensors file, or a folder with
/// model.safetensors or model.safetensors.index.json; safetensors need a config.json beside them.
/// The content decides, not the name. Throws Error: one line with what is wrong and where.
TensorFile open_model(const std::string& path);

}  // namespace aisp::model
