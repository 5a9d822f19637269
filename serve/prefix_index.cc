// See prefix_index.h. A hash table (open addressing, linear probing, at most half full) from
// (parent, tokens) to node, intrusive lists of children, and a heap of candidates for each tier.
#include "serve/prefix_index.h"

#include <algorithm>
#include <bit>

#include "base/rng.h"

namespace aisp::serve {

namespace {

// Children looked at for a partial match, newest first: the first blocks of unrelated prompts are
// thousands, and a partial match saves at most one block of tokens.
constexpr int kLookedAt = 16;

}  // namespace

PrefixIndex::PrefixIndex(const Size& size) : size_(size) {
  check(size.block_tokens > 0, "a block has tokens");
  const std::size_t nodes = static_cast<std::size_t>(size.device_blocks + size.host_blocks);
  all_.resize(nodes);
  tokens_.resize(nodes * static_cast<std::size_t>(size.block_tokens));
  table_.assign(std::bit_ceil(2 * nodes + 2), kNoNode);
  spare_.reserve(nodes);
  for (std::size_t id = nodes; id-- > 0;) spare_.push_back(static_cast<NodeId>(id));
  device_heap_.reserve(nodes);
  host_heap_.reserve(nodes);
}

std::span<const Token> PrefixIndex::tokens(NodeId node) const {
  const std::size_t width = static_cast<std::size_t>(size_.block_tokens);
  return {tokens_.data() + static_cast<std::size_t>(node) * width, width};
}

// Two tokens a multiplication: each waits for the one before.
std::uint64_t PrefixIndex::hash_of(std::uint64_t domain, NodeId parent,
                                   std::span<const Token> tokens) {
  std::uint64_t state = domain * 0x9e3779b97f4a7c15ull + static_cast<std::uint32_t>(parent);
  const auto mix = [&](std::uint64_t value) {
    state = std::rotl(state ^ value, 23) * 0x9fb21c651e98df25ull;
  };
  std::size_t i = 0;
  for (; i + 1 < tokens.size(); i += 2) {
    mix(static_cast<std::uint64_t>(static_cast<std::uint32_t>(tokens[i])) << 32 |
        static_cast<std::uint32_t>(tokens[i + 1]));
  }
  if (i < tokens.size()) mix(static_cast<std::uint32_t>(tokens[i]));
  return splitmix64(state);
}

NodeId PrefixIndex::find(std::uint64_t domain, NodeId parent, std::span<const Token> wanted) const {
  const std::size_t mask = table_.size() - 1;
  const std::uint64_t hash = hash_of(domain, parent, wanted);
  for (std::size_t place = hash & mask; table_[place] != kNoNode; place = (place + 1) & mask) {
    const Node& node = at(table_[place]);
    if (node.hash == hash && node.parent == parent && node.domain == domain &&
        std::ranges::equal(tokens(table_[place]), wanted)) {
      return table_[place];
    }
  }
  return kNoNode;
}

NodeId PrefixIndex::closest_child(std::uint64_t domain, NodeId parent,
                                  std::span<const Token> wanted, int* matching) const {
  NodeId best = kNoNode;
  *matching = 0;
  NodeId child = parent == kNoNode ? first_root_ : at(parent).first_child;
  for (int seen = 0; child != kNoNode && seen < kLookedAt; child = at(child).next, ++seen) {
    if (at(child).domain != domain || at(child).on_host) continue;
    const std::span<const Token> have = tokens(child);
    const auto differ = std::mismatch(wanted.begin(), wanted.end(), have.begin(), have.end());
    const int same = static_cast<int>(differ.first - wanted.begin());
    if (same > *matching) {
      *matching = same;
      best = child;
    }
  }
  return best;
}

PrefixIndex::Match PrefixIndex::match(std::uint64_t domain, std::span<const Token> wanted) const {
  const std::size_t width = static_cast<std::size_t>(size_.block_tokens);
  Match found;
  std::size_t done = 0;
  while (done + width <= wanted.size()) {
    const NodeId next = find(domain, found.node, wanted.subspan(done, width));
    if (next == kNoNode) break;
    found.node = next;
    ++found.blocks;
    if (!at(next).on_host) {
      ++found.on_device;
      found.on_device_unlocked += at(next).users == 0;
    }
    done += width;
  }
  if (found.on_device == found.blocks) {
    const std::size_t rest = std::min(width, wanted.size() - done);
    found.partial =
        closest_child(domain, found.node, wanted.subspan(done, rest), &found.partial_tokens);
  }
  return found;
}

NodeId PrefixIndex::insert(std::uint64_t domain, NodeId parent, std::span<const Token> added,
                           BlockId block) {
  check(static_cast<int>(added.size()) == size_.block_tokens, "the index holds full blocks");
  check(!spare_.empty(), "as many nodes as blocks");
  const NodeId id = spare_.back();
  spare_.pop_back();
  Node& node = at(id);
  node = Node{};
  node.live = true;
  node.domain = domain;
  node.hash = hash_of(domain, parent, added);
  node.parent = parent;
  node.block = block;
  std::ranges::copy(added, tokens_.begin() + static_cast<std::ptrdiff_t>(id) * size_.block_tokens);
  NodeId& first = parent == kNoNode ? first_root_ : at(parent).first_child;
  node.next = first;
  if (first != kNoNode) at(first).previous = id;
  first = id;
  node.uses = 1;
  node.depth = parent == kNoNode ? 0 : at(parent).depth + 1;
  ++nodes_in_use_;
  ++evictable_;
  table_add(id);
  set_rank(node);
  if (parent != kNoNode) {
    check(!at(parent).on_host, "what is computed goes on from the device");
    ++at(parent).children;
    ++at(parent).device_children;
    update_candidate(parent);
  }
  update_candidate(id);
  return id;
}

void PrefixIndex::lock(NodeId id) {
  while (id != kNoNode) {
    Node& node = at(id);
    if (node.users++ > 0) return;
    if (!node.on_host) --evictable_;
    update_candidate(id);
    id = node.parent;
  }
}

void PrefixIndex::unlock(NodeId id) {
  while (id != kNoNode) {
    Node& node = at(id);
    check(node.users > 0, "unlock without lock");
    if (--node.users > 0) return;
    if (!node.on_host) ++evictable_;
    set_rank(node);
    update_candidate(id);
    id = node.parent;
  }
}

int PrefixIndex::direct_locks(NodeId id) const {
  int locks = at(id).users;
  for (NodeId child = at(id).first_child; child != kNoNode; child = at(child).next) {
    locks -= at(child).users > 0;
  }
  return locks;
}

void PrefixIndex::count_use(NodeId id) {
  for (; id != kNoNode; id = at(id).parent) ++at(id).uses;
}

void PrefixIndex::set_rank(Node& node) {
  node.tick = ++tick_;
  node.rank = eviction_rank(size_.eviction, node.tick, node.uses, highest_evicted_);
}

void PrefixIndex::remove(NodeId id) {
  Node& node = at(id);
  check(node.live && node.users == 0 && node.children == 0, "only an unlocked leaf is removed");
  if (!node.on_host) --evictable_;
  highest_evicted_ = std::max(highest_evicted_, node.rank);
  heap_remove(node.on_host ? host_heap_ : device_heap_, id);
  table_remove(id);
  const NodeId parent = node.parent;
  NodeId& first = parent == kNoNode ? first_root_ : at(parent).first_child;
  if (first == id) first = node.next;
  if (node.previous != kNoNode) at(node.previous).next = node.next;
  if (node.next != kNoNode) at(node.next).previous = node.previous;
  if (parent != kNoNode) {
    --at(parent).children;
    if (!node.on_host) --at(parent).device_children;
    update_candidate(parent);
  }
  node.live = false;
  --nodes_in_use_;
  spare_.push_back(id);
}

void PrefixIndex::demote(NodeId id, BlockId host_block) {
  Node& node = at(id);
  check(node.users == 0 && !node.on_host && node.device_children == 0, "only a victim is demoted");
  heap_remove(device_heap_, id);
  highest_evicted_ = std::max(highest_evicted_, node.rank);
  --evictable_;
  node.on_host = true;
  node.block = host_block;
  if (node.parent != kNoNode) {
    --at(node.parent).device_children;
    update_candidate(node.parent);
  }
  update_candidate(id);
}

void PrefixIndex::promote(NodeId id, BlockId device_block) {
  Node& node = at(id);
  check(node.on_host, "only a host node is promoted");
  check(node.parent == kNoNode || !at(node.parent).on_host, "parents come first");
  heap_remove(host_heap_, id);
  node.on_host = false;
  node.block = device_block;
  if (node.users == 0) ++evictable_;
  if (node.parent != kNoNode) {
    ++at(node.parent).device_children;
    update_candidate(node.parent);
  }
  update_candidate(id);
}

// --- the table ---

std::size_t PrefixIndex::slot_of(NodeId id) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t place = at(id).hash & mask;
  while (table_[place] != id) place = (place + 1) & mask;
  return place;
}

