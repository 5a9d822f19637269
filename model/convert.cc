// See convert.h.
#include "model/convert.h"

#include <filesystem>

#include "base/error.h"
#include "base/shown.h"
#include "model/config.h"
#include "model/make_model.h"

namespace aisp::model {
namespace {

bool same_file(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return std::filesystem::equivalent(a, b, ignored);
}

}  // namespace

void convert_model(const TensorFile& file, const ConvertOptions& options, const std::string& path) {
  if (file.format() != TensorFile::Format::kGguf) {
    throw Error("is no GGUF file", file.path(), "convert it to GGUF first");
  }
  if (same_file(file.path(), path)) {
    throw UsageError("is the model itself", path, "name another file for the result");
  }
  const ModelConfig config = config_of(file);
  GgufWriter writer(path);
  writer.metadata() = file.metadata();
  for (const char* key : {"split.no", "split.count", "split.tensors.count"}) {
    writer.metadata().remove(key);
  }
  writer.metadata().set("general.file_type", MetaValue::u32(file_type_number(options.type)));
  std::vector<BlockType> types;
  for (const Tensor& tensor : file.tensors()) {
    types.push_back(
        stored_type(options.type, tensor.name, config.layers, config.tied_output, tensor.shape));
    const BlockFormat& from = format_of(tensor.type);
    if (types.back() != tensor.type && from.dequantize == nullptr) {
      throw Error("tensor \"" + shown(tensor.name) + "\" is stored as " + std::string(from.name) +
                      ", which is not read",
                  file.path(), "begin with a model in one of " + block_type_names(false));
    }
    writer.declare(tensor.name, types.back(), tensor.shape);
  }
  writer.begin();
  RowStream stream(writer, options.threads, options.progress);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Tensor& tensor = file.tensors()[i];
    if (types[i] == tensor.type) {
      stream.copy(tensor.bytes);
      continue;
    }
    const auto row_bytes =
        static_cast<std::size_t>(*stored_bytes(format_of(tensor.type), tensor.shape.back()));
    stream.tensor(types[i], tensor.shape, [&](std::int64_t row, std::span<float> out) {
      const auto at = static_cast<std::size_t>(row) * row_bytes;
      dequantize(tensor.type, tensor.bytes.subspan(at, row_bytes).data(), out);
    });
  }
  writer.finish();
}

}  // namespace aisp::model
