// Rotary positions: every published way to stretch them comes down to one list of frequencies and
// one magnitude, computed here once; whoever rotates knows nothing of scalings. Source: Su et al.,
// "RoFormer" (2021); Peng et al., "YaRN" (2023); transformers (modeling_rope_utils.py) for the
// exact forms.
#pragma once

#include <cstdint>
#include <vector>

namespace aisp::model {

/// Which two elements of a head turn together: i and i + size / 2, or 2 i and 2 i + 1. (GGUF files
/// of Llama have their Q and K rows permuted for the second; the originals have the first.)
enum class RopePairs { kHalves, kInterleaved };

enum class RopeScaling { kNone, kLinear, kDynamic, kYarn, kLlama3 };

struct Rope {
  RopePairs pairs = RopePairs::kHalves;
  std::int64_t size = 0;  // elements of a head that turn, from its first
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  std::int64_t original_context = 0;  // that the model was trained with before it was stretched
  // YaRN: pairs that turn so often within the original context keep their frequency, those that
  // turn less than `stretched_turns` times are stretched.
  double kept_turns = 32.0, stretched_turns = 1.0, extrapolation = 1.0;
  double attention_factor = 0.0;               // YaRN's magnitude; 0: 0.1 ln(factor) + 1
  double low_factor = 1.0, high_factor = 4.0;  // Llama 3
  std::vector<double> divisors;                // of each frequency, from the file; empty: none
};

struct RopeTable {
  std::vector<double> frequency;  // size / 2; pair i turns by position * frequency[i]
  double magnitude = 1.0;         // cosine and sine are multiplied with it
};

/// `context`: the longest sequence that will be seen. Only the dynamic scaling asks for it: up to
/// the original context it changes nothing, beyond it the base is raised for `context` once and for
/// all, so that keys computed early stay right (transformers raises it step by step).
RopeTable rope_table(const Rope& rope, std::int64_t context);

}  // namespace aisp::model
