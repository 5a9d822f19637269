// Files from strangers: good ones with seeded random damage must either be read, and then computed
// with, or be refused by an Error. Anything else is a crash or a hang. The short form runs with the
// tests; AISP_FUZZ_SECONDS=600 makes it a long one, best under -DAISP_SANITIZE=address,undefined.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/rng.h"
#include "model/hugging_face_copy.h"
#include "model/reference.h"
#include "model/safetensors.h"

namespace aisp::model {
namespace {

double seconds_each() {
  const char* wanted = std::getenv("AISP_FUZZ_SECONDS");
  return wanted == nullptr ? 0.6 : std::atof(wanted) / 3.0;
}

// One to four changes, most of them near the beginning, where the sizes are.
std::string damaged(std::string bytes, std::size_t head, Rng& rng) {
  for (std::uint64_t changes = 1 + rng.below(4); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t near = rng.below(8) == 0 ? bytes.size() : std::min(head, bytes.size());
    const std::size_t at = rng.below(near);
    switch (rng.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(rng.next());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
        break;
      case 2: {  // a size that is far too large, or just beside a good one
        const std::uint64_t sizes[] = {0,         1, ~0ull, 1ull << 31, 1ull << 63, bytes.size(),
                                       0xffffffff};
        const std::uint64_t value = sizes[rng.below(7)];
        std::memcpy(bytes.data() + at, &value, std::min<std::size_t>(8, bytes.size() - at));
        break;
      }
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, 1 + rng.below(16));
        break;
      default:
        bytes.insert(at, bytes.substr(rng.below(bytes.size()), 1 + rng.below(16)));
    }
  }
  return bytes;
}

// What a reader of the model would do: settings, tensors, and every byte touched.
void use(const TensorFile& file) {
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

// Counts of files that were read and refused; both must occur, or the damage is of the wrong size.
template <class Body>
void fuzz(const std::string& good, std::size_t head, const Body& body) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds_each());
  const char* wanted = std::getenv("AISP_FUZZ_SEED");
  Rng rng(wanted == nullptr ? 1 : std::strtoull(wanted, nullptr, 10));
  int read = 0, refused = 0;
  while (Clock::now() < end || read == 0 || refused == 0) {
    const std::string bytes = damaged(good, head, rng);
    const auto begin = Clock::now();
    try {
      body(bytes);
      ++read;
    } catch (const Error& problem) {
      EXPECT_EQ(std::string(problem.what()).find('\n'), std::string::npos) << problem.what();
      ++refused;
    }
    EXPECT_LT(std::chrono::duration<double>(Clock::now() - begin).count(), 5.0);
  }
  std::printf("%d read, %d refused\n", read, refused);
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Fuzz, Gguf) {
  const MadeModel made("qwen2moe", "q4_0");
  const std::string good = made.folder.get("m.gguf");
  std::size_t data = 0;
  for (const Tensor& tensor : made.file.tensors()) data += tensor.bytes.size();
  const std::size_t head = good.size() - data;
  fuzz(good, head, [](const std::string& bytes) { use(parse_gguf("m", bytes_of(bytes))); });
}

TEST(Fuzz, Safetensors) {
  const MadeModel made("qwen3");
  const HuggingFaceCopy copy(made, "qwen3");
  const std::string good = copy.folder().get("model.safetensors");
  const nlohmann::json config = copy.config();
  std::uint64_t head = 0;
  std::memcpy(&head, good.data(), sizeof(head));
  fuzz(good, head + 8, [&](const std::string& bytes) {
    TensorFile file("m", TensorFile::Format::kSafetensors);
    parse_safetensors("m", bytes_of(bytes), file);
    file.set_config(config);
    use(file);
  });
}

TEST(Fuzz, ConfigJson) {
  const MadeModel made("gemma3");
  const HuggingFaceCopy copy(made, "gemma3");
  const std::string good = copy.folder().get("config.json");
  const std::string weights = copy.folder().get("model.safetensors");
  fuzz(good, good.size(), [&](const std::string& bytes) {
    TensorFile file("m", TensorFile::Format::kSafetensors);
    parse_safetensors("m", bytes_of(weights), file);
    nlohmann::json config = parse_json(bytes_of(bytes), "config.json");
    if (!config.is_object()) throw Error("is no object", "config.json", "");
    file.set_config(std::move(config));
    use(file);
  });
}

}  // namespace
}  // namespace aisp::model
