// See tokenizer_of.h.
#include "model/tokenizer_of.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/shown.h"
#include "model/safetensors.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_json.h"

namespace aisp::model {
namespace {

using text::PieceType;
using text::SpacePrefix;
using text::TokenizerKind;
using text::TokenizerSpec;

// Pieces that end a turn by their text, where a file does not name them.
constexpr std::string_view kEnds[] = {"<|eot_id|>",    "<|eom_id|>", "<|im_end|>",
                                      "<end_of_turn>", "<|end|>",    "<|endoftext|>"};

template <class T>
const std::vector<T>* array_of(const TensorFile& file, const char* key) {
  const MetaValue* value = file.metadata().find(key);
  if (value == nullptr) return nullptr;
  const auto* held = std::get_if<std::vector<T>>(&value->value);
  if (held == nullptr) {
    throw Error(std::string(key) + " is " + std::string(name(value->type)) +
                    ", another kind of array is expected",
                file.path(), "download or convert the model again");
  }
  return held;
}

std::int32_t id_of(const TensorFile& file, const char* key, std::int64_t otherwise) {
  const std::int64_t id = file.metadata().integer(key, otherwise);
  // Some files say "none" as 2^32 - 1.
  return id < 0 || id > INT32_MAX ? -1 : static_cast<std::int32_t>(id);
}

void read_kind(const TensorFile& file, TokenizerSpec& spec) {
  const Metadata& m = file.metadata();
  const std::string* kind = m.text("tokenizer.ggml.model");
  if (kind == nullptr) {
    throw Error("there is no tokenizer in it", file.path(), "convert the model with its tokenizer");
  }
  if (*kind == "gpt2") {
    spec.kind = TokenizerKind::kBytePair;
    const std::string* pre = m.text("tokenizer.ggml.pre");
    text::set_pre_tokenizer(spec, pre == nullptr ? "default" : *pre);
  } else if (*kind == "llama" || *kind == "t5") {
    spec.kind = *kind == "t5" ? TokenizerKind::kUnigram : TokenizerKind::kScoredPairs;
    spec.escape_spaces = spec.byte_fallback = true;
    spec.add_bos = *kind == "llama";
    spec.add_eos = *kind == "t5";
    const bool prefix = m.boolean("tokenizer.ggml.add_space_prefix", true);
    spec.space_prefix = prefix ? SpacePrefix::kAfterSpecial : SpacePrefix::kNever;
    spec.squeeze_spaces = m.boolean("tokenizer.ggml.remove_extra_whitespaces", false);
  } else {
    throw Error("the tokenizer's kind \"" + shown(*kind) + "\" is not known", file.path(),
                "known are gpt2, llama and t5");
  }
}

void read_pieces(const TensorFile& file, TokenizerSpec& spec) {
  const auto* pieces = array_of<std::string>(file, "tokenizer.ggml.tokens");
  if (pieces == nullptr) {
    throw Error("the tokenizer has no pieces", file.path(), "download or convert the model again");
  }
  spec.pieces = *pieces;
  if (const auto* types = array_of<std::int64_t>(file, "tokenizer.ggml.token_type")) {
    for (const std::int64_t type : *types) {
      if (type < 1 || type > 6) {
        throw Error("a piece has the unknown type " + std::to_string(type), file.path(),
                    "types 1 to 6 are known");
      }
      spec.types.push_back(static_cast<PieceType>(type));
    }
  }
  if (const auto* scores = array_of<double>(file, "tokenizer.ggml.scores");
      scores != nullptr && spec.kind != TokenizerKind::kBytePair) {
    spec.scores.assign(scores->begin(), scores->end());
  }
  if (const auto* merges = array_of<std::string>(file, "tokenizer.ggml.merges");
      merges != nullptr && spec.kind == TokenizerKind::kBytePair) {
    spec.merges = *merges;
  }
}

void read_special(const TensorFile& file, TokenizerSpec& spec) {
  const Metadata& m = file.metadata();
  const bool llama = spec.kind == TokenizerKind::kScoredPairs;
  spec.bos = id_of(file, "tokenizer.ggml.bos_token_id", llama ? 1 : -1);
  spec.eos = id_of(file, "tokenizer.ggml.eos_token_id", llama ? 2 : -1);
  spec.unknown = id_of(file, "tokenizer.ggml.unknown_token_id", llama ? 0 : -1);
  spec.pad = id_of(file, "tokenizer.ggml.padding_token_id", -1);
  spec.add_bos = m.boolean("tokenizer.ggml.add_bos_token", spec.add_bos);
  spec.add_eos = m.boolean("tokenizer.ggml.add_eos_token", spec.add_eos);
  std::vector<std::int32_t> ends = {id_of(file, "tokenizer.ggml.eot_token_id", -1),
                                    id_of(file, "tokenizer.ggml.eom_token_id", -1)};
  for (std::size_t id = 0; id < spec.pieces.size(); ++id) {
    const PieceType type =
        spec.types.size() == spec.pieces.size() ? spec.types[id] : PieceType::kNormal;
    if (type != PieceType::kControl && type != PieceType::kUserDefined) continue;
    if (std::find(std::begin(kEnds), std::end(kEnds), spec.pieces[id]) != std::end(kEnds)) {
      ends.push_back(static_cast<std::int32_t>(id));
    }
  }
  for (const std::int32_t end : ends) {
    const bool there = std::find(spec.ends.begin(), spec.ends.end(), end) != spec.ends.end();
    if (end >= 0 && end != spec.eos && !there) spec.ends.push_back(end);
  }
}

std::string beside(const TensorFile& file, const char* name) {
  namespace fs = std::filesystem;
  const fs::path path(file.path());
  const fs::path other = (fs::is_directory(path) ? path : path.parent_path()) / name;
  if (!fs::exists(other)) return "";
  const MappedFile mapped(other.string());
  return {reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()};
}

}  // namespace

TokenizerSpec tokenizer_of(const TensorFile& file) {
  if (file.format() == TensorFile::Format::kSafetensors) {
    const std::string json = beside(file, "tokenizer.json");
    if (json.empty()) {
      throw Error("there is no tokenizer.json beside the weights", file.path(),
                  "copy the model's whole folder");
    }
    return text::tokenizer_from_json(json, beside(file, "tokenizer_config.json"), file.path());
  }
  TokenizerSpec spec;
  read_kind(file, spec);
  read_pieces(file, spec);
  read_special(file, spec);
  text::check_spec(spec, file.path());
  return spec;
}

std::string chat_template_of(const TensorFile& file) {
  if (file.format() == TensorFile::Format::kGguf) {
    const std::string* text = file.metadata().text("tokenizer.chat_template");
    return text == nullptr ? "" : *text;
  }
  if (const std::string text = beside(file, "chat_template.jinja"); !text.empty()) return text;
  const std::string config = beside(file, "tokenizer_config.json");
  if (config.empty()) return "";
  const nlohmann::json json =
      parse_json(std::as_bytes(std::span(config.data(), config.size())), "tokenizer_config.json");
  const auto found = json.is_object() ? json.find("chat_template") : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Metadata tokenizer_values(const TokenizerSpec& spec, const std::string& pre) {
  Metadata m;
  const bool pairs = spec.kind == TokenizerKind::kBytePair;
  m.set("tokenizer.ggml.model", MetaValue::text(pairs                                  ? "gpt2"
                                                : spec.kind == TokenizerKind::kUnigram ? "t5"
                                                                                       : "llama"));
  m.set("tokenizer.ggml.pre", MetaValue::text(pairs ? pre : "default"));
  m.set("tokenizer.ggml.tokens", {MetaType::kString, true, spec.pieces});
  std::vector<std::int64_t> types;
  for (std::size_t id = 0; id < spec.pieces.size(); ++id) {
    types.push_back(static_cast<std::int64_t>(spec.type_of(id)));
  }
  m.set("tokenizer.ggml.token_type", {MetaType::kI32, true, std::move(types)});
  if (pairs) {
    m.set("tokenizer.ggml.merges", {MetaType::kString, true, spec.merges});
  } else {
    m.set("tokenizer.ggml.scores",
          {MetaType::kF32, true, std::vector<double>(spec.scores.begin(), spec.scores.end())});
    m.set("tokenizer.ggml.add_space_prefix",
          MetaValue::boolean(spec.space_prefix != SpacePrefix::kNever));
  }
  const std::pair<const char*, std::int32_t> ids[] = {
      {"bos", spec.bos}, {"eos", spec.eos}, {"unknown", spec.unknown}, {"padding", spec.pad}};
  for (const auto& [name, id] : ids) {
    if (id < 0) continue;
    m.set(std::string("tokenizer.ggml.") + name + "_token_id", MetaValue::u32(id));
  }
  if (!spec.ends.empty()) {
    m.set("tokenizer.ggml.eot_token_id", MetaValue::u32(spec.ends.front()));
  }
  m.set("tokenizer.ggml.add_bos_token", MetaValue::boolean(spec.add_bos));
  m.set("tokenizer.ggml.add_eos_token", MetaValue::boolean(spec.add_eos));
  return m;
}

}  // namespace aisp::model
