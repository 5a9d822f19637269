// How much memory a model needs, from its folder: config.json and the index of its weights.
//
// Source: safetensors format; Hugging Face configuration files.
#pragma once

#include <optional>
#include <string>

#include "doctor/evidence.h"

namespace aisp::doctor {

/// The subject's model/config.json; nothing when it is absent or no JSON object.
std::optional<Json> model_config(const Evidence& evidence);

struct ModelSize {
  double weight_bytes = 0.0;
  double cache_bytes = 0.0;  // keys and values of one sequence of `tokens`, 2 bytes an element
  long tokens = 0;
  std::string source;  // where the weights' bytes come from
};
/// Nothing, and `why`, when config.json or the sizes of weights cannot be read.
std::optional<ModelSize> model_size(const Evidence& evidence, std::string& why);

}  // namespace aisp::doctor
