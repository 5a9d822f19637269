// See model_size.h.
#include "doctor/model_size.h"

#include <fmt/format.h>

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

double number_in(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || !found->is_number()) return 0.0;
  const double value = found->get<double>();
  return value > 0 && value < 1e16 ? value : 0.0;
}

// Multimodal models keep the language model's numbers one level down.
const Json& language_part(const Json& config) {
  const auto text = config.find("text_config");
  return text != config.end() && text->is_object() ? *text : config;
}

double indexed_bytes(const Evidence& evidence, std::string& source) {
  source = evidence.subject().model + "/model.safetensors.index.json";
  const Json index = Json::parse(evidence.read(source).value, nullptr, false);
  if (!index.is_object()) return 0.0;
  const auto metadata = index.find("metadata");
  return metadata == index.end() || !metadata->is_object() ? 0.0
                                                           : number_in(*metadata, "total_size");
}

// Sizes of the files of weights, as stat(1) tells them.
double file_bytes(const Evidence& evidence, std::string& source) {
  const std::string& model = evidence.subject().model;
  std::vector<std::string> command = {"stat", "-L", "-c", "%s"};
  for (const std::string& name : evidence.list(model)) {
    if (name.ends_with(".safetensors") || name.ends_with(".gguf")) {
      command.push_back(model + "/" + name);
    }
  }
  if (command.size() == 4 && (model.ends_with(".safetensors") || model.ends_with(".gguf"))) {
    command.push_back(model);
  }
  if (command.size() == 4) return 0.0;
  source = fmt::format("sizes of {} files of weights", command.size() - 4);
  double sum = 0.0;
  const Text sizes = evidence.command(command);
  for (const auto line : machine::split(sizes.value, '\n')) {
    sum += machine::parse_number(line).value_or(0.0);
  }
  return sum;
}

}  // namespace

std::optional<Json> model_config(const Evidence& evidence) {
  if (evidence.subject().model.empty()) return std::nullopt;
  Json config =
      Json::parse(evidence.read(evidence.subject().model + "/config.json").value, nullptr, false);
  if (!config.is_object()) return std::nullopt;
  for (const char* key : {"torch_dtype", "dtype"}) {  // read as text elsewhere
    if (config.contains(key) && !config[key].is_string()) config.erase(key);
  }
  return config;
}

std::optional<ModelSize> model_size(const Evidence& evidence, std::string& why) {
  ModelSize size;
  size.weight_bytes = indexed_bytes(evidence, size.source);
  if (size.weight_bytes <= 0) size.weight_bytes = file_bytes(evidence, size.source);
  if (size.weight_bytes <= 0) {
    why = evidence.subject().model + ": neither an index of weights nor their sizes can be read";
    return std::nullopt;
  }
  const auto config = model_config(evidence);
  if (!config) {
    why = evidence.subject().model + "/config.json cannot be read: the cache's size is unknown";
    return std::nullopt;
  }
  const Json& part = language_part(*config);
  const double layers = number_in(part, "num_hidden_layers");
  const double heads = number_in(part, "num_attention_heads");
  const double key_heads = number_in(part, "num_key_value_heads");
  double head_size = number_in(part, "head_dim");
  if (head_size == 0 && heads > 0) head_size = number_in(part, "hidden_size") / heads;
  constexpr double kBytes = 2;  // of a key or value in BF16 or FP16
  size.tokens = static_cast<long>(number_in(part, "max_position_embeddings"));
  double per_layer = 2 * (key_heads > 0 ? key_heads : heads) * head_size;  // keys and values
  const double latent = number_in(part, "kv_lora_rank");  // multi-head latent attention
  if (latent > 0) per_layer = latent + number_in(part, "qk_rope_head_dim");
  size.cache_bytes = layers * per_layer * kBytes * static_cast<double>(size.tokens);
  return size;
}

}  // namespace aisp::doctor
