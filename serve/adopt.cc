// See adopt.h.
#include "serve/adopt.h"

#include "serve/memory.h"

namespace aisp::serve {

std::vector<std::pair<int, BlockId>> adopt_prefix(State& state, std::uint64_t domain,
                                                  std::span<const Token> tokens) {
  check(!state.in_flight, "memory is handed over between steps");
  check(state.host.total() == 0, "blocks are adopted on the device only");
  std::vector<std::pair<int, BlockId>> adopted;
  if (!state.config.share_prefixes) return adopted;
  const auto width = static_cast<std::size_t>(state.config.block_tokens);
  NodeId node = kNoNode;  // held, so that making room does not take what was just brought
  for (std::size_t i = 0; (i + 1) * width <= tokens.size(); ++i) {
    const auto own = tokens.subspan(i * width, width);
    NodeId child = state.index.find(domain, node, own);
    if (child == kNoNode) {
      if (!make_room(state)) break;
      const BlockId block = state.pool.take();
      child = state.index.insert(domain, node, own, block);
      adopted.emplace_back(static_cast<int>(i), block);
    }
    state.index.lock(child);
    state.index.unlock(node);
    node = child;
  }
  state.index.unlock(node);
  return adopted;
}

}  // namespace aisp::serve
