// Settings from config.json and from GGUF values: defaults of each class, the forms that rope and
// windows have had, and files that say impossible things.
#include "model/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "model/made_model.h"

namespace aisp::model {
namespace {

using Json = nlohmann::json;

ModelConfig of_json(const Json& config) {
  TensorFile file("m", TensorFile::Format::kSafetensors);
  file.set_config(config);
  return config_of(file);
}

Json basic(const std::string& architecture) {
  return {{"architectures", {architecture}}, {"num_hidden_layers", 12}, {"hidden_size", 64},
          {"num_attention_heads", 4},        {"intermediate_size", 96}, {"vocab_size", 100},
          {"max_position_embeddings", 4096}};
}

Json with(Json config, const Json& more) {
  config.update(more);
  return config;
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "nothing was thrown";
}

std::string refusal(const Json& config) {
  return message_of([&] { of_json(config); });
}

TEST(Config, DefaultsOfEachClass) {
  const ModelConfig llama = of_json(basic("LlamaForCausalLM"));
  EXPECT_EQ(llama.kv_heads, 4);
  EXPECT_EQ(llama.head_size, 16);
  EXPECT_EQ(llama.attention_scale, 0.25);
  EXPECT_EQ(llama.rope.theta, 10000.0);
  EXPECT_EQ(llama.rope.pairs, RopePairs::kHalves);
  EXPECT_TRUE(llama.tied_output);  // there is no lm_head.weight
  EXPECT_EQ(of_json(basic("Qwen3ForCausalLM")).head_size, 128);
  EXPECT_TRUE(of_json(basic("Qwen3ForCausalLM")).query_key_norm);
  EXPECT_TRUE(of_json(basic("Qwen2ForCausalLM")).qkv_biases);
  const ModelConfig gemma = of_json(basic("GemmaForCausalLM"));
  EXPECT_EQ(gemma.head_size, 256);
  EXPECT_EQ(gemma.embedding_scale, 8.0);
  EXPECT_EQ(gemma.activation, Activation::kGelu);
  EXPECT_TRUE(gemma.norm_adds_one);
  EXPECT_FALSE(gemma.post_norms);
  const ModelConfig gemma3 = of_json(basic("Gemma3ForCausalLM"));
  EXPECT_EQ(gemma3.rope.theta, 1e6);
  EXPECT_EQ(gemma3.local_rope.theta, 1e4);
  EXPECT_TRUE(gemma3.post_norms);
}

TEST(Config, Windows) {
  const std::vector<std::int64_t> none(12, 0), all(12, 7);
  EXPECT_EQ(of_json(with(basic("LlamaForCausalLM"), {{"sliding_window", 7}})).windows, none);
  EXPECT_EQ(of_json(with(basic("MistralForCausalLM"), {{"sliding_window", 7}})).windows, all);
  EXPECT_EQ(of_json(with(basic("MistralForCausalLM"), {{"sliding_window", nullptr}})).windows,
            none);
  const Json qwen = with(basic("Qwen2ForCausalLM"), {{"sliding_window", 7}});
  EXPECT_EQ(of_json(qwen).windows, none);
  const Json used = with(qwen, {{"use_sliding_window", true}, {"max_window_layers", 10}});
  EXPECT_EQ(of_json(used).windows, (std::vector<std::int64_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7}));
  EXPECT_EQ(of_json(basic("Gemma2ForCausalLM")).windows[0], 4096);
  EXPECT_EQ(of_json(basic("Gemma2ForCausalLM")).windows[1], 0);
  const ModelConfig gemma3 = of_json(with(basic("Gemma3ForCausalLM"), {{"sliding_window", 7}}));
  EXPECT_EQ(gemma3.windows, (std::vector<std::int64_t>{7, 7, 7, 7, 7, 0, 7, 7, 7, 7, 7, 0}));
  EXPECT_EQ(&gemma3.rope_of(5), &gemma3.rope);
  EXPECT_EQ(&gemma3.rope_of(4), &gemma3.local_rope);
  std::vector<std::string> types(12, "full_attention");
  types[3] = "sliding_attention";
  const Json listed =
      with(basic("Gemma3ForCausalLM"), {{"sliding_window", 7}, {"layer_types", types}});
  EXPECT_EQ(of_json(listed).windows,
            (std::vector<std::int64_t>{0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0}));
  types.pop_back();
  EXPECT_NE(refusal(with(listed, {{"layer_types", types}})).find("\"layer_types\""),
            std::string::npos);
}

TEST(Config, RopeInEveryForm) {
  const Json llama = basic("LlamaForCausalLM");
  const auto scaled = [&](const Json& scaling) {
    return of_json(with(llama, {{"rope_theta", 5e5}, {"rope_scaling", scaling}})).rope;
  };
  EXPECT_EQ(scaled(nullptr).scaling, RopeScaling::kNone);
  EXPECT_EQ(scaled({{"type", "linear"}, {"factor", 4}}).scaling, RopeScaling::kLinear);
  EXPECT_EQ(scaled({{"type", "linear"}, {"factor", 4}}).factor, 4.0);
  EXPECT_EQ(scaled({{"rope_type", "dynamic"}, {"factor", 2.0}}).scaling, RopeScaling::kDynamic);
  EXPECT_EQ(scaled({{"rope_type", "dynamic"}, {"factor", 2.0}}).original_context, 4096);
  const Rope yarn = scaled({{"rope_type", "yarn"},
                            {"factor", 4.0},
                            {"original_max_position_embeddings", 1024},
                            {"beta_fast", 16}});
  EXPECT_EQ(yarn.scaling, RopeScaling::kYarn);
  EXPECT_EQ(yarn.original_context, 1024);
  EXPECT_EQ(yarn.kept_turns, 16.0);
  EXPECT_EQ(yarn.theta, 5e5);
  EXPECT_EQ(scaled({{"rope_type", "llama3"}, {"factor", 8}}).scaling, RopeScaling::kLlama3);
  EXPECT_NE(message_of([&] {
              scaled({{"rope_type", "longrope"}});
            }).find("\"longrope\""),
            std::string::npos);
  EXPECT_NE(message_of([&] { scaled("linear"); }).find("is not an object"), std::string::npos);
  EXPECT_NE(message_of([&] {
              scaled({{"rope_type", "linear"}, {"factor", 0}});
            }).find("impossible base or factor"),
            std::string::npos);
  // The newer form, of one kind of layers and of two.
  EXPECT_EQ(of_json(with(llama, {{"rope_parameters", {{"rope_theta", 7e4}}}})).rope.theta, 7e4);
  const ModelConfig two = of_json(
      with(basic("Gemma3ForCausalLM"),
           {{"rope_parameters",
             {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 2e6}}},
              {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 3e4}}}}}}));
  EXPECT_EQ(two.rope.theta, 2e6);
  EXPECT_EQ(two.rope.factor, 8.0);
  EXPECT_EQ(two.local_rope.theta, 3e4);
  EXPECT_EQ(two.local_rope.scaling, RopeScaling::kNone);
}