void PrefixIndex::table_add(NodeId id) {
  const std::size_t mask = table_.size() - 1;
  std::size_t place = at(id).hash & mask;
  while (table_[place] != kNoNode) place = (place + 1) & mask;
  table_[place] = id;
}

// Closes the gap by moving back what was pushed past it, so that no marks of the dead pile up.
void PrefixIndex::table_remove(NodeId id) {
  const std::size_t mask = table_.size() - 1;
  std::size_t gap = slot_of(id);
  for (std::size_t place = (gap + 1) & mask; table_[place] != kNoNode; place = (place + 1) & mask) {
    const std::size_t home = at(table_[place]).hash & mask;
    if (((place - home) & mask) >= ((place - gap) & mask)) {
      table_[gap] = table_[place];
      gap = place;
    }
  }
  table_[gap] = kNoNode;
}

// --- the heaps of candidates ---

void PrefixIndex::update_candidate(NodeId id) {
  const Node& node = at(id);
  const bool wanted =
      node.users == 0 && (node.on_host ? node.children == 0 : node.device_children == 0);
  Heap& heap = node.on_host ? host_heap_ : device_heap_;
  if (wanted && node.heap_place < 0) heap_add(heap, id);
  if (!wanted && node.heap_place >= 0) heap_remove(heap, id);
}

