// Files from strangers, by the driver of text/fuzzing.h: good ones with damage must either be read,
// and then computed with, or be refused by an Error. A GGUF file is damaged field by field (counts,
// lengths, types, offsets), JSON as a tree. What was run is in docs/evidence/fuzzing.md.
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/rng.h"
#include "model/hugging_face_copy.h"
#include "model/reference.h"
#include "model/safetensors.h"
#include "model/tokenizer_of.h"
#include "text/chat_template.h"
#include "text/fuzzing.h"
#include "text/tokenizer.h"

namespace aisp::model {
namespace {

using text::fuzz::Fuzzer;

constexpr std::uint64_t kRuns = 300;  // of each kind with the tests

std::string kept(const std::string& name) {
  return AISP_SOURCE_DIR "/model/testdata/fuzz/" + name + ".hex";
}

// As small as the architecture lets it be, so that most of a file is head and runs are quick.
ModelConfig smallest(const std::string& architecture) {
  ModelConfig c = *tiny_shape(architecture);
  c.layers = 1;
  c.width = 64;
  c.ff_size = 64;
  if (c.experts.count > 0) c.experts.size = 32;
  if (c.experts.shared_size > 0) c.experts.shared_size = 32;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_size = c.rope.size = c.local_rope.size = 16;
  if (!c.rope.divisors.empty()) c.rope.divisors.resize(8);
  c.local_rope.divisors = c.rope.divisors;
  c.attention_scale = 0.25;
  c.vocab = 264;
  c.windows.resize(1);
  if (c.embedding_scale != 1.0) c.embedding_scale = 8.0;
  return c;
}

// One to four changes anywhere, most of them near the beginning.
std::string damaged(std::string bytes, std::size_t head, Rng& rng) {
  for (std::uint64_t changes = 1 + rng.below(4); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t near = rng.below(8) == 0 ? bytes.size() : std::min(head, bytes.size());
    const std::size_t at = rng.below(near);
    switch (rng.below(5)) {
      case 0:
        bytes[at] = static_cast<char>(rng.next());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.erase(at, 1 + rng.below(16));
        break;
      default:
        bytes.insert(at, bytes.substr(rng.below(bytes.size()), 1 + rng.below(16)));
    }
  }
  return bytes;
}

struct Field {
  std::size_t at = 0, size = 0;
};

// Where the numbers and texts of a GGUF head lie, as far as it can be followed.
class GgufFields {
 public:
  explicit GgufFields(const std::string& bytes) : bytes_(bytes) {
    number(4), number(4);
    const std::uint64_t tensors = number(8), values = number(8);
    for (std::uint64_t i = 0; i < values && good_; ++i) {
      string();
      value(number(4), 0);
    }
    for (std::uint64_t i = 0; i < tensors && good_; ++i) {
      string();
      const std::uint64_t extents = number(4);
      for (std::uint64_t e = 0; e < extents && good_ && e < 8; ++e) number(8);
      number(4), number(8);
    }
  }

  const std::vector<Field>& all() const { return fields_; }

 private:
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    good_ = good_ && at_ + size <= bytes_.size() && fields_.size() < 4000;
    if (!good_) return 0;
    std::memcpy(&value, bytes_.data() + at_, size);
    fields_.push_back({at_, size});
    at_ += size;
    return value;
  }
  void string() {
    const std::uint64_t size = number(8);
    good_ = good_ && size <= bytes_.size() - at_;
    if (!good_) return;
    if (size > 0) fields_.push_back({at_, size});
    at_ += size;
  }
  void value(std::uint64_t type, int depth) {
    if (type == 8) return string();
    if (type == 9 && depth < 3) {
      const std::uint64_t of = number(4), count = number(8);
      for (std::uint64_t i = 0; i < count && good_; ++i) value(of, depth + 1);
      return;
    }
    good_ = good_ && type <= 12;
    if (good_) number(static_cast<std::size_t>(stored_size(static_cast<MetaType>(type))));
  }

