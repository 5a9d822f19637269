// See make_model.h: which matrix of a model is stored as what.
#include <cstdlib>

#include "base/error.h"
#include "model/make_model.h"

namespace aisp::model {
namespace {

// Layers whose values and down-projections are worth more bits: the first and the last eighth, and
// every third between. Source: llama.cpp, src/llama-quant.cpp (use_more_bits).
bool more_bits(std::int64_t layer, std::int64_t layers) {
  const std::int64_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 == 2;
}

std::int64_t layer_of(const std::string& name) {
  return name.starts_with("blk.") ? std::strtoll(name.c_str() + 4, nullptr, 10) : -1;
}

BlockType mixture_q4_k_m(const std::string& name, std::int64_t layers, bool tied_output) {
  if (name == "output.weight" || (tied_output && name == "token_embd.weight")) {
    return BlockType::kQ6_K;
  }
  const bool wide =
      name.find(".attn_v.") != std::string::npos || name.find(".ffn_down") != std::string::npos;
  return wide && more_bits(layer_of(name), layers) ? BlockType::kQ6_K : BlockType::kQ4_K;
}

}  // namespace

BlockType stored_type(const std::string& type, const std::string& name, std::int64_t layers,
                      bool tied_output, const std::vector<std::int64_t>& shape) {
  const std::optional<BlockType> plain = block_type_of_name(type);
  if (type != "q4_k_m" && (!plain || format_of(*plain).quantize == nullptr)) {
    throw UsageError("type \"" + type + "\" is not known", "--type",
                     "known are " + block_type_names(true) + " and q4_k_m");
  }
  if (shape.size() == 1 || name.find("ffn_gate_inp") != std::string::npos) return BlockType::kF32;
  const BlockType wanted = plain ? *plain : mixture_q4_k_m(name, layers, tied_output);
  // Rows that are no whole blocks.
  for (const BlockType finer : {wanted, BlockType::kQ8_0, BlockType::kF16}) {
    if (shape.back() % format_of(finer).elements == 0) return finer;
  }
  return BlockType::kF16;
}

std::int64_t file_type_number(const std::string& type) {
  constexpr std::pair<std::string_view, std::int64_t> kNumbers[] = {
      {"f32", 0},   {"f16", 1},     {"q4_0", 2},  {"q8_0", 7},
      {"q4_k", 14}, {"q4_k_m", 15}, {"q6_k", 18}, {"bf16", 32}};
  for (const auto& [name, number] : kNumbers) {
    if (name == type) return number;
  }
  return 1024;  // "guessed"
}

}  // namespace aisp::model
