// `aisp model show`: settings, tensors by type, tokenizer and template of a model file.
#include <fmt/format.h>

#include <map>

#include "app/cmd_model.h"
#include "base/text.h"
#include "base/units.h"
#include "model/layer_tensors.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

const char* name(model::RopeScaling scaling) {
  switch (scaling) {
    case model::RopeScaling::kNone:
      return "none";
    case model::RopeScaling::kLinear:
      return "linear";
    case model::RopeScaling::kDynamic:
      return "dynamic";
    case model::RopeScaling::kYarn:
      return "yarn";
    case model::RopeScaling::kLlama3:
      return "llama3";
  }
  return "?";
}

Json rope_json(const model::Rope& rope) {
  return {{"pairs", rope.pairs == model::RopePairs::kHalves ? "halves" : "interleaved"},
          {"size", rope.size},
          {"theta", rope.theta},
          {"scaling", rope.divisors.empty() ? name(rope.scaling) : "factors of the file"},
          {"factor", rope.factor}};
}

Json config_json(const model::ModelConfig& c) {
  Json j = {{"architecture", c.architecture},
            {"parameters", model::parameter_count(c)},
            {"active_parameters", model::parameter_count(c, true)},
            {"layers", c.layers},
            {"width", c.width},
            {"heads", c.heads},
            {"kv_heads", c.kv_heads},
            {"head_size", c.head_size},
            {"ff_size", c.ff_size},
            {"vocab", c.vocab},
            {"context", c.context},
            {"activation", c.activation == model::Activation::kSilu ? "silu" : "gelu"},
            {"norm_epsilon", c.norm_epsilon},
            {"query_key_norm", c.query_key_norm},
            {"post_norms", c.post_norms},
            {"qkv_biases", c.qkv_biases},
            {"tied_output", c.tied_output},
            {"embedding_scale", c.embedding_scale},
            {"attention_scale", c.attention_scale},
            {"attention_cap", c.attention_cap},
            {"logit_cap", c.logit_cap},
            {"rope", rope_json(c.rope)},
            {"windows", c.windows}};
  if (c.rope.theta != c.local_rope.theta) j["local_rope"] = rope_json(c.local_rope);
  if (c.experts.count > 0) {
    j["experts"] = {{"count", c.experts.count},
                    {"used", c.experts.used},
                    {"size", c.experts.size},
                    {"shared_size", c.experts.shared_size},
                    {"normalize", c.experts.normalize}};
  }
  return j;
}

Json types_json(const model::TensorFile& file) {
  struct Sum {
    std::int64_t tensors = 0, elements = 0, bytes = 0;
  };
  std::map<std::string, Sum> sums;
  for (const model::Tensor& tensor : file.tensors()) {
    Sum& sum = sums[std::string(model::format_of(tensor.type).name)];
    ++sum.tensors;
    sum.elements += tensor.elements();
    sum.bytes += static_cast<std::int64_t>(tensor.bytes.size());
  }
  Json j = Json::object();
  for (const auto& [type, sum] : sums) {
    j[type] = {{"tensors", sum.tensors}, {"elements", sum.elements}, {"bytes", sum.bytes}};
  }
  return j;
}

Json tokenizer_json(const model::TensorFile& file) {
  Json j = Json::object();
  const model::Metadata& m = file.metadata();
  if (const std::string* kind = m.text("tokenizer.ggml.model")) j["kind"] = printable(*kind);
  if (const std::string* pre = m.text("tokenizer.ggml.pre")) j["pre"] = printable(*pre);
  if (const auto* pieces = m.texts("tokenizer.ggml.tokens")) j["pieces"] = pieces->size();
  if (const auto* merges = m.texts("tokenizer.ggml.merges")) j["merges"] = merges->size();
  for (const char* id : {"bos", "eos", "unknown", "padding"}) {
    const std::string key = std::string("tokenizer.ggml.") + id + "_token_id";
    if (m.find(key) != nullptr) j[id] = m.integer(key, 0);
  }
  if (const std::string* text = m.text("tokenizer.chat_template")) {
    j["chat_template"] = printable(*text, true);
  }
  return j;
}

Json describe(const model::TensorFile& file, bool tensors) {
  const model::ModelConfig config = model::config_of(file);
  model::find_tensors(file, config);
  const std::string* title = file.metadata().text("general.name");
  Json j = {{"schema", "aisp.model"},
            {"schema_version", 1},
            {"file", file.path()},
            {"format", file.format() == model::TensorFile::Format::kGguf ? "gguf" : "safetensors"},
            {"name", title == nullptr ? "" : printable(*title)},
            {"bytes", file.mapped_bytes()},
            {"config", config_json(config)},
            {"types", types_json(file)},
            {"tokenizer", tokenizer_json(file)}};
  if (!tensors) return j;
  for (const model::Tensor& tensor : file.tensors()) {
    j["tensors"].push_back({{"name", printable(tensor.name)},
                            {"type", model::format_of(tensor.type).name},
                            {"shape", tensor.shape},
                            {"bytes", tensor.bytes.size()}});
  }
  return j;
}

// "key: value", nested objects on one line; what is zero or off is left out.
void print_object(const Json& object) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_boolean() ? !value.get<bool>() : value.is_number() && value == 0) continue;
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.find('\n') != std::string::npos) text = Json(text).dump();
    fmt::print("  {:18} {}\n", key, cut_to_width(text, 100));
  }
}

}  // namespace

int cmd_model_show(const ModelShowOptions& options) {
  const model::TensorFile file = model::open_model(options.file);
  const Json j = describe(file, options.tensors);
  if (options.json) {
    fmt::print("{}\n", j.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  fmt::print("{}  {}  {}  {}\n", j["name"].get<std::string>(), j["format"].get<std::string>(),
             format_bytes(j["bytes"].get<double>()), j["file"].get<std::string>());
  print_object(j["config"]);
  fmt::print("tensors\n");
  for (const auto& [type, sum] : j["types"].items()) {
    const auto elements = sum["elements"].get<double>(), bytes = sum["bytes"].get<double>();
    fmt::print("  {:8} {:5} tensors  {:>14} elements  {:>10}  {:.2f} bits each\n", type,
               sum["tensors"].get<std::int64_t>(), sum["elements"].get<std::int64_t>(),
               format_bytes(bytes), 8.0 * bytes / elements);
  }
  for (const Json& tensor : j.value("tensors", Json::array())) {
    fmt::print("  {:40} {:6} {}\n", tensor["name"].get<std::string>(),
               tensor["type"].get<std::string>(), tensor["shape"].dump());
  }
  fmt::print("tokenizer\n");
  print_object(j["tokenizer"]);
  return 0;
}

}  // namespace aisp::app
