// Packed weights beside the model: the same weights as packed in memory, and whatever is wrong with
// the file, it is told and never used.
#include "model/packed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/rng.h"
#include "model/kv_cache.h"
#include "model/made_model.h"
#include "model/transformer.h"
#include "model/weights.h"

namespace aisp::model {
namespace {

namespace fs = std::filesystem;

struct Kept {
  explicit Kept(const std::string& architecture = "llama", const std::string& type = "q8_0")
      : made(architecture, type), path(made.file.path() + ".aisp-packed") {}

  Weights load() { return Weights(made.tensors, made.config, pool, &made.file); }
  PackedCheck check() { return check_packed(made.file, made.tensors, pool); }

  std::vector<float> logits(const Weights& weights) {
    KvCache cache(made.config, KvType::kF32, 1);
    Transformer transformer(weights, cache, pool, 3);
    const std::vector<std::int32_t> tokens = {1, 7, 3}, wanted = {2}, blocks = {0};
    const Sequence sequence{.first_row = 0, .rows = 3, .context = 0, .blocks = blocks};
    std::vector<float> out(static_cast<std::size_t>(made.config.vocab));
    transformer.forward({.tokens = tokens, .sequences = {&sequence, 1}, .logits_of = wanted}, out);
    return out;
  }

  /// A damaged file is told, made again, and the weights are right.
  void expect_made_again(const std::string& told) {
    const PackedCheck before = check();
    EXPECT_TRUE(before.there);
    EXPECT_NE(before.fault, "") << told;
    const Weights weights = load();
    EXPECT_NE(weights.note().find(told), std::string::npos) << weights.note();
    EXPECT_TRUE(weights.is_mapped());
    EXPECT_EQ(check().fault, "");
    EXPECT_EQ(load().note(), "");
  }

  machine::ThreadPool pool{2};
  MadeModel made;
  std::string path;
};

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(PackedFile, MappedWeightsAreThosePackedInMemory) {
  for (const auto& [architecture, type] :
       {std::pair("llama", "q8_0"), {"qwen3moe", "q4_0"}, {"gemma2", "bf16"}, {"qwen2", "q6_k"}}) {
    Kept kept(architecture, type);
    const Weights in_memory(kept.made.tensors, kept.made.config, kept.pool);
    EXPECT_FALSE(in_memory.is_mapped());
    EXPECT_FALSE(fs::exists(kept.path)) << "not wanted";
    const Weights first = kept.load(), second = kept.load();
    EXPECT_NE(first.note().find(kept.path), std::string::npos) << first.note();
    EXPECT_EQ(second.note(), "");
    EXPECT_TRUE(first.is_mapped() && second.is_mapped());
    EXPECT_EQ(kept.logits(first), kept.logits(in_memory)) << architecture;
    EXPECT_EQ(kept.logits(second), kept.logits(in_memory)) << architecture;
    EXPECT_EQ(second.bytes_per_token(), in_memory.bytes_per_token());
    EXPECT_EQ(second.packed_bytes(), in_memory.packed_bytes());
    EXPECT_EQ(kept.check().fault, "");
    EXPECT_EQ(files_in(fs::path(kept.path).parent_path()), 2u) << "nothing else is left";
  }
}

TEST(PackedFile, EveryChangedByteOfTheHeadAndAnyOfTheDataIsNoticed) {
  Kept kept;
  (void)kept.load();
  const std::string good = kept.made.folder.get("m.gguf.aisp-packed");
  const std::size_t data = 2 << 20, head = 48 + 8 * ((good.size() - data + data - 1) / data);
  ASSERT_GT(good.size(), data);
  Rng rng(3);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < head; ++i) places.push_back(i);
  for (int i = 0; i < 40; ++i) places.push_back(data + rng.below(good.size() - data));
  places.push_back(good.size() - 1);
  for (const std::size_t place : places) {
    std::string bad = good;
    bad[place] = static_cast<char>(bad[place] ^ static_cast<char>(1 << rng.below(8)));
    kept.made.folder.put("m.gguf.aisp-packed", bad);
    EXPECT_NE(kept.check().fault, "") << "byte " << place;
  }
  kept.expect_made_again("is damaged");
}

TEST(PackedFile, CutAndForeignFilesAreMadeAgain) {
  Kept kept;
  (void)kept.load();
  const std::string good = kept.made.folder.get("m.gguf.aisp-packed");
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{47}, std::size_t{55},
                                 std::size_t{4096}, good.size() / 2, good.size() - 1}) {
    kept.made.folder.put("m.gguf.aisp-packed", good.substr(0, size));
    kept.expect_made_again("is cut short");
  }
  kept.made.folder.put("m.gguf.aisp-packed", good + "x");
  kept.expect_made_again("is cut short");
  kept.made.folder.put("m.gguf.aisp-packed", std::string(good.size(), 'x'));
  kept.expect_made_again("holds no packed weights");
  std::string other = good;
  other[8] = 99;
  kept.made.folder.put("m.gguf.aisp-packed", other);
  kept.expect_made_again("another version");
  Kept stranger("qwen2");
  (void)stranger.load();
  kept.made.folder.put("m.gguf.aisp-packed", stranger.made.folder.get("m.gguf.aisp-packed"));
  kept.expect_made_again("another model");
}

