// The blocks of the scheduler's state: taking them, evicting for them, preempting for them, and
// giving them back. Inside of scheduler.h; nobody else includes it.
#pragma once

#include "serve/scheduler.h"

namespace aisp::serve {

inline int blocks_for(int tokens, int block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

/// Earlier due first; among equals the one submitted first.
inline bool goes_before(const Slot& a, const Slot& b) {
  return a.due_s != b.due_s ? a.due_s < b.due_s : a.order < b.order;
}

void enqueue(State& state, int slot);
void dequeue(State& state, int slot);

/// Wakes those parked on `donor`: all, or only those whose blocks it has indexed.
void unpark(State& state, int donor, bool all);

/// Evicts until a block is free; false when nothing can be evicted.
bool make_room(State& state);

/// Grows the slot's table to hold `tokens` positions. May preempt requests due later than it when
/// `may_preempt`. Returns the positions that the table now holds, `tokens` at most; fewer means
/// that memory is short. The slot itself is never preempted here.
int grow(State& state, int slot, int tokens, bool may_preempt);

/// Makes the block of the next position its own, if others can see it. Needs a block at most.
bool own_tail(State& state, int slot);

/// kWaiting -> kRunning: shares what `match` found, brings back from the host what lies there.
void admit(State& state, int slot, const PrefixIndex::Match& match);

/// kRunning -> kWaiting: gives all blocks back; those in the index stay until evicted.
void preempt(State& state, int slot);

/// Puts the full computed blocks of the slot into the index. What another request has put there
/// meanwhile is shared instead, and its own copy given back.
void index_produced(State& state, int slot);

/// Gives back blocks beyond the computed positions (of rejected drafts).
void trim(State& state, int slot);

/// Any stage -> kUnused; reported in State::ended.
void end(State& state, int slot, Finish finish);

/// Blocks that running requests will still take for what they have been promised.
int promised_blocks(const State& state);

}  // namespace aisp::serve