TEST(Config, Experts) {
  const ModelConfig mixtral = of_json(
      with(basic("MixtralForCausalLM"), {{"num_local_experts", 8}, {"num_experts_per_tok", 2}}));
  EXPECT_EQ(mixtral.experts.size, 96);
  EXPECT_TRUE(mixtral.experts.normalize);
  const Json more = {{"num_experts", 6},
                     {"num_experts_per_tok", 3},
                     {"moe_intermediate_size", 32},
                     {"shared_expert_intermediate_size", 48}};
  const ModelConfig qwen2 = of_json(with(basic("Qwen2MoeForCausalLM"), more));
  EXPECT_EQ(qwen2.experts.shared_size, 48);
  EXPECT_FALSE(qwen2.experts.normalize);
  const ModelConfig qwen3 =
      of_json(with(with(basic("Qwen3MoeForCausalLM"), more), {{"norm_topk_prob", true}}));
  EXPECT_TRUE(qwen3.experts.normalize);
  EXPECT_EQ(qwen3.experts.shared_size, 0);
  EXPECT_NE(refusal(with(basic("Qwen2MoeForCausalLM"), with(more, {{"num_experts_per_tok", 9}})))
                .find("the number of used experts is 9"),
            std::string::npos);
}

TEST(Config, RefusesTheImpossible) {
  const Json llama = basic("LlamaForCausalLM");
  EXPECT_EQ(refusal(llama), "nothing was thrown");
  EXPECT_NE(refusal(basic("MambaForCausalLM")).find("known are LlamaForCausalLM, Mistral"),
            std::string::npos);
  EXPECT_NE(refusal(Json::object()).find("architecture \"none\""), std::string::npos);
  EXPECT_NE(refusal(with(llama, {{"hidden_act", "relu"}})).find("\"relu\""), std::string::npos);
  EXPECT_NE(refusal(with(llama, {{"quantization_config", Json::object()}})).find("quantized"),
            std::string::npos);
  for (const char* key : {"num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size",
                          "intermediate_size", "max_position_embeddings"}) {
    const Json values = {-1, 0, std::int64_t{1} << 61, ~std::uint64_t{0}, "7", 1.5, Json::array()};
    for (const Json& value : values) {
      EXPECT_NE(refusal(with(llama, {{key, value}})), "nothing was thrown") << key << " " << value;
    }
  }
  const std::pair<Json, const char*> cases[] = {
      {{{"num_key_value_heads", 3}}, "no multiple"},
      {{{"num_key_value_heads", 8}}, "key-value heads is 8"},
      {{{"head_dim", 15}}, "rope turns 15"},
      {{{"rope_theta", 0.5}}, "impossible base"},
      {{{"rms_norm_eps", -1.0}}, "an epsilon is impossible"},
      {{{"num_attention_heads", "4"}}, "is not an integer"},
      {{{"tie_word_embeddings", 1}}, "is not true or false"},
      {{{"hidden_act", 1}}, "is not a string"},
      {{{"rope_theta", "big"}}, "is not a number"},
  };
  for (const auto& [change, expected] : cases) {
    EXPECT_NE(refusal(with(llama, change)).find(expected), std::string::npos)
        << refusal(with(llama, change));
  }
}

