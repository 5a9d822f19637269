// See tokenizer_json.h.
#include "text/tokenizer_json.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/shown.h"
#include "text/json_in.h"
#include "text/pre_tokenizer.h"
#include "text/vocabulary.h"

namespace aisp::text {
namespace {

using Json = nlohmann::json;

// Ids may leave holes, so many in all: a file with few pieces and huge ids must not cost memory.
constexpr std::size_t kMaxHoles = 1 << 16;

class Reader {
 public:
  Reader(std::string_view where) : where_(where) {}

  TokenizerSpec read(const Json& file, const Json& config) {
    if (!file.is_object() || !file.contains("model")) refuse("there is no model in it");
    read_model(object_at(file, "model"));
    read_normalizer(file.value("normalizer", Json()));
    read_pre_tokenizer(file.value("pre_tokenizer", Json()));
    spec_.byte_level = spec_.byte_level || has_byte_level(file.value("decoder", Json()));
    read_added(file.value("added_tokens", Json::array()));
    read_post_processor(file.value("post_processor", Json()));
    read_config(config);
    return std::move(spec_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(shown(what, 200), where_, "not a tokenizer that is known here");
  }
  const Json& object_at(const Json& json, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_object()) {
      refuse(std::string("'") + key + "' is not an object");
    }
    return *found;
  }
  std::string string_at(const Json& json, const char* key, const char* fallback = nullptr) const {
    const auto found = json.is_object() ? json.find(key) : json.end();
    if (!json.is_object() || found == json.end() || found->is_null()) {
      if (fallback == nullptr) refuse(std::string("'") + key + "' is missing");
      return fallback;
    }
    if (!found->is_string()) refuse(std::string("'") + key + "' is not a text");
    return found->get<std::string>();
  }
  bool flag(const Json& json, const char* key, bool fallback = false) const {
    const auto found = json.find(key);
    return found == json.end() || !found->is_boolean() ? fallback : found->get<bool>();
  }
  std::int32_t id_in(const Json& json) const {
    if (!json.is_number_integer()) refuse("an id is not a whole number");
    const std::int64_t id = json.get<std::int64_t>();
    if (id < 0 || id >= (1 << 30)) refuse("an id is out of range");
    return static_cast<std::int32_t>(id);
  }

  void set_piece(std::int32_t id, std::string text, PieceType type) {
    const std::size_t at = static_cast<std::size_t>(id);
    if (at >= spec_.pieces.size()) {
      holes_ += at - spec_.pieces.size();
      if (holes_ > kMaxHoles) refuse("id " + std::to_string(id) + " is far off");
      spec_.pieces.resize(at + 1);
      spec_.types.resize(at + 1, PieceType::kUnused);
    }
    spec_.pieces[at] = std::move(text);
    spec_.types[at] = type;
  }

  std::int32_t id_of(const std::string& text) const {
    const auto found = std::find(spec_.pieces.begin(), spec_.pieces.end(), text);
    return found == spec_.pieces.end() ? -1
                                       : static_cast<std::int32_t>(found - spec_.pieces.begin());
  }

  void read_model(const Json& model) {
    const std::string type = string_at(model, "type", model.contains("merges") ? "BPE" : "Unigram");
    spec_.byte_fallback = flag(model, "byte_fallback");
    if (type == "BPE") {
      spec_.kind = TokenizerKind::kBytePair;
      read_byte_pairs(model);
    } else if (type == "Unigram") {
      spec_.kind = TokenizerKind::kUnigram;
      read_unigram(model);
    } else {
      refuse("its model is '" + type + "'; BPE and Unigram can be read");
    }
  }

  void read_byte_pairs(const Json& model) {
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!string_at(model, key, "").empty()) refuse(std::string("it uses '") + key + "'");
    }
    spec_.ignore_merges = flag(model, "ignore_merges");
    const Json& vocabulary = object_at(model, "vocab");
    std::vector<std::pair<std::int32_t, std::string>> by_id;
    for (const auto& [text, id] : vocabulary.items()) by_id.emplace_back(id_in(id), text);
    std::sort(by_id.begin(), by_id.end());
    for (auto& [id, text] : by_id) set_piece(id, std::move(text), PieceType::kNormal);
    const auto merges = model.find("merges");
    if (merges == model.end() || !merges->is_array()) refuse("'merges' is not a list");
    for (const Json& merge : *merges) {
      if (merge.is_string()) {
        spec_.merges.push_back(merge.get<std::string>());
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
                 merge[1].is_string()) {
        spec_.merges.push_back(merge[0].get<std::string>() + ' ' + merge[1].get<std::string>());
      } else {
        refuse("a merge is neither a text nor two texts");
      }
    }
    const std::string unknown = string_at(model, "unk_token", "");
    if (!unknown.empty()) set_unknown(id_of(unknown));
  }

