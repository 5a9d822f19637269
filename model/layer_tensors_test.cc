// Tensors by role: the same model as GGUF and as its authors publish it is the same model, and one
// with a tensor too many or too few is none.
#include "model/layer_tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "model/hugging_face_copy.h"
#include "model/reference.h"

namespace aisp::model {
namespace {

TEST(LayerTensors, BothKindsOfFilesAreOneModel) {
  const std::vector<std::int32_t> tokens = {5, 300, 7, 7, 41, 500, 3, 9, 260, 11, 12};
  for (const char* name : kArchitectures) {
    SCOPED_TRACE(name);
    const MadeModel made(name);
    const HuggingFaceCopy copy(made, name);
    const TensorFile file = open_model(copy.path());
    const ModelConfig config = config_of(file);
    EXPECT_EQ(config.windows, made.config.windows);
    EXPECT_EQ(parameter_count(config), parameter_count(made.config));
    const ModelTensors tensors = find_tensors(file, config);
    const std::vector<double> want = reference_logits(made.tensors, made.config, tokens);
    const std::vector<double> got = reference_logits(tensors, config, tokens);
    ASSERT_EQ(got.size(), want.size());
    // Gemma's norms lose a bit on the way (less one, plus one), Llama's factors are f32 in GGUF.
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 2e-5) << i;
  }
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "nothing was thrown";
}

// The tiny llama, rewritten with one tensor left out, renamed, or of another shape or type.
std::string answer(const std::function<bool(Tensor&)>& keep) {
  const MadeModel made("llama");
  GgufWriter writer(made.folder.path("changed.gguf"));
  writer.metadata() = made.file.metadata();
  std::vector<Tensor> tensors;
  for (Tensor tensor : made.file.tensors()) {
    if (keep(tensor)) tensors.push_back(tensor);
  }
  for (const Tensor& t : tensors) writer.declare(t.name, t.type, t.shape);
  writer.begin();
  for (const Tensor& t : tensors) writer.append(t.bytes);
  writer.finish();
  return message_of([&] {
    const TensorFile file = open_model(made.folder.path("changed.gguf"));
    find_tensors(file, config_of(file));
  });
}

TEST(LayerTensors, RefusesOneTooManyOrTooFew) {
  EXPECT_EQ(answer([](Tensor&) { return true; }), "nothing was thrown");
  EXPECT_NE(answer([](Tensor& t) {
              return t.name != "blk.1.attn_v.weight";
            }).find("\"blk.1.attn_v.weight\" is missing"),
            std::string::npos);
  EXPECT_NE(answer([](Tensor& t) { return t.name != "token_embd.weight"; }).find("is missing"),
            std::string::npos);
  EXPECT_NE(answer([](Tensor& t) {
              if (t.name == "blk.1.attn_v.weight") t.name = "blk.1.attn_w.weight";
              return true;
            }).find("\"blk.1.attn_v.weight\" is missing"),
            std::string::npos);
  EXPECT_NE(answer([](Tensor& t) {
              if (t.name == "rope_freqs.weight") t.name = "blk.1.ffn_gate.bias";
              return true;
            }).find("\"blk.1.ffn_gate.bias\" has no place in the architecture llama"),
            std::string::npos);
  EXPECT_NE(answer([](Tensor& t) {
              if (t.name == "blk.0.ffn_down.weight") std::swap(t.shape[0], t.shape[1]);
              return true;
            }).find("is 512 x 256 instead of 256 x 512"),
            std::string::npos);
  EXPECT_NE(answer([](Tensor& t) {
              if (t.name == "blk.0.ffn_down.weight") t.type = BlockType::kI32;
              return true;
            }).find("is stored as i32"),
            std::string::npos);
  EXPECT_NE(answer([](Tensor& t) {
              if (t.name == "rope_freqs.weight") t.shape = {8, 4};
              return true;
            }),
            "nothing is wrong");
}

TEST(LayerTensors, ExpertsNeedARouter) {
  const MadeModel made("llama");
  ModelConfig config = made.config;
  config.experts = {.count = 4, .used = 2, .size = 512};
  EXPECT_NE(message_of([&] { find_tensors(made.file, config); }).find("no layer has a router"),
            std::string::npos);
}

TEST(LayerTensors, SlicesRows) {
  const MadeModel made("mixtral", "q8_0");
  const LayerTensors& layer = made.tensors.layers[0];
  ASSERT_EQ(layer.experts.size(), 4u);
  const Tensor* all = made.file.find("blk.0.ffn_up_exps.weight");
  EXPECT_EQ(layer.experts[3].up.bytes.data() + layer.experts[3].up.bytes.size(),
            all->bytes.data() + all->bytes.size());
  EXPECT_EQ(layer.experts[1].down.rows, 256);
  EXPECT_FALSE(layer.dense.gate);
  EXPECT_FALSE(layer.shared.gate);
}

}  // namespace
}  // namespace aisp::model
