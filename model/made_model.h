// For tests: a tiny model of an architecture, made, written and opened.
#pragma once

#include <string>

#include "model/layer_tensors.h"
#include "model/make_model.h"
#include "model/shapes.h"
#include "model/temporary_folder.h"

namespace aisp::model {

struct MadeModel {
  explicit MadeModel(const std::string& architecture, const std::string& type = "f32",
                     std::uint64_t seed = 1, double outliers = 0.0)
      : MadeModel(*tiny_shape(architecture), type, seed, outliers) {}

  MadeModel(const ModelConfig& shape, const std::string& type, std::uint64_t seed, double outliers)
      : made(shape),
        file(write(type, seed, outliers)),
        config(config_of(file)),
        tensors(find_tensors(file, config)) {}

  TemporaryFolder folder;
  ModelConfig made;
  TensorFile file;
  ModelConfig config;
  ModelTensors tensors;

 private:
  TensorFile write(const std::string& type, std::uint64_t seed, double outliers) const {
    MakeOptions options;
    options.config = made;
    options.name = "tiny-" + made.architecture;
    options.type = type;
    options.seed = seed;
    options.outliers = outliers;
    options.threads = 1;
    options.tokenizer = byte_vocabulary(made.vocab);
    make_model(options, folder.path("m.gguf"));
    return open_model(folder.path("m.gguf"));
  }
};

inline const char* const kArchitectures[] = {"llama", "mistral",  "mixtral", "qwen2",  "qwen2moe",
                                             "qwen3", "qwen3moe", "gemma",   "gemma2", "gemma3"};

}  // namespace aisp::model
