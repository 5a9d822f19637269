// Shapes of published models, and a tiny one of each architecture: what `aisp model make` fills
// with random weights. Sizes alone: no weight of anybody's model is here. Source: the config.json
// of each model.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/config.h"

namespace aisp::model {

/// The config of a shape such as "llama3.2-1b", as a GGUF file of it would say; nothing when
/// unknown.
std::optional<ModelConfig> shape_of_name(std::string_view name);

/// A small model of an architecture: "llama", "mistral", "mixtral", "qwen2", "qwen2moe", "qwen3",
/// "qwen3moe", "gemma", "gemma2", "gemma3": every part of it is there, a forward pass takes
/// milliseconds. Nothing when unknown.
std::optional<ModelConfig> tiny_shape(std::string_view architecture);

/// The same with its first layers and the first pieces of its vocabulary only: for measuring parts
/// of a model in milliseconds. Neither number is larger than the shape's.
ModelConfig cut_shape(ModelConfig config, std::int64_t layers, std::int64_t vocab);

/// "a, b, c", for messages.
std::string shape_names();
std::string tiny_shape_names();

/// The values of a GGUF file that config_of() turns back into `config`. Dynamic rope scaling has no
/// such form (a check).
Metadata metadata_of(const ModelConfig& config);

}  // namespace aisp::model
