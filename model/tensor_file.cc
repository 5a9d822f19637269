// See tensor_file.h.
#include "model/tensor_file.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/shown.h"
#include "model/gguf.h"
#include "model/safetensors.h"

namespace aisp::model {

const Tensor* TensorFile::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

void TensorFile::add(Tensor tensor) {
  if (!index_.emplace(tensor.name, tensors_.size()).second) {
    throw Error("tensor \"" + shown(tensor.name) + "\" is there twice", path_,
                "convert the model again");
  }
  tensors_.push_back(std::move(tensor));
}

void TensorFile::check_apart() const {
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : tensors_) order.push_back(&tensor);
  std::ranges::sort(order, {}, [](const Tensor* one) { return one->bytes.data(); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Tensor &before = *order[i - 1], &after = *order[i];
    if (before.bytes.data() + before.bytes.size() > after.bytes.data()) {
      throw Error(
          "tensors \"" + shown(before.name) + "\" and \"" + shown(after.name) + "\" share bytes",
          path_, "convert the model again");
    }
  }
}

std::span<const std::byte> TensorFile::map(const std::string& path) {
  files_.emplace_back(path);
  return files_.back().bytes();
}

std::int64_t TensorFile::mapped_bytes() const {
  std::size_t sum = 0;
  for (const MappedFile& file : files_) sum += file.bytes().size();
  return static_cast<std::int64_t>(sum);
}

namespace {

TensorFile open_any(const std::string& path) {
  if (std::filesystem::is_directory(path)) return open_safetensors_folder(path);
  char magic[4] = {};
  {
    const MappedFile file(path);
    if (file.bytes().size() >= sizeof(magic))
      std::memcpy(magic, file.bytes().data(), sizeof(magic));
  }
  if (std::memcmp(magic, "GGUF", 4) == 0) return open_gguf(path);
  if (std::filesystem::path(path).extension() == ".safetensors") return open_safetensors(path);
  throw Error("is neither GGUF nor safetensors", path,
              "name a .gguf file, a .safetensors file or a folder with one");
}

}  // namespace

TensorFile open_model(const std::string& path) {
  TensorFile file = open_any(path);
  file.check_apart();
  return file;
}

}  // namespace aisp::model
