// The tokenizer and the chat template that come with a model's file, and a tokenizer's values as a
// GGUF file says them.
// Source: github.com/ggml-org/ggml, docs/gguf.md (tokenizer.ggml.*); llama.cpp,
// src/llama-vocab.cpp, for what is meant where a key is absent.
#pragma once

#include <string>

#include "model/tensor_file.h"
#include "text/tokenizer_spec.h"

namespace aisp::model {

/// GGUF: from its values. safetensors: from tokenizer.json (and tokenizer_config.json) beside it.
/// Checked (text::check_spec). Throws Error: none is there, a kind that is not known, lists of
/// different lengths.
text::TokenizerSpec tokenizer_of(const TensorFile& file);

/// "" when there is none.
std::string chat_template_of(const TensorFile& file);

/// The values from which tokenizer_of() makes the same spec. `pre`: the name of its pre-tokenizer,
/// such as "qwen2" (byte pairs only).
Metadata tokenizer_values(const text::TokenizerSpec& spec, const std::string& pre);

}  // namespace aisp::model
