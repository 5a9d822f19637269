// Which pairs to merge, given words and how often each occurs: the core of both trainers.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace aisp::text {

struct CountedWord {
  std::vector<std::int32_t> symbols;  // -1: nothing merges with it
  std::int64_t count = 0;
};

struct LearnOptions {
  std::int32_t first_symbol = 256;  // what the first merge makes; then counting up
  std::int32_t merges = 0;          // at most
  std::int64_t min_count = 2;
  std::size_t max_bytes = 64;         // of what a merge makes
  std::vector<std::size_t> bytes_of;  // length of each symbol below first_symbol
};

/// The merges in order; the most frequent pair first, the pair of smaller symbols among equals.
/// Each merge costs the words that contain it.
std::vector<std::pair<std::int32_t, std::int32_t>> learn_pairs(std::vector<CountedWord> words,
                                                               LearnOptions options);

}  // namespace aisp::text