// A tiny GGUF model with some values changed, added or (a null) removed.
class Changed {
 public:
  explicit Changed(const std::string& architecture)
      : made_(architecture), prefix_(made_.made.architecture + ".") {}

  std::string answer(const std::vector<std::pair<std::string, std::optional<MetaValue>>>& changes) {
    return message_of([&] { config(changes); });
  }

  ModelConfig config(const std::vector<std::pair<std::string, std::optional<MetaValue>>>& changes) {
    TensorFile file("m", TensorFile::Format::kGguf);
    file.metadata() = made_.file.metadata();
    for (const Tensor& tensor : made_.file.tensors()) file.add(tensor);
    for (const auto& [key, value] : changes) {
      const std::string name = key.find("general") == 0 ? key : prefix_ + key;
      value ? file.metadata().set(name, *value) : file.metadata().remove(name);
    }
    return config_of(file);
  }

 private:
  MadeModel made_;
  std::string prefix_;
};

TEST(Config, GgufValuesDecide) {
  Changed llama("llama");
  EXPECT_EQ(llama.config({{"rope.scaling.factor", MetaValue::f32(4)}}).rope.scaling,
            RopeScaling::kLinear);
  EXPECT_EQ(llama.config({{"rope.scale_linear", MetaValue::f32(2)}}).rope.factor, 2.0);
  const ModelConfig yarn = llama.config(
      {{"rope.scaling.type", MetaValue::text("yarn")}, {"rope.scaling.factor", MetaValue::f32(4)}});
  EXPECT_EQ(yarn.rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(yarn.rope.original_context, 4096);
  EXPECT_EQ(llama.config({{"attention.head_count_kv", std::nullopt}}).kv_heads, 4);
  EXPECT_EQ(llama.config({{"attention.scale", MetaValue::f32(0.5)}}).attention_scale, 0.5);
  const MetaValue each{MetaType::kU32, true, std::vector<std::int64_t>{512, 512}};
  EXPECT_EQ(llama.config({{"feed_forward_length", each}}).ff_size, 512);
  Changed gemma("gemma2");
  EXPECT_EQ(gemma.config({}).attention_cap, 50.0);
  EXPECT_EQ(gemma.config({{"final_logit_softcapping", MetaValue::f32(7)}}).logit_cap, 7.0);
  EXPECT_EQ(gemma.config({{"attention.sliding_window", std::nullopt}}).windows,
            (std::vector<std::int64_t>{4096, 0, 4096}));
  const MetaValue pattern{MetaType::kBool, true, std::vector<std::int64_t>{0, 1, 1}};
  EXPECT_EQ(gemma.config({{"attention.sliding_window_pattern", pattern}}).windows,
            (std::vector<std::int64_t>{0, 8, 8}));
  Changed mixture("qwen3moe");
  EXPECT_EQ(mixture.config({{"expert_weights_scale", MetaValue::f32(2.5)}}).experts.scale, 2.5);
  EXPECT_FALSE(
      mixture.config({{"expert_weights_norm", MetaValue::boolean(false)}}).experts.normalize);
}

TEST(Config, GgufRefusals) {
  Changed llama("llama");
  const MetaValue uneven{MetaType::kU32, true, std::vector<std::int64_t>{512, 256}};
  const std::pair<std::pair<std::string, std::optional<MetaValue>>, const char*> cases[] = {
      {{"general.architecture", MetaValue::text("mamba")}, "known are llama, qwen2"},
      {{"general.architecture", std::nullopt}, "does not say its architecture"},
      {{"block_count", std::nullopt}, "llama.block_count is missing"},
      {{"block_count", MetaValue::text("2")}, "an integer is expected"},
      {{"block_count", MetaValue::u32(4000000000)}, "block_count is missing"},
      {{"attention.head_count", MetaValue::u32(0)}, "head_count is missing"},
      {{"attention.head_count_kv", MetaValue::u32(3)}, "no multiple"},
      {{"attention.value_length", MetaValue::u32(32)}, "differ in size"},
      {{"attention.layer_norm_rms_epsilon", std::nullopt}, "epsilon is missing"},
      {{"attention.layer_norm_rms_epsilon", MetaValue::f32(NAN)}, "impossible"},
      {{"feed_forward_length", uneven}, "differs from layer to layer"},
      {{"rope.scaling.type", MetaValue::text("longrope")}, "\"longrope\" is not known"},
      {{"rope.dimension_count", MetaValue::u32(62)}, "rope_freqs.weight is not 31"},
      {{"rope.dimension_count", MetaValue::u32(0)}, "rope_freqs.weight is not 0"},
      {{"embedding_length", MetaValue::u32(1 << 30)}, "the width is"},
      {{"expert_count", MetaValue::u32(4)}, "expert_used_count is missing"},
  };
  for (const auto& [change, expected] : cases) {
    EXPECT_NE(llama.answer({change}).find(expected), std::string::npos)
        << change.first << ": " << llama.answer({change});
  }
  Changed mixture("qwen2moe");
  EXPECT_NE(mixture.answer({{"expert_count", std::nullopt}}).find("expert_count is missing"),
            std::string::npos);
  EXPECT_NE(mixture.answer({{"expert_gating_func", MetaValue::u32(2)}}).find("function 2"),
            std::string::npos);
  Changed gemma("gemma2");
  const MetaValue two{MetaType::kBool, true, std::vector<std::int64_t>{0, 1}};
  EXPECT_NE(gemma.answer({{"attention.sliding_window_pattern", two}}).find("one value for each"),
            std::string::npos);
}

}  // namespace
}  // namespace aisp::model
