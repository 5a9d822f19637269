// safetensors files: a JSON head with names, types, shapes and ranges of bytes, then the bytes.
// Models come as one file or as shards with an index, beside a config.json that says what they are.
// Source: github.com/huggingface/safetensors (README, Format).
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "model/tensor_file.h"

namespace aisp::model {

/// A folder with config.json and model.safetensors or model.safetensors.index.json. Throws Error.
TensorFile open_safetensors_folder(const std::string& folder);

/// One file, with the config.json beside it. Throws Error.
TensorFile open_safetensors(const std::string& path);

/// Adds the tensors of one file's bytes, which outlive `into`. For the openers and for tests.
void parse_safetensors(const std::string& name, std::span<const std::byte> bytes, TensorFile& into);

/// JSON of a file that may be anything; `where` names it in the Error.
nlohmann::json parse_json(std::span<const std::byte> bytes, const std::string& where);

}  // namespace aisp::model
