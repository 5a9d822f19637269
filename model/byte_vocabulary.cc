// See make_model.h: a vocabulary that needs no training.
#include "base/error.h"
#include "model/make_model.h"

namespace aisp::model {
namespace {

// Types of pieces in a GGUF file.
constexpr std::int64_t kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6;

// Three letters and more, as numbers in base 26, after the sign of a space.
std::string word(std::int64_t number) {
  std::string letters;
  for (std::int64_t n = number + 26 * 26; n > 0; n /= 26) {
    letters.insert(letters.begin(), static_cast<char>('a' + n % 26));
  }
  return "\xe2\x96\x81" + letters;
}

}  // namespace

Metadata byte_vocabulary(std::int64_t vocab) {
  if (vocab < 260) {
    throw Error("a vocabulary of " + std::to_string(vocab) + " has no room for 256 bytes",
                "--vocab", "ask for at least 260 pieces");
  }
  std::vector<std::string> pieces = {"<unk>", "<s>", "</s>"};
  std::vector<std::int64_t> types = {kUnknown, kControl, kControl};
  std::vector<double> scores(static_cast<std::size_t>(vocab), 0.0);
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    pieces.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">");
    types.push_back(kByte);
  }
  pieces.push_back("\xe2\x96\x81");  // a space is no byte in such vocabularies
  types.push_back(kNormal);
  for (std::int64_t i = 0; static_cast<std::int64_t>(pieces.size()) < vocab; ++i) {
    scores[pieces.size()] = -static_cast<double>(i + 1);
    pieces.push_back(word(i));
    types.push_back(kNormal);
  }
  Metadata m;
  m.set("tokenizer.ggml.model", MetaValue::text("llama"));
  m.set("tokenizer.ggml.pre", MetaValue::text("default"));
  m.set("tokenizer.ggml.tokens", {MetaType::kString, true, std::move(pieces)});
  m.set("tokenizer.ggml.scores", {MetaType::kF32, true, std::move(scores)});
  m.set("tokenizer.ggml.token_type", {MetaType::kI32, true, std::move(types)});
  m.set("tokenizer.ggml.bos_token_id", MetaValue::u32(1));
  m.set("tokenizer.ggml.eos_token_id", MetaValue::u32(2));
  m.set("tokenizer.ggml.unknown_token_id", MetaValue::u32(0));
  m.set("tokenizer.ggml.add_bos_token", MetaValue::boolean(true));
  m.set("tokenizer.ggml.add_eos_token", MetaValue::boolean(false));
  m.set("tokenizer.ggml.add_space_prefix", MetaValue::boolean(false));
  m.set("tokenizer.chat_template",
        MetaValue::text("{% for message in messages %}{{ message['role'] + ': ' + "
                        "message['content'] + '\\n' }}{% endfor %}"
                        "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"));
  return m;
}

}  // namespace aisp::model
