// safetensors: one file, shards with an index, and what a stranger could write into either.
#include "model/safetensors.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "model/temporary_folder.h"

namespace aisp::model {
namespace {

// The length of the head, the head, `data` bytes counted up.
std::string file_of(const std::string& head, std::size_t data) {
  const std::uint64_t size = head.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes += head;
  for (std::size_t i = 0; i < data; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string answer(const std::string& bytes) {
  TensorFile file("m", TensorFile::Format::kSafetensors);
  try {
    parse_safetensors("m", std::as_bytes(std::span(bytes.data(), bytes.size())), file);
  } catch (const Error& problem) {
    return problem.what();
  }
  return "nothing was thrown";
}

std::string answer_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "nothing was thrown";
}

constexpr const char* kTwo =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
    R"("b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}})";

TEST(Safetensors, ReadsOneFile) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", file_of(kTwo, 16));
  folder.put("config.json", R"({"architectures":["LlamaForCausalLM"]})");
  for (const std::string& path : {folder.path(""), folder.path("model.safetensors")}) {
    const TensorFile file = open_model(path);
    EXPECT_EQ(file.tensors().size(), 2u);
    ASSERT_NE(file.find("a"), nullptr);
    EXPECT_EQ(file.find("a")->type, BlockType::kBF16);
    EXPECT_EQ(file.find("a")->shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(file.find("b")->bytes[0], std::byte{12});
    EXPECT_EQ(file.find("b")->elements(), 1);
    EXPECT_EQ(file.config()["architectures"][0], "LlamaForCausalLM");
  }
}

TEST(Safetensors, ReadsShards) {
  const TemporaryFolder folder;
  folder.put("config.json", "{}");
  folder.put("model-1.safetensors",
             file_of(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}})", 4));
  folder.put("model-2.safetensors",
             file_of(R"({"b":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}})", 4));
  const auto index = [&](const std::string& map) {
    folder.put("model.safetensors.index.json", "{\"weight_map\":" + map + "}");
    return answer_of([&] { open_model(folder.path("")); });
  };
  EXPECT_EQ(index(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})"),
            "nothing was thrown");
  EXPECT_NE(index(R"({"c":"model-1.safetensors"})").find("\"c\" of the index is in none"),
            std::string::npos);
  EXPECT_NE(index(R"({"a":"../model-1.safetensors"})").find("is none of its folder"),
            std::string::npos);
  EXPECT_NE(index(R"({"a":"model-3.safetensors"})").find("cannot be read"), std::string::npos);
  EXPECT_NE(index("7").find("has no weight_map"), std::string::npos);
}

TEST(Safetensors, RefusesWhatDoesNotFit) {
  EXPECT_EQ(answer(file_of(kTwo, 16)), "nothing was thrown");
  EXPECT_NE(answer(file_of(kTwo, 15)).find("\"b\" lies beyond the end"), std::string::npos);
  EXPECT_NE(answer("").find("is no safetensors file"), std::string::npos);
  EXPECT_NE(answer(std::string(8, '\xff')).find("head longer than the file"), std::string::npos);
  EXPECT_NE(answer(file_of("{", 0)).find("is no JSON"), std::string::npos);
  EXPECT_NE(answer(file_of("[]", 0)).find("no JSON object"), std::string::npos);
  EXPECT_NE(answer(file_of(std::string(100, '['), 0)).find("64 deep"), std::string::npos);
  const auto tensor = [](const std::string& dtype, const std::string& shape,
                         const std::string& range) {
    return answer(file_of("{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
                              ",\"data_offsets\":" + range + "}}",
                          16));
  };
  EXPECT_EQ(tensor("F32", "[2,2]", "[0,16]"), "nothing was thrown");
  EXPECT_NE(tensor("F8_E4M3", "[16]", "[0,16]").find("stored as F8_E4M3"), std::string::npos);
  EXPECT_NE(tensor("F32", "[2,3]", "[0,16]").find("do not fit its shape"), std::string::npos);
  EXPECT_NE(tensor("F32", "[0]", "[0,0]").find("impossible shape"), std::string::npos);
  EXPECT_NE(tensor("F32", "[-4]", "[0,16]").find("no number"), std::string::npos);
  EXPECT_NE(tensor("F32", "[4294967296,4294967296]", "[0,16]").find("impossible shape"),
            std::string::npos);
  EXPECT_NE(tensor("F32", "[4]", "[8,4]").find("beyond the end"), std::string::npos);
  EXPECT_NE(tensor("F32", "[4]", "[0]").find("lacks its dtype"), std::string::npos);
  EXPECT_NE(tensor("F32", "{}", "[0,16]").find("lacks its dtype"), std::string::npos);
  EXPECT_NE(tensor("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]").find("8 dimensions"), std::string::npos);
}

// Else a small file could be the tensors of a huge model.
TEST(Safetensors, TensorsLieApart) {
  const TemporaryFolder folder;
  folder.put("config.json", "{}");
  const auto with = [&](const std::string& range) {
    folder.put("model.safetensors",
               file_of(R"({"a":{"dtype":"I8","shape":[8],"data_offsets":[4,12]},)"
                       R"("b":{"dtype":"I8","shape":[4],"data_offsets":)" +
                           range + "}}",
                       16));
    return answer_of([&] { open_model(folder.path("")); });
  };
  EXPECT_EQ(with("[0,4]"), "nothing was thrown");
  EXPECT_EQ(with("[12,16]"), "nothing was thrown");
  for (const char* range : {"[1,5]", "[4,8]", "[6,10]", "[11,15]"}) {
    EXPECT_NE(with(range).find("share bytes"), std::string::npos) << range;
  }
}

TEST(Safetensors, NeedsItsConfig) {
  const TemporaryFolder folder;
  folder.put("model.safetensors", file_of(kTwo, 16));
  EXPECT_NE(answer_of([&] { open_model(folder.path("")); }).find("no config.json"),
            std::string::npos);
  folder.put("config.json", "[]");
  EXPECT_NE(answer_of([&] { open_model(folder.path("")); }).find("is no JSON object"),
            std::string::npos);
  const TemporaryFolder none;
  EXPECT_NE(answer_of([&] { open_model(none.path("")); }).find("holds neither"), std::string::npos);
}

}  // namespace
}  // namespace aisp::model
