// A model in another type: what is said about it stays, what is stored changes, and its logits stay
// near.
#include "model/convert.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "model/hugging_face_copy.h"
#include "model/made_model.h"
#include "model/reference.h"

namespace aisp::model {
namespace {

double relative_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double square = 0.0, size = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    square += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  return std::sqrt(square / size);
}

TEST(Convert, KeepsTheModel) {
  const MadeModel made("qwen2moe");
  const std::vector<std::int32_t> tokens = {5, 300, 7, 41, 500, 3};
  const std::vector<double> want = reference_logits(made.tensors, made.config, tokens);
  const std::string out = made.folder.path("out.gguf");
  // Relative error of the logits: that of the weights, several products deep.
  const std::pair<const char*, double> limits[] = {{"f16", 0.003}, {"bf16", 0.02},  {"q8_0", 0.04},
                                                   {"q6_k", 0.1},  {"q4_k_m", 0.4}, {"q4_0", 0.5}};
  for (const auto& [type, limit] : limits) {
    convert_model(made.file, {.type = type, .threads = 1}, out);
    const TensorFile file = open_model(out);
    EXPECT_EQ(file.metadata().all().size(), made.file.metadata().all().size());
    const ModelConfig config = config_of(file);
    const std::vector<double> got = reference_logits(find_tensors(file, config), config, tokens);
    EXPECT_LE(relative_distance(want, got), limit) << type;
    EXPECT_GE(relative_distance(want, got), limit / 50) << type;
  }
}

TEST(Convert, CopiesWhatHasTheTypeAlready) {
  const MadeModel made("gemma2", "q4_k_m");
  const std::string out = made.folder.path("out.gguf");
  convert_model(made.file, {.type = "q4_k_m", .threads = 1}, out);
  EXPECT_EQ(made.folder.get("out.gguf"), made.folder.get("m.gguf"));
}

TEST(Convert, Refuses) {
  const MadeModel made("llama");
  EXPECT_THROW(convert_model(made.file, {.type = "q8_0"}, made.file.path()), UsageError);
  EXPECT_THROW(convert_model(made.file, {.type = "iq2_xs"}, made.folder.path("out")), UsageError);
  EXPECT_FALSE(std::filesystem::exists(made.folder.path("out")));
  const HuggingFaceCopy copy(made, "llama");
  EXPECT_THROW(convert_model(open_model(copy.path()), {}, made.folder.path("out")), Error);
}

}  // namespace
}  // namespace aisp::model