  void read_unigram(const Json& model) {
    const auto vocabulary = model.find("vocab");
    if (vocabulary == model.end() || !vocabulary->is_array()) refuse("'vocab' is not a list");
    for (const Json& row : *vocabulary) {
      if (!row.is_array() || row.size() != 2 || !row[0].is_string() || !row[1].is_number()) {
        refuse("a piece is not a text and a score");
      }
      spec_.pieces.push_back(row[0].get<std::string>());
      spec_.types.push_back(PieceType::kNormal);
      spec_.scores.push_back(row[1].get<float>());
    }
    if (model.contains("unk_id") && !model["unk_id"].is_null()) set_unknown(id_in(model["unk_id"]));
  }

  void set_unknown(std::int32_t id) {
    if (id < 0 || static_cast<std::size_t>(id) >= spec_.pieces.size()) return;
    spec_.unknown = id;
    spec_.types[static_cast<std::size_t>(id)] = PieceType::kUnknown;
  }

  void read_normalizer(const Json& step) {
    if (step.is_null()) return;
    const std::string type = string_at(step, "type");
    if (type == "Sequence") {
      for (const Json& inner : step.value("normalizers", Json::array())) read_normalizer(inner);
    } else if (type == "NFC") {
      spec_.normal_form = NormalForm::kNfc;
    } else if (type == "NFKC") {
      spec_.normal_form = NormalForm::kNfkc;
    } else if (type == "Prepend" && string_at(step, "prepend") == kSpaceMark) {
      spec_.space_prefix = SpacePrefix::kAfterSpecial;
    } else if (type == "Replace" && string_at(step, "content") == kSpaceMark &&
               string_at(object_at(step, "pattern"), "String", "") == " ") {
      spec_.escape_spaces = true;
    } else {
      refuse("its normalizer '" + type + "' is not known");
    }
  }

  static std::string quoted(std::string_view literal) {
    std::string out;
    for (char c : literal) {
      if (std::ispunct(static_cast<unsigned char>(c))) out.push_back('\\');
      out.push_back(c);
    }
    return out;
  }

  void read_split(const Json& step) {
    const Json& pattern = object_at(step, "pattern");
    const std::string literal = string_at(pattern, "String", "");
    const std::string behavior = string_at(step, "behavior");
    // No space is left to split at once they are escaped.
    if (literal == " " && spec_.escape_spaces) return;
    const bool keeps_matches =
        behavior == "Isolated" || (behavior == "Removed" && flag(step, "invert"));
    if (!keeps_matches) refuse("it splits words by '" + behavior + "'");
    spec_.patterns.push_back(literal.empty() ? string_at(pattern, "Regex") : quoted(literal));
  }

  void read_metaspace(const Json& step) {
    if (string_at(step, "replacement") != kSpaceMark) refuse("it writes spaces in its own way");
    const std::string scheme = string_at(step, "prepend_scheme",
                                         flag(step, "add_prefix_space", true) ? "always" : "never");
    spec_.escape_spaces = true;
    spec_.space_prefix_once = true;
    spec_.space_prefix = scheme == "first"    ? SpacePrefix::kAtStart
                         : scheme == "always" ? SpacePrefix::kAfterSpecial
                                              : SpacePrefix::kNever;
    // Words are cut before each mark (MergedWithNext); runs of marks are cut apart too.
    if (flag(step, "split", true)) spec_.patterns.push_back("\u2581[^\u2581]*");
  }

