// Reads Hugging Face's tokenizer.json: byte pairs (byte-level or SentencePiece-like) and unigram
// models, added tokens, and the normalizers and pre-tokenizers that language models use. What a
// file asks for beyond that is an Error, never left out quietly.
// Source: the serialisation of the Rust crate huggingface/tokenizers.
#pragma once

#include <string_view>

#include "text/tokenizer_spec.h"

namespace aisp::text {

/// `json`: the file's bytes; `config_json`: tokenizer_config.json's, or "": the names of bos, eos,
/// unk and pad. Throws Error.
TokenizerSpec tokenizer_from_json(std::string_view json, std::string_view config_json,
                                  std::string_view where);

}  // namespace aisp::text