  const std::string& bytes_;
  std::vector<Field> fields_;
  std::size_t at_ = 0;
  bool good_ = true;
};

std::uint64_t odd_number(std::uint64_t now, std::size_t file, Rng& rng) {
  switch (rng.below(8)) {
    case 0:
      return 0;
    case 1:
      return now + 1;
    case 2:
      return now - 1;
    case 3:
      return std::uint64_t{1} << rng.below(64);
    case 4:
      return (std::uint64_t{1} << rng.below(64)) - 1;
    case 5:
      return file - rng.below(64);
    case 6:
      return rng.below(16);
    default:
      return now * 2;
  }
}

// Fields get odd numbers or each other's, or are cut out or doubled with their neighbours.
std::string damaged_gguf(std::string bytes, Rng& rng) {
  if (rng.below(4) == 0) return damaged(std::move(bytes), 8192, rng);
  for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes) {
    const std::vector<Field> fields = GgufFields(bytes).all();
    if (fields.empty()) return bytes;
    const Field a = fields[rng.below(fields.size())], b = fields[rng.below(fields.size())];
    const std::size_t end = std::min(bytes.size(), a.at + a.size + rng.below(200));
    switch (rng.below(6)) {
      case 0:
        bytes.erase(a.at, end - a.at);
        break;
      case 1:
        bytes.insert(b.at, bytes.substr(a.at, end - a.at));
        break;
      case 2:
        bytes.replace(a.at, a.size, bytes.substr(b.at, b.size));
        break;
      default: {
        std::uint64_t value = 0;
        const std::size_t size = std::min<std::size_t>(a.size, 8);
        std::memcpy(&value, bytes.data() + a.at, size);
        value = odd_number(value, bytes.size(), rng);
        std::memcpy(bytes.data() + a.at, &value, size);
      }
    }
  }
  return bytes;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// What a reader of the vocabulary would do.
void use_tokenizer(const TensorFile& file) {
  const text::Tokenizer tokenizer(tokenizer_of(file), "m");
  const auto ids = tokenizer.encode("ab <s> \xff\n the", {.parse_special = true});
  tokenizer.decode(ids, {.show_special = true});
  const std::string chat = chat_template_of(file);
  if (!chat.empty()) text::ChatTemplate{chat};
}

// What a reader of the model would do: settings, tensors, and every byte touched.
void use(const TensorFile& file) {
  file.check_apart();
  const ModelConfig config = config_of(file);
  const ModelTensors tensors = find_tensors(file, config);
  std::uint64_t sum = 0;
  for (const Tensor& tensor : file.tensors()) {
    for (std::size_t i = 0; i < tensor.bytes.size(); i += 4096) {
      sum += static_cast<std::uint64_t>(tensor.bytes[i]);
    }
    if (!tensor.bytes.empty()) sum += static_cast<std::uint64_t>(tensor.bytes.back());
  }
  EXPECT_GE(sum, 0u);
  if (parameter_count(config) < 2'000'000) {
    reference_logits(tensors, config, std::vector<std::int32_t>{0});
  }
}

TEST(Fuzz, Gguf) {
  std::vector<std::string> seeds;
  for (const char* architecture : {"llama", "qwen2moe", "gemma3"}) {
    const MadeModel made(smallest(architecture), "q4_0", 1, 0.0);
    seeds.push_back(made.folder.get("m.gguf"));
  }
  Fuzzer("gguf", seeds, kept("gguf")).run(kRuns, damaged_gguf, [](const std::string& bytes, Rng&) {
    const TensorFile file = parse_gguf("m", bytes_of(bytes));
    use(file);
    use_tokenizer(file);
  });
}

// A file of a vocabulary alone: scored pairs, and byte pairs with merges.
TEST(Fuzz, GgufTokenizer) {
  const TemporaryFolder folder;
  const auto file_of = [&](const Metadata& values) {
    GgufWriter writer(folder.path("t.gguf"));
    writer.metadata() = values;
    writer.begin();
    writer.finish();
    return folder.get("t.gguf");
  };
  Metadata pairs;
  pairs.set("tokenizer.ggml.model", MetaValue::text("gpt2"));
  pairs.set("tokenizer.ggml.pre", MetaValue::text("qwen2"));
  pairs.set(
      "tokenizer.ggml.tokens",
      {MetaType::kString, true, std::vector<std::string>{"a", "b", "Ġ", "ab", "Ġab", "<eot>"}});
  pairs.set("tokenizer.ggml.token_type",
            {MetaType::kI32, true, std::vector<std::int64_t>{1, 1, 1, 1, 1, 3}});
  pairs.set("tokenizer.ggml.merges",
            {MetaType::kString, true, std::vector<std::string>{"a b", "Ġ ab"}});
  pairs.set("tokenizer.ggml.eos_token_id", MetaValue::u32(5));
  pairs.set("tokenizer.ggml.add_bos_token", MetaValue::boolean(false));
  pairs.set("tokenizer.chat_template", MetaValue::text("{{ messages[0].content }}"));
  Fuzzer("gguf_tokenizer", {file_of(byte_vocabulary(264)), file_of(pairs)}, kept("gguf_tokenizer"))
      .run(kRuns, damaged_gguf,
           [](const std::string& bytes, Rng&) { use_tokenizer(parse_gguf("m", bytes_of(bytes))); });
}

// The head is a JSON tree behind its length; sometimes the length lies.
std::string damaged_safetensors(const std::string& bytes, Rng& rng) {
  std::uint64_t size = 0;
  if (bytes.size() < 8 || rng.below(4) == 0) return damaged(bytes, 2048, rng);
  std::memcpy(&size, bytes.data(), 8);
  if (size > bytes.size() - 8) return damaged(bytes, 2048, rng);
  const std::vector<std::string> words = {"F32", "BF16", "I64", "F8_E5M2", "data_offsets", "shape"};
  const std::string head = text::fuzz::mutated_json(bytes.substr(8, size), words, rng);
  std::uint64_t said = head.size();
  if (rng.below(10) == 0) said = odd_number(said, bytes.size(), rng);
  return std::string(reinterpret_cast<const char*>(&said), 8) + head + bytes.substr(8 + size);
}

TEST(Fuzz, Safetensors) {
  const MadeModel made(smallest("qwen3"), "f32", 1, 0.0);
  const HuggingFaceCopy copy(made, "qwen3");
  const nlohmann::json config = copy.config();
  Fuzzer("safetensors", {copy.folder().get("model.safetensors")}, kept("safetensors"))
      .run(kRuns, damaged_safetensors, [&](const std::string& bytes, Rng&) {
        TensorFile file("m", TensorFile::Format::kSafetensors);
        parse_safetensors("m", bytes_of(bytes), file);
        file.set_config(config);
        use(file);
      });
}

// The index of shards, read from a folder as in use.
TEST(Fuzz, SafetensorsIndex) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) {
    const std::string head =
        std::string("{\"") + name + R"(":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}})";
    const std::uint64_t size = head.size();
    folder.put(name + std::string(".safetensors"),
               std::string(reinterpret_cast<const char*>(&size), 8) + head + "1234");
  }
  folder.put("config.json", "{}");
  const std::vector<std::string> words = {"../a.safetensors", "/dev/zero",    ".", "..", "a\0b",
                                          "weight_map",       "a.safetensors"};
  const std::string good =
      R"({"metadata":{"total_size":8},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}})";
  Fuzzer("index", {good}, kept("index"))
      .run(
          kRuns,
          [&](const std::string& json, Rng& rng) {
            return text::fuzz::mutated_json(json, words, rng);
          },
          [&](const std::string& json, Rng&) {
            folder.put("model.safetensors.index.json", json);
            EXPECT_LE(open_model(folder.path("")).tensors().size(), 2u);
          });
}

