// See memory.h.
#include "serve/memory.h"

#include <algorithm>

namespace aisp::serve {

namespace {

Slot& at(State& state, int slot) { return state.slots[static_cast<std::size_t>(slot)]; }

std::vector<int>::iterator place_in(State& state, std::vector<int>& list, int slot) {
  return std::lower_bound(list.begin(), list.end(), slot,
                          [&](int a, int b) { return goes_before(at(state, a), at(state, b)); });
}

void erase_from(State& state, std::vector<int>& list, int slot) {
  const auto place = place_in(state, list, slot);
  check(place != list.end() && *place == slot, "the slot is in its list");
  list.erase(place);
}

// The device block of a victim becomes free; its content goes to the host if there is room or
// something less wanted to forget there.
void evict(State& state, NodeId victim) {
  const BlockId block = state.index.block(victim);
  ++state.counters.evicted;
  BlockId host = state.host.take();
  if (host == kNoBlock && state.index.host_victim() != kNoNode) {
    const NodeId forgotten = state.index.host_victim();
    state.host.drop(state.index.block(forgotten));
    state.index.remove(forgotten);
    host = state.host.take();
  }
  if (host == kNoBlock) {
    state.index.remove(victim);
  } else {
    ++state.counters.to_host;
    state.plan.moves.push_back({Move::Kind::kToHost, block, host});
    state.index.demote(victim, host);
  }
  state.pool.drop(block);
}

void release(State& state, int slot) {
  Slot& s = at(state, slot);
  for (const BlockId block : s.blocks) state.pool.drop(block);
  state.index.unlock(s.node);
  s.blocks.clear();
  s.drafts.clear();
  s.node = kNoNode;
  s.computed = s.indexed = 0;
  s.tail_shared = false;
  erase_from(state, state.running, slot);
  unpark(state, slot, true);
}

void leave_donor(State& state, int slot) {
  Slot& s = at(state, slot);
  int* link = &at(state, s.donor).first_parked;
  while (*link != slot) link = &at(state, *link).next_parked;
  *link = s.next_parked;
  s.donor = s.next_parked = -1;
}

}  // namespace

void enqueue(State& state, int slot) {
  Tenant& tenant = state.tenants[static_cast<std::size_t>(at(state, slot).tenant)];
  const auto place = tenant.queue.insert(place_in(state, tenant.queue, slot), slot);
  if (static_cast<std::size_t>(place - tenant.queue.begin()) < tenant.cursor) ++tenant.cursor;
}

void dequeue(State& state, int slot) {
  Tenant& tenant = state.tenants[static_cast<std::size_t>(at(state, slot).tenant)];
  const auto place = place_in(state, tenant.queue, slot);
  check(place != tenant.queue.end() && *place == slot, "the slot is in its tenant's queue");
  if (static_cast<std::size_t>(place - tenant.queue.begin()) < tenant.cursor) --tenant.cursor;
  tenant.queue.erase(place);
}

void unpark(State& state, int donor, bool all) {
  int* link = &at(state, donor).first_parked;
  while (*link != -1) {
    Slot& parked = at(state, *link);
    if (!all && parked.donor_blocks > at(state, donor).indexed) {
      link = &parked.next_parked;
      continue;
    }
    const int woken = *link;
    *link = parked.next_parked;
    parked.donor = parked.next_parked = -1;
    parked.stage = Stage::kWaiting;
    enqueue(state, woken);
  }
}

bool make_room(State& state) {
  while (state.pool.free() == 0) {
    const NodeId victim = state.index.device_victim();
    if (victim == kNoNode) return false;
    evict(state, victim);
  }
  return true;
}

int grow(State& state, int slot, int tokens, bool may_preempt) {
  Slot& s = at(state, slot);
  const int width = state.config.block_tokens;
  while (static_cast<int>(s.blocks.size()) * width < tokens) {
    if (make_room(state)) {
      s.blocks.push_back(state.pool.take());
      continue;
    }
    int victim = -1;
    for (auto last = state.running.rbegin(); may_preempt && last != state.running.rend(); ++last) {
      if (*last == slot) break;  // the others are due earlier
      if (at(state, *last).in_plan) continue;
      victim = *last;
      break;
    }
    if (victim < 0) break;
    preempt(state, victim);
  }
  return std::min(tokens, static_cast<int>(s.blocks.size()) * width);
}

bool own_tail(State& state, int slot) {
  Slot& s = at(state, slot);
  if (!s.tail_shared) return true;
  const std::size_t tail = static_cast<std::size_t>(s.computed / state.config.block_tokens);
  make_room(state);  // may evict the very block that is shared: then it is ours without a copy
  const BlockId own = state.pool.writable(s.blocks[tail]);
  if (own == kNoBlock) return false;
  s.tail_shared = false;
  if (own != s.blocks[tail]) {
    state.plan.moves.push_back({Move::Kind::kCopy, s.blocks[tail], own});
    ++state.counters.copied;
    s.blocks[tail] = own;
  }
  return true;
}

void admit(State& state, int slot, const PrefixIndex::Match& match) {
  Slot& s = at(state, slot);
  PrefixIndex& index = state.index;
  s.stage = Stage::kRunning;
  state.running.insert(place_in(state, state.running, slot), slot);
  state.path.resize(static_cast<std::size_t>(match.blocks));
  NodeId node = match.node;
  for (std::size_t i = state.path.size(); i-- > 0; node = index.parent(node)) state.path[i] = node;
  index.lock(match.node);
  s.node = match.node;
  if (s.preemptions == 0) index.count_use(match.node);
  for (const NodeId cached : state.path) {
    if (index.on_host(cached)) {
      if (!make_room(state)) break;
      const BlockId host = index.block(cached), device = state.pool.take();
      state.plan.moves.push_back({Move::Kind::kFromHost, host, device});
      ++state.counters.from_host;
      state.host.drop(host);
      index.promote(cached, device);
    }
    state.pool.share(index.block(cached));
    s.blocks.push_back(index.block(cached));
  }
  s.indexed = static_cast<int>(s.blocks.size());
  if (s.indexed < match.blocks) {
    const NodeId reached =
        s.indexed == 0 ? kNoNode : state.path[static_cast<std::size_t>(s.indexed - 1)];
    index.lock(reached);
    index.unlock(match.node);
    s.node = reached;
  }
  s.computed = s.indexed * state.config.block_tokens;
  if (match.partial != kNoNode && s.indexed == match.blocks) {
    const BlockId tail = index.block(match.partial);
    state.pool.share(tail);
    s.blocks.push_back(tail);
    s.tail_shared = true;
    s.computed += match.partial_tokens;
  }
  s.cached += s.computed;
  state.counters.cached_tokens += static_cast<std::uint64_t>(s.computed);
}

void preempt(State& state, int slot) {
  Slot& s = at(state, slot);
  check(s.stage == Stage::kRunning && !s.in_plan, "only what is not in a plan is preempted");
  const bool queued = s.remaining() > 1;
  release(state, slot);
  s.stage = Stage::kWaiting;
  s.wanted_blocks = 0;
  ++s.preemptions;
  ++state.counters.preemptions;
  if (!queued) enqueue(state, slot);
}

void index_produced(State& state, int slot) {
  Slot& s = at(state, slot);
  PrefixIndex& index = state.index;
  const int width = state.config.block_tokens;
  if (!state.config.share_prefixes) return;
  for (; (s.indexed + 1) * width <= s.computed; ++s.indexed) {
    const std::span<const Token> tokens(s.tokens.data() + s.indexed * width,
                                        static_cast<std::size_t>(width));
    BlockId& own = s.blocks[static_cast<std::size_t>(s.indexed)];
    NodeId child = index.find(s.request.cache_domain, s.node, tokens);
    if (child == kNoNode) {
      child = index.insert(s.request.cache_domain, s.node, tokens, own);
      state.pool.share(own);
    } else if (index.on_host(child)) {
      state.host.drop(index.block(child));
      index.promote(child, own);
      state.pool.share(own);
    } else {
      state.pool.share(index.block(child));
      state.pool.drop(own);
      own = index.block(child);
    }
    index.lock(child);
    index.unlock(s.node);
    s.node = child;
  }
}

void trim(State& state, int slot) {
  Slot& s = at(state, slot);
  const auto wanted = static_cast<std::size_t>(blocks_for(s.computed, state.config.block_tokens));
  while (s.blocks.size() > wanted) {
    state.pool.drop(s.blocks.back());
    s.blocks.pop_back();
  }
}

void end(State& state, int slot, Finish finish) {
  Slot& s = at(state, slot);
  check(s.stage != Stage::kUnused && !s.in_plan, "only a request outside of plans ends");
  if (s.stage == Stage::kWaiting || (s.stage == Stage::kRunning && s.remaining() > 1)) {
    dequeue(state, slot);
  }
  if (s.stage == Stage::kParked) leave_donor(state, slot);
  if (s.stage == Stage::kRunning) release(state, slot);
  --state.tenants[static_cast<std::size_t>(s.tenant)].requests;
  s.stage = Stage::kUnused;
  s.grammar.reset();
  s.request.grammar.reset();
  s.request.hidden.reset();
  state.unused.push_back(slot);
  state.ended.push_back({slot, s.request.id, finish});
  ++state.counters.ended;
}

int promised_blocks(const State& state) {
  const Config& config = state.config;
  int promised = 0;
  for (const int slot : state.running) {
    const Slot& s = state.slots[static_cast<std::size_t>(slot)];
    const int tokens = config.reserve == Config::Reserve::kWhole ? s.most : s.known();
    promised +=
        std::max(0, blocks_for(tokens, config.block_tokens) - static_cast<int>(s.blocks.size()));
  }
  return promised;
}

}  // namespace aisp::serve
