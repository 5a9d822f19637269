// What must be true of the scheduler's state between any two calls, and of every plan
// (scheduler.h). Written from the meaning of the parts, not from the code that keeps them: it
// counts again.
#include <algorithm>
#include <map>
#include <vector>

#include "serve/memory.h"

namespace aisp::serve {

namespace {

// Every block has as many users as tables and nodes that name it: none leaked, none freed early.
void check_blocks(const State& state) {
  std::vector<int> device(static_cast<std::size_t>(state.pool.total()), 0);
  std::vector<int> host(static_cast<std::size_t>(state.host.total()), 0);
  for (const Slot& slot : state.slots) {
    for (const BlockId block : slot.blocks) ++device[static_cast<std::size_t>(block)];
  }
  state.index.for_each([&](NodeId node) {
    ++(state.index.on_host(node) ? host
                                 : device)[static_cast<std::size_t>(state.index.block(node))];
  });
  const auto compare = [](const BlockPool& pool, const std::vector<int>& users) {
    int unused = 0;
    for (BlockId id = 0; id < pool.total(); ++id) {
      check(pool.users(id) == users[static_cast<std::size_t>(id)], "users of a block are counted");
      unused += users[static_cast<std::size_t>(id)] == 0;
    }
    check(unused == pool.free(), "a block without users is free");
  };
  compare(state.pool, device);
  compare(state.host, host);
}

// The blocks that a request shares hold what its own tokens say.
void check_path(const State& state, const Slot& slot, std::map<NodeId, int>& locks) {
  const int width = state.config.block_tokens;
  if (slot.node != kNoNode) ++locks[slot.node];
  NodeId node = slot.node;
  for (int i = slot.indexed; i-- > 0; node = state.index.parent(node)) {
    check(node != kNoNode && state.index.depth(node) == i, "the path is as long as `indexed`");
    check(!state.index.on_host(node), "what is used lies on the device");
    check(state.index.block(node) == slot.blocks[static_cast<std::size_t>(i)],
          "table and index name the same block");
    check(std::ranges::equal(
              state.index.tokens(node),
              std::span(slot.tokens)
                  .subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width))),
          "a shared block holds the request's own tokens");
  }
  check(node == kNoNode, "the path begins at a first block");
}

void check_slot(const State& state, int id, std::map<NodeId, int>& locks) {
  const Slot& slot = state.slots[static_cast<std::size_t>(id)];
  const int width = state.config.block_tokens;
  const auto& queue = state.tenants[static_cast<std::size_t>(slot.request.tenant)].queue;
  const bool queued = std::ranges::count(queue, id) == 1;
  const bool running = std::ranges::count(state.running, id) == 1;
  check(running == (slot.stage == Stage::kRunning), "running requests are listed once");
  check(slot.stage == Stage::kRunning || (slot.blocks.empty() && slot.node == kNoNode),
        "only running requests have memory");
  check(!slot.in_plan || state.in_flight, "a plan that returned names nobody");
  for (int parked = slot.first_parked; parked != -1;
       parked = state.slots[static_cast<std::size_t>(parked)].next_parked) {
    const Slot& waits = state.slots[static_cast<std::size_t>(parked)];
    check(waits.stage == Stage::kParked && waits.donor == id, "who is parked knows its donor");
    check(slot.stage == Stage::kRunning && slot.indexed < waits.donor_blocks,
          "a donor runs and has still to compute the block");
    check(slot.known() >= waits.donor_blocks * width, "the donor will reach the block");
  }
  if (slot.stage == Stage::kUnused) return;
  check(slot.computed >= 0 && slot.computed < slot.known(), "there is something to compute");
  if (slot.in_plan) return;  // what the plan will change is half done
  const bool wants =
      slot.stage == Stage::kWaiting || (slot.stage == Stage::kRunning && slot.remaining() > 1);
  check(queued == wants, "queues hold those who want prompt tokens");
  if (slot.stage != Stage::kRunning) {
    check(slot.computed == 0 && slot.indexed == 0, "without memory nothing is computed");
    return;
  }
  const int blocks = static_cast<int>(slot.blocks.size());
  check(blocks >= blocks_for(slot.computed, width), "computed positions have blocks");
  check(!state.config.share_prefixes || slot.indexed == slot.computed / width,
        "full computed blocks are in the index");
  check_path(state, slot, locks);
}