void PrefixIndex::heap_add(Heap& heap, NodeId id) {
  heap.push_back({at(id).rank, at(id).tick, id});
  heap_up(heap, heap.size() - 1);
}

void PrefixIndex::heap_remove(Heap& heap, NodeId id) {
  if (at(id).heap_place < 0) return;
  const std::size_t place = static_cast<std::size_t>(at(id).heap_place);
  at(id).heap_place = -1;
  const Candidate last = heap.back();
  heap.pop_back();
  if (last.node == id) return;
  heap[place] = last;
  heap_up(heap, place);
  heap_down(heap, static_cast<std::size_t>(at(last.node).heap_place));
}

void PrefixIndex::heap_up(Heap& heap, std::size_t place) {
  const Candidate moved = heap[place];
  while (place > 0 && moved < heap[(place - 1) / 2]) {
    heap[place] = heap[(place - 1) / 2];
    at(heap[place].node).heap_place = static_cast<std::int32_t>(place);
    place = (place - 1) / 2;
  }
  heap[place] = moved;
  at(moved.node).heap_place = static_cast<std::int32_t>(place);
}

void PrefixIndex::heap_down(Heap& heap, std::size_t place) {
  const Candidate moved = heap[place];
  for (std::size_t child = 2 * place + 1; child < heap.size(); child = 2 * place + 1) {
    if (child + 1 < heap.size() && heap[child + 1] < heap[child]) ++child;
    if (!(heap[child] < moved)) break;
    heap[place] = heap[child];
    at(heap[place].node).heap_place = static_cast<std::int32_t>(place);
    place = child;
  }
  heap[place] = moved;
  at(moved.node).heap_place = static_cast<std::int32_t>(place);
}

void PrefixIndex::check_integrity() const {
  int live = 0, evictable = 0, in_heaps = 0;
  for_each([&](NodeId id) {
    const Node& node = at(id);
    ++live;
    check(table_[slot_of(id)] == id, "every node is in the table");
    int children = 0, device_children = 0, held = 0;
    for (NodeId child = node.first_child; child != kNoNode; child = at(child).next) {
      check(at(child).live && at(child).parent == id, "children know their parent");
      ++children;
      device_children += !at(child).on_host;
      held += at(child).users > 0;
    }
    check(children == node.children && device_children == node.device_children,
          "children are counted");
    check(node.users >= held, "a held child holds its parent");
    check(!node.on_host || device_children == 0, "nothing on the device hangs below the host");
    evictable += node.users == 0 && !node.on_host;
    const bool candidate = node.users == 0 && (node.on_host ? children == 0 : device_children == 0);
    check(candidate == (node.heap_place >= 0), "candidates and only they are in a heap");
    in_heaps += candidate;
  });
  check(live == nodes_in_use_ && evictable == evictable_, "nodes are counted");
  check(in_heaps == static_cast<int>(device_heap_.size() + host_heap_.size()), "heaps are exact");
  for (const auto* heap : {&device_heap_, &host_heap_}) {
    for (std::size_t place = 1; place < heap->size(); ++place) {
      const Candidate& here = (*heap)[place];
      check(!(here < (*heap)[(place - 1) / 2]), "a heap is in order");
      check(at(here.node).heap_place == static_cast<std::int32_t>(place), "places are known");
      check(at(here.node).rank == here.rank, "a rank does not change while it waits");
    }
  }
}

}  // namespace aisp::serve