// Same name, size, shapes and time, other weights: what copying with times kept makes of a
// fine-tuned model.
TEST(PackedFile, OfAnotherModelWithTheSameTimeIsNotUsed) {
  Kept kept;
  (void)kept.load();
  MadeModel other("llama", "q8_0", 2);
  ASSERT_EQ(fs::file_size(other.file.path()), fs::file_size(kept.made.file.path()));
  fs::copy_file(kept.path, other.file.path() + ".aisp-packed");
  fs::last_write_time(other.file.path(), fs::last_write_time(kept.made.file.path()));
  const TensorFile again = open_model(other.file.path());
  ASSERT_EQ(again.files()[0].modified_ns(), kept.made.file.files()[0].modified_ns());
  const Weights weights(find_tensors(again, other.config), other.config, kept.pool, &again);
  EXPECT_NE(weights.note().find("another model"), std::string::npos) << weights.note();
}

TEST(PackedFile, OfAnEarlierModelIsNotUsed) {
  Kept kept;
  (void)kept.load();
  const fs::path model = kept.made.file.path();
  fs::last_write_time(model, fs::last_write_time(model) + std::chrono::nanoseconds(1000));
  const TensorFile again = open_model(model);
  const Weights weights(find_tensors(again, kept.made.config), kept.made.config, kept.pool, &again);
  EXPECT_NE(weights.note().find("another model"), std::string::npos) << weights.note();
}

// Weights changed between the places that the key looks at, and the time set back: only the
// comparison with all bytes sees it.
TEST(PackedFile, CheckComparesAllBytes) {
  const TemporaryFolder folder;
  machine::ThreadPool pool(2);
  MakeOptions options;
  options.config = *tiny_shape("llama");
  options.config.vocab = 60000;  // beyond 2 MiB, where the places no longer cover everything
  options.name = "wide";
  options.type = "q8_0";
  options.threads = 1;
  options.tokenizer = byte_vocabulary(options.config.vocab);
  make_model(options, folder.path("m.gguf"));
  {
    const TensorFile file = open_model(folder.path("m.gguf"));
    const ModelConfig config = config_of(file);
    const Weights weights(find_tensors(file, config), config, pool, &file);
    EXPECT_TRUE(weights.is_mapped()) << weights.note();
    EXPECT_EQ(check_packed(file, find_tensors(file, config), pool).fault, "");
  }
  const auto time = fs::last_write_time(folder.path("m.gguf"));
  const std::string bytes = folder.get("m.gguf");
  const TensorFile file = open_model(folder.path("m.gguf"));
  const Tensor* table = file.find("output.weight");
  ASSERT_NE(table, nullptr);
  const auto begin = static_cast<std::size_t>(table->bytes.data() - file.files()[0].bytes().data());
  int unseen = 0;
  for (std::size_t at = 0; at < 6; ++at) {
    std::string edited = bytes;
    const std::size_t place = begin + 500000 + at * 1001;
    edited[place] = static_cast<char>(edited[place] + 1);
    folder.put("m.gguf", edited);
    fs::last_write_time(folder.path("m.gguf"), time);
    const TensorFile again = open_model(folder.path("m.gguf"));
    const PackedCheck found = check_packed(again, find_tensors(again, config_of(again)), pool);
    EXPECT_NE(found.fault, "");
    unseen += found.fault.starts_with("differs");
  }
  EXPECT_GT(unseen, 0) << "no place lay between those of the key";
}

TEST(PackedFile, WhereNothingCanBeWrittenWeightsAreInMemory) {
  Kept kept;
  fs::create_directory(kept.path);  // its name is taken
  const Weights weights = kept.load();
  EXPECT_FALSE(weights.is_mapped());
  EXPECT_NE(weights.note().find("not kept"), std::string::npos) << weights.note();
  PackedWriter writer({.path = "/proc/packed", .key = {}, .bytes = 64});
  EXPECT_NE(writer.failure(), "");
}

TEST(PackedFile, OfAnotherUserIsNotUsed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  Kept kept;
  (void)kept.load();
  ASSERT_EQ(chown(kept.path.c_str(), 12345, 12345), 0);
  EXPECT_EQ(kept.check().fault, "belongs to another user");
}

TEST(PackedFile, IsReadableForWhomTheModelIs) {
  Kept kept;
  ASSERT_EQ(chmod(kept.made.file.path().c_str(), 0600), 0);
  kept.made.file = open_model(kept.made.file.path());
  kept.made.tensors = find_tensors(kept.made.file, kept.made.config);
  (void)kept.load();
  struct stat status {};
  ASSERT_EQ(stat(kept.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(PackedFile, ManyStartTogether) {
  for (int round = 0; round < 5; ++round) {
    Kept kept;
    const Weights in_memory(kept.made.tensors, kept.made.config, kept.pool);
    const std::vector<float> wanted = kept.logits(in_memory);
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        machine::ThreadPool pool(1);
        const TensorFile file = open_model(kept.made.file.path());
        const Weights weights(find_tensors(file, kept.made.config), kept.made.config, pool, &file);
        EXPECT_EQ(weights.note().find("damaged"), std::string::npos) << weights.note();
        EXPECT_EQ(weights.note().find("another model"), std::string::npos) << weights.note();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(kept.check().fault, "");
    EXPECT_EQ(kept.logits(kept.load()), wanted);
    EXPECT_EQ(files_in(fs::path(kept.path).parent_path()), 2u);
  }
}

TEST(PackedFile, OneLockForAModel) {
  Kept kept;
  const PackingLock first(kept.made.file.path());
  EXPECT_TRUE(first.held());
  const Weights weights = kept.load();
  EXPECT_NE(weights.note().find("another process"), std::string::npos) << weights.note();
  EXPECT_FALSE(fs::exists(kept.path));
}

}  // namespace
}  // namespace aisp::model
