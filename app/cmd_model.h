// `aisp model`: make a model file, store it in another type, show what is in one, and the logits
// that the reference computes from it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "model/config.h"

namespace aisp::app {

struct ModelMakeOptions {
  std::string arch, shape, type = "q8_0", out;
  std::string tokenizer_text;  // file that a vocabulary is learnt from; empty: bytes
  std::uint64_t seed = 1;
  double outliers = 0.0;
  int threads = 0;
  // Sizes that replace those of the shape; 0: as it says.
  std::int64_t layers = 0, width = 0, ff_size = 0, heads = 0, kv_heads = 0, head_size = 0,
               vocab = 0, context = 0, experts = 0, used_experts = 0, expert_size = 0;
};

struct ModelQuantizeOptions {
  std::string in, out, type = "q8_0";
  int threads = 0;
};

struct ModelShowOptions {
  std::string file;
  bool json = false, tensors = false;
};

struct ModelLogitsOptions {
  std::string file;
  std::vector<std::int32_t> tokens;
  bool last = false;
};

struct ModelCheckOptions {
  std::string file;
  int threads = 0;
};

struct ModelOptions {
  ModelMakeOptions make;
  ModelQuantizeOptions quantize;
  ModelShowOptions show;
  ModelLogitsOptions logits;
  ModelCheckOptions check;
};

/// Each prints what it did or found and returns the exit code. They throw UsageError and Error.
int cmd_model_make(const ModelMakeOptions& options);
int cmd_model_quantize(const ModelQuantizeOptions& options);
int cmd_model_show(const ModelShowOptions& options);
int cmd_model_logits(const ModelLogitsOptions& options);
/// kExitWrong when the packed weights beside the model are not its own.
int cmd_model_check(const ModelCheckOptions& options);

/// The config that `make` was asked for. Throws UsageError.
model::ModelConfig wanted_config(const ModelMakeOptions& options);

void add_model(CLI::App& root, ModelOptions& options, int* code);

}  // namespace aisp::app
