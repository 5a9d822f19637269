// Little tokenizer.json files of each kind, for tests and as seeds of the fuzzer.
#pragma once

#include <string_view>

namespace aisp::text::seeds {

inline constexpr std::string_view kByteLevel = R"j({
  "added_tokens": [
    {"id": 6, "content": "<bos>", "special": true, "lstrip": false},
    {"id": 7, "content": "<eot>", "special": true, "rstrip": true},
    {"id": 8, "content": "<think>", "special": false}],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": " ?\\p{L}+|\\s+"},
     "behavior": "Isolated", "invert": false},
    {"type": "Digits", "individual_digits": true},
    {"type": "Punctuation", "behavior": "Isolated"},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
  "post_processor": {"type": "Sequence", "processors": [
    {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}},
                                              {"Sequence": {"id": "A", "type_id": 0}}]}]},
  "decoder": {"type": "ByteLevel"},
  "model": {"type": "BPE", "unk_token": null, "continuing_subword_prefix": null,
            "byte_fallback": false, "ignore_merges": true,
            "vocab": {"a": 0, "b": 1, "Ġ": 2, "Ġa": 3, "ab": 4, "Ġab": 5},
            "merges": ["a b", ["Ġ", "ab"], "Ġ a"]}})j";

inline constexpr std::string_view kConfig =
    R"j({"bos_token": "<bos>", "eos_token": {"content": "<eot>"}, "chat_template": "x"})j";

inline constexpr std::string_view kSentencePiece = R"j({
  "added_tokens": [{"id": 0, "content": "<unk>", "special": true},
                   {"id": 1, "content": "<s>", "special": true}],
  "normalizer": {"type": "Sequence", "normalizers": [
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
  "pre_tokenizer": null,
  "post_processor": {"type": "TemplateProcessing", "single": [
    {"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]},
  "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true,
            "vocab": {"<unk>": 0, "<s>": 1, "▁": 2, "<0x0A>": 3, "a": 4, "b": 5, "▁ab": 6, "ab": 7},
            "merges": ["a b", "▁ ab"]}})j";

inline constexpr std::string_view kUnigram = R"j({
  "added_tokens": [{"id": 0, "content": "<unk>", "special": true},
                   {"id": 4, "content": "</s>", "special": true}],
  "normalizer": {"type": "NFKC"},
  "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
  "post_processor": {"type": "TemplateProcessing", "single": [
    {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "</s>"}}]},
  "model": {"type": "Unigram", "unk_id": 0,
            "vocab": [["<unk>", 0.0], ["▁a", -2.5], ["b", -3], ["▁ab", -1.5], ["</s>", 0.0]]}})j";

}  // namespace aisp::text::seeds