  void read_pre_tokenizer(const Json& step) {
    if (step.is_null()) return;
    const std::string type = string_at(step, "type");
    if (type == "Sequence") {
      for (const Json& inner : step.value("pretokenizers", Json::array()))
        read_pre_tokenizer(inner);
    } else if (type == "ByteLevel") {
      if (flag(step, "add_prefix_space", true)) refuse("it adds spaces before words of bytes");
      spec_.byte_level = true;
      if (flag(step, "use_regex", true)) spec_.patterns.emplace_back(gpt2_pattern());
    } else if (type == "Split") {
      read_split(step);
    } else if (type == "Digits") {
      spec_.patterns.push_back(flag(step, "individual_digits") ? "\\p{N}" : "\\p{N}+");
    } else if (type == "Punctuation") {
      const std::string behavior = string_at(step, "behavior", "Isolated");
      if (behavior != "Isolated" && behavior != "Contiguous") {
        refuse("it splits punctuation by '" + behavior + "'");
      }
      spec_.patterns.push_back(std::string("[!-/:-@\\[-`{-~\\p{P}]") +
                               (behavior == "Contiguous" ? "+" : ""));
    } else if (type == "Metaspace") {
      read_metaspace(step);
    } else {
      refuse("its pre-tokenizer '" + type + "' is not known");
    }
  }

  bool has_byte_level(const Json& decoder) const {
    if (!decoder.is_object()) return false;
    if (string_at(decoder, "type", "") == "ByteLevel") return true;
    for (const Json& inner : decoder.value("decoders", Json::array())) {
      if (inner.is_object() && string_at(inner, "type", "") == "ByteLevel") return true;
    }
    return false;
  }

  void read_added(const Json& added) {
    if (!added.is_array()) refuse("'added_tokens' is not a list");
    for (const Json& token : added) {
      if (!token.is_object() || !token.contains("id")) refuse("an added token has no id");
      const std::int32_t id = id_in(token["id"]);
      const bool special = flag(token, "special");
      set_piece(id, string_at(token, "content"),
                id == spec_.unknown ? PieceType::kUnknown
                : special           ? PieceType::kControl
                                    : PieceType::kUserDefined);
      if (flag(token, "lstrip")) spec_.strip_left.push_back(id);
      if (flag(token, "rstrip")) spec_.strip_right.push_back(id);
    }
    if (!spec_.scores.empty()) spec_.scores.resize(spec_.pieces.size(), 0.0f);
  }

  void read_post_processor(const Json& step) {
    if (!step.is_object()) return;
    const std::string type = string_at(step, "type", "");
    if (type == "Sequence") {
      for (const Json& inner : step.value("processors", Json::array())) read_post_processor(inner);
      return;
    }
    if (type != "TemplateProcessing" || !step.contains("single")) return;
    bool seen_text = false;
    for (const Json& part : step["single"]) {
      if (part.is_object() && part.contains("Sequence")) seen_text = true;
      if (!part.is_object() || !part.contains("SpecialToken")) continue;
      const std::int32_t id = id_of(string_at(object_at(part, "SpecialToken"), "id"));
      if (id < 0) refuse("its template names a piece that is not there");
      (seen_text ? spec_.eos : spec_.bos) = id;
      (seen_text ? spec_.add_eos : spec_.add_bos) = true;
    }
  }

  void read_config(const Json& config) {
    if (!config.is_object()) return;
    const auto named = [&](const char* key, std::int32_t& id) {
      const auto found = config.find(key);
      if (found == config.end()) return;
      const std::string text = found->is_string()   ? found->get<std::string>()
                               : found->is_object() ? string_at(*found, "content", "")
                                                    : "";
      if (!text.empty() && id_of(text) >= 0) id = id_of(text);
    };
    named("bos_token", spec_.bos), named("eos_token", spec_.eos), named("pad_token", spec_.pad);
    spec_.add_bos = flag(config, "add_bos_token", spec_.add_bos);
    spec_.add_eos = flag(config, "add_eos_token", spec_.add_eos);
  }

  std::string where_;
  TokenizerSpec spec_;
  std::size_t holes_ = 0;  // made so far, filled since or not
};

}  // namespace

TokenizerSpec tokenizer_from_json(std::string_view json, std::string_view config_json,
                                  std::string_view where) {
  const Json file = parse_json<Json>(json, where);
  const Json config = config_json.empty() ? Json() : parse_json<Json>(config_json, where);
  TokenizerSpec spec;
  try {
    spec = Reader(where).read(file, config);
  } catch (const Json::exception& error) {
    throw Error("a field has another type than expected (" + shown(error.what(), 120) + ")",
                std::string(where), "not a tokenizer that is known here");
  }
  check_spec(spec, where);
  return spec;
}

}  // namespace aisp::text