TEST(Fuzz, ConfigJson) {
  std::vector<std::string> seeds;
  const MadeModel made(smallest("gemma3"), "f32", 1, 0.0);
  const HuggingFaceCopy copy(made, "gemma3");
  const std::string weights = copy.folder().get("model.safetensors");
  for (const char* architecture : {"gemma3", "llama", "mixtral", "qwen2moe", "qwen3moe"}) {
    const MadeModel other(smallest(architecture), "f32", 1, 0.0);
    seeds.push_back(HuggingFaceCopy(other, architecture).folder().get("config.json"));
  }
  const std::vector<std::string> words = {"LlamaForCausalLM", "rope_scaling", "yarn",    "dynamic",
                                          "llama3",           "factor",       "head_dim"};
  Fuzzer("config", seeds, kept("config"))
      .run(
          kRuns,
          [&](const std::string& json, Rng& rng) {
            return text::fuzz::mutated_json(json, words, rng);
          },
          [&](const std::string& json, Rng&) {
            TensorFile file("m", TensorFile::Format::kSafetensors);
            parse_safetensors("m", bytes_of(weights), file);
            nlohmann::json config = parse_json(bytes_of(json), "config.json");
            if (!config.is_object()) throw Error("is no object", "config.json", "");
            file.set_config(std::move(config));
            use(file);
          });
}

}  // namespace
}  // namespace aisp::model
