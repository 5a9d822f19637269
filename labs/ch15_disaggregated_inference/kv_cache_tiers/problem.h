// Conversations that come back when their keys and values have left the cache: C of them take
// turns, each begins with P tokens and comes back R times with N more, every answer has A tokens.
// The cache holds one conversation and a block. The problem is that of recorded/requests.h. Params:
// C, P, R, N, A, and M, L, V as there.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "bench/lab.h"
#include "recorded/server.h"

namespace aisp::labs::ch15::kv_cache_tiers {

recorded::Shape shape_of(const bench::Params& params);

/// What a plan keeps. One thread.
struct State {
  explicit State(const bench::Params& params);
  recorded::Shape shape;
  std::int64_t conversations, turns;
  recorded::Steps steps;
  std::size_t block_bytes() const {
    return static_cast<std::size_t>(
        model::KvCache::block_bytes(shape.model.config(), model::KvType::kF32));
  }
  /// Blocks that hold all conversations at their ends.
  std::int64_t all_blocks() const {
    return conversations * recorded::Shape::blocks_for(shape.longest);
  }
};

/// Serves one call, turn after turn, by the engine's scheduler and its prefix index, with `host`
/// behind the cache if there is one. `between_turns` is called before each turn but the first.
/// Returns what the scheduler counted.
serve::Counters serve_turns(
    State& state, const bench::Io& io, const recorded::HostBlocks* host,
    const std::function<void()>& between_turns = [] {});

/// A temporary file without a name, mapped, as many blocks as it is asked for; its disk space is
/// reserved. Throws Error when the system refuses.
class MappedBlocks {
 public:
  MappedBlocks(std::int64_t blocks, std::size_t block_bytes);
  ~MappedBlocks();
  MappedBlocks(const MappedBlocks&) = delete;
  MappedBlocks& operator=(const MappedBlocks&) = delete;

  std::span<std::byte> block(serve::BlockId id) const;
  /// As host memory of a server. This must outlive it.
  recorded::HostBlocks host() const;
  /// Writes everything to the disk and removes it from the page cache: what is read next comes from
  /// the disk. Throws Error where that cannot be.
  void to_disk() const;

 private:
  std::size_t block_bytes_, bytes_;
  int descriptor_ = -1;
  std::byte* data_ = nullptr;
};

/// "" or why to_disk() cannot work here: temporary files live in memory.
std::string no_disk_for_temporary_files();

bench::Technique recompute();
bench::Technique ram_tier();
bench::Technique mapped_file_tier();
bench::Technique disk_tier();

}  // namespace aisp::labs::ch15::kv_cache_tiers
