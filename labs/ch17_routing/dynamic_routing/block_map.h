// One table for all engines: the hash of a block and of everything before it -> which engines have
// it, a bit each. A prompt is hashed once and walked once, whatever the number of engines. Hashes
// are not compared with tokens: two prompts that collide send a request to a worse engine, and the
// engine, which compares, computes what it has not.
// Source: NVIDIA Dynamo's kv-router (blocks by their hash with the workers that have them).
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "labs/ch17_routing/dynamic_routing/problem.h"

namespace aisp::labs::ch17::dynamic_routing {

class BlockMap {
 public:
  explicit BlockMap(std::size_t most_blocks)
      : entries_(std::bit_ceil(2 * most_blocks + 2)), mask_(entries_.size() - 1) {
    used_.reserve(most_blocks);
  }

  /// The chained hashes of a prompt's blocks.
  static void hash(std::span<const std::int32_t> prompt, std::vector<std::uint64_t>& hashes) {
    hashes.clear();
    std::uint64_t before = 0x9e3779b97f4a7c15ull;
    for (std::size_t at = 0; at < prompt.size(); at += kBlockTokens) {
      std::array<std::uint64_t, kBlockTokens / 2> words;
      std::memcpy(words.data(), prompt.data() + at, sizeof words);
      std::uint64_t sum = 0;  // independent products: the chain is one mixing a block
      for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint64_t word = words[i] + kOdd * (i + 1);
        sum += (word ^ (word >> 32)) * (kOdd + 2 * i);
      }
      before = mix(before ^ sum);
      hashes.push_back(before);
    }
  }

  /// How many first blocks each of `engines` has.
  void match(std::span<const std::uint64_t> hashes, std::span<int> blocks) const {
    const int count = static_cast<int>(hashes.size());
    std::uint64_t live = blocks.size() == 64 ? ~0ull : (1ull << blocks.size()) - 1;
    for (int i = 0; i < count && live != 0; ++i) {
      const Entry& entry = entries_[place_of(hashes[static_cast<std::size_t>(i)])];
      for (std::uint64_t gone = live & ~entry.engines; gone != 0; gone &= gone - 1) {
        blocks[static_cast<std::size_t>(std::countr_zero(gone))] = i;
      }
      live &= entry.engines;
    }
    for (; live != 0; live &= live - 1) {
      blocks[static_cast<std::size_t>(std::countr_zero(live))] = count;
    }
  }

  void keep(std::span<const std::uint64_t> hashes, std::size_t engine) {
    for (const std::uint64_t hash : hashes) {
      const std::size_t place = place_of(hash);
      if (entries_[place].engines == 0) {
        used_.push_back(place);
        entries_[place].hash = hash;
      }
      entries_[place].engines |= 1ull << engine;
    }
  }

  void forget() {
    for (const std::size_t place : used_) entries_[place] = {};
    used_.clear();
  }

 private:
  static constexpr std::uint64_t kOdd = 0xd1342543de82ef95ull;
  struct Entry {
    std::uint64_t hash = 0, engines = 0;  // no engine: the place is empty
  };

  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // Of the hash, or the empty place where it would stand.
  std::size_t place_of(std::uint64_t hash) const {
    std::size_t place = hash & mask_;
    while (entries_[place].engines != 0 && entries_[place].hash != hash) {
      place = (place + 1) & mask_;
    }
    return place;
  }

  std::vector<Entry> entries_;
  std::size_t mask_;
  std::vector<std::size_t> used_;
};

}  // namespace aisp::labs::ch17::dynamic_routing
