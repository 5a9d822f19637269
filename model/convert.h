// A model in another stored type: read from a GGUF file, written as one.
#pragma once

#include <string>

#include "model/row_stream.h"
#include "model/tensor_file.h"

namespace aisp::model {

struct ConvertOptions {
  std::string type = "q8_0";  // as MakeOptions::type
  int threads = 0;            // 0: one per core
  WriteProgress progress;
};

/// Writes `file` to `path`: the same values and names, each matrix stored as stored_type() says.
/// What has that type already is copied byte for byte. Quantizing what was quantized loses twice;
/// that is the caller's choice. Streaming, as make_model(). Throws Error: the model is not GGUF, a
/// tensor is of a type that is not read, an unknown type, a full disk.
void convert_model(const TensorFile& file, const ConvertOptions& options, const std::string& path);

}  // namespace aisp::model
