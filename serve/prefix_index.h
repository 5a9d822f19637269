// Which sequences of tokens have their keys and values in memory: a radix tree whose edges are full
// blocks. A node is in it only when its content has been produced, so whoever finds it may read it.
// Requests lock the deepest node of their path; what no request holds is evicted leaf by leaf, to
// the host's pool if there is one, else for good. No allocation after construction.
// Tokens are compared, not only hashed: no two prompts can be made to collide.
// Source: SGLang, "Efficient Execution of Structured Language Model Programs" (2024), radix cache;
// TensorRT-LLM's radixBlockTree.h and TurboMind's prefix_trie.h for what others keep.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/block_pool.h"
#include "serve/eviction.h"

namespace aisp::serve {

using Token = std::int32_t;
using NodeId = std::int32_t;
inline constexpr NodeId kNoNode = -1;

class PrefixIndex {
 public:
  struct Size {
    int block_tokens = 16;
    int device_blocks = 0;
    int host_blocks = 0;
    Eviction eviction = Eviction::kFrequency;
  };
  explicit PrefixIndex(const Size& size);

  /// The longest known prefix of `tokens` within `domain` (caches of different domains share
  /// nothing: another adapter, another tenant's secret). `node` is the deepest full block, kNoNode
  /// for none; `on_device` of the `blocks` lie on the device, always the first ones. `partial` is a
  /// device node of which only the first `partial_tokens` (< block_tokens) match. Changes nothing.
  struct Match {
    NodeId node = kNoNode;
    int blocks = 0;
    int on_device = 0;
    int on_device_unlocked = 0;  // of those, how many nobody holds: evictable until locked
    NodeId partial = kNoNode;
    int partial_tokens = 0;
  };
  Match match(std::uint64_t domain, std::span<const Token> tokens) const;

  /// Child of `parent` (kNoNode: a first block of `domain`) with exactly these tokens, or kNoNode.
  NodeId find(std::uint64_t domain, NodeId parent, std::span<const Token> tokens) const;

  /// Adds a produced block; it must not be there yet. The caller keeps the block alive.
  NodeId insert(std::uint64_t domain, NodeId parent, std::span<const Token> tokens, BlockId block);

  /// Holds `node` and so its ancestors; kNoNode is allowed. Cost: the part of the path that nobody
  /// held before.
  void lock(NodeId node);
  void unlock(NodeId node);

  /// Counts a use of every block on the path to `node`: before lock(), by whoever matched it.
  void count_use(NodeId node);
  /// The same of this block alone.
  void count_use_of(NodeId node) { ++at(node).uses; }

  /// The device block that goes next (unlocked, nothing below it on the device), or kNoNode; and
  /// the host block that goes next.
  NodeId device_victim() const { return device_heap_.empty() ? kNoNode : device_heap_[0].node; }
  NodeId host_victim() const { return host_heap_.empty() ? kNoNode : host_heap_[0].node; }

  /// Forgets a victim; its block is the caller's to drop.
  void remove(NodeId victim);
  /// The device victim's content now lies in `host_block`.
  void demote(NodeId victim, BlockId host_block);
  /// A host node's content now lies in `device_block`; its parent must be on the device.
  void promote(NodeId node, BlockId device_block);

  NodeId parent(NodeId node) const { return at(node).parent; }
  BlockId block(NodeId node) const { return at(node).block; }
  bool on_host(NodeId node) const { return at(node).on_host; }
  int depth(NodeId node) const { return at(node).depth; }
  std::span<const Token> tokens(NodeId node) const;
  /// Locks on this node itself, not through what hangs below it. O(children).
  int direct_locks(NodeId node) const;

  int nodes() const { return nodes_in_use_; }
  /// Device blocks that eviction can free, all of them in leaf order.
  int evictable() const { return evictable_; }

  /// Aborts (check) unless links, counts, heaps and the table agree with each other. O(nodes).
  void check_integrity() const;
  /// Calls visit(node) for every node. O(capacity).
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (NodeId id = 0; id < static_cast<NodeId>(all_.size()); ++id) {
      if (all_[static_cast<std::size_t>(id)].live) visit(id);
    }
  }

 private:
  struct Node {
    std::uint64_t domain = 0, hash = 0;
    NodeId parent = kNoNode;
    NodeId first_child = kNoNode, next = kNoNode, previous = kNoNode;  // children: newest first
    BlockId block = kNoBlock;
    std::int32_t users = 0;            // locks on it, and children with users
    std::int32_t children = 0;         // all of them
    std::int32_t device_children = 0;  // of those, on the device
    std::int32_t heap_place = -1;      // in the heap of its tier, -1 when no candidate
    double rank = 0.0;
    std::uint64_t tick = 0;  // of its last use
    std::uint32_t uses = 0;  // requests that had it, its maker included
    std::int32_t depth = 0;  // blocks before it in its sequence
    bool on_host = false, live = false;
  };

  // Ranks stand in the heap too, so that ordering it does not visit the nodes.
  struct Candidate {
    double rank;
    std::uint64_t tick;
    NodeId node;
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank < other.rank : tick < other.tick;
    }
  };
  using Heap = std::vector<Candidate>;

  Node& at(NodeId id) { return all_[static_cast<std::size_t>(id)]; }
  const Node& at(NodeId id) const { return all_[static_cast<std::size_t>(id)]; }
  static std::uint64_t hash_of(std::uint64_t domain, NodeId parent, std::span<const Token> tokens);
  std::size_t slot_of(NodeId id) const;
  void table_add(NodeId id);
  void table_remove(NodeId id);
  void set_rank(Node& node);
  void update_candidate(NodeId id);
  void heap_add(Heap& heap, NodeId id);
  void heap_remove(Heap& heap, NodeId id);
  void heap_up(Heap& heap, std::size_t place);
  void heap_down(Heap& heap, std::size_t place);
  NodeId closest_child(std::uint64_t domain, NodeId parent, std::span<const Token> tokens,
                       int* matching) const;

  Size size_;
  std::vector<Node> all_;
  std::vector<Token> tokens_;  // block_tokens for each node
  std::vector<NodeId> spare_, table_;
  Heap device_heap_, host_heap_;
  NodeId first_root_ = kNoNode;  // list of the first blocks of all domains
  std::uint64_t tick_ = 0;
  double highest_evicted_ = 0.0;
  int nodes_in_use_ = 0, evictable_ = 0;
};

}  // namespace aisp::serve