void check_work(const State& state, const Work& work, std::vector<int>& writers) {
  const Slot& slot = state.slots[static_cast<std::size_t>(work.slot)];
  const int width = state.config.block_tokens;
  check(slot.stage == Stage::kRunning && slot.in_plan, "planned requests run");
  check(work.first == slot.computed && work.known > 0 &&
            work.first + work.known <= static_cast<int>(work.tokens.size()),
        "rows go on where the computed ones end");
  check(work.emits == (work.first + work.known == slot.known()), "logits are of the last token");
  check(work.drafts.empty() || work.emits, "drafts follow the last token");
  check(static_cast<int>(work.blocks.size()) * width >= work.first + work.rows(),
        "every row has a block");
  for (int i = work.first / width; i * width < work.first + work.rows(); ++i) {
    const BlockId block = work.blocks[static_cast<std::size_t>(i)];
    check(state.pool.users(block) == 1, "a block that is written has one user");
    check(++writers[static_cast<std::size_t>(block)] == 1, "and one writer");
  }
}

}  // namespace

void check_plan(const State& state) {
  const Plan& plan = state.plan;
  std::vector<int> writers(static_cast<std::size_t>(state.pool.total()), 0);
  StepWork decode;
  int rows = 0, prompt_tokens = 0, longest = 0, named = 0;
  for (const Work& work : plan.work) {
    check_work(state, work, writers);
    rows += work.rows();
    check(static_cast<int>(work.drafts.size()) <= state.config.max_drafts, "drafts are limited");
    if (!work.decode) {
      prompt_tokens += work.rows();
      continue;
    }
    decode.decode_rows += work.rows();
    decode.context_tokens += work.first + work.rows();
    longest = std::max(longest, static_cast<int>(work.tokens.size()));
  }
  for (const Slot& slot : state.slots) named += slot.in_plan;
  check(named == static_cast<int>(plan.work.size()), "each request is named once");
  check(rows == plan.rows && rows <= state.config.max_rows, "the rows of a step are limited");
  check(prompt_tokens <= prompt_budget(state.config, decode, longest),
        "prompts stay within the time that running streams leave");
}

void check_integrity(const State& state) {
  state.index.check_integrity();
  check_blocks(state);
  std::map<NodeId, int> locks;
  std::vector<int> requests(state.tenants.size(), 0);
  int unused = 0;
  for (int id = 0; id < state.config.slots; ++id) {
    check_slot(state, id, locks);
    const Slot& slot = state.slots[static_cast<std::size_t>(id)];
    if (slot.stage == Stage::kUnused) {
      ++unused;
    } else {
      ++requests[static_cast<std::size_t>(slot.request.tenant)];
      check(slot.tenant == slot.request.tenant &&
                slot.most == slot.prompt + slot.request.max_tokens &&
                slot.has_stops == !slot.request.stop_tokens.empty(),
            "what a slot repeats of its request is right");
    }
  }
  check(unused == static_cast<int>(state.unused.size()), "unused slots are listed");
  const auto in_order = [&](int a, int b) {
    return goes_before(state.slots[static_cast<std::size_t>(a)],
                       state.slots[static_cast<std::size_t>(b)]);
  };
  check(std::ranges::is_sorted(state.running, in_order), "running requests are in order");
  for (std::size_t i = 0; i < requests.size(); ++i) {
    check(requests[i] == state.tenants[i].requests, "requests of a tenant are counted");
    check(std::ranges::is_sorted(state.tenants[i].queue, in_order), "queues are in order");
  }
  if (state.in_flight) return;
  state.index.for_each([&](NodeId node) {
    const auto held = locks.find(node);
    check(state.index.direct_locks(node) == (held == locks.end() ? 0 : held->second),
          "each lock belongs to a request");
  });
}

}  // namespace aisp::serve
