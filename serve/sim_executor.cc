// See sim_executor.h.
#include "serve/sim_executor.h"

#include <algorithm>

#include "base/rng.h"

namespace aisp::serve {

SimExecutor::SimExecutor(const Options& options) : options_(options), drafts_(options.drafter) {
  const auto cells = [&](int blocks) {
    return static_cast<std::size_t>(blocks) * static_cast<std::size_t>(options.block_tokens);
  };
  // What nobody has written is not 0, which would be a valid beginning.
  device_.assign(cells(options.device_blocks), 0xdeaddeaddeaddeadull);
  host_.assign(cells(options.host_blocks), 0xdeaddeaddeaddeadull);
}

std::uint64_t SimExecutor::content(std::uint64_t previous, std::uint64_t domain, Token token) {
  std::uint64_t state =
      (previous ^ static_cast<std::uint32_t>(token)) * 0x9fb21c651e98df25ull + domain;
  return splitmix64(state);
}

Token SimExecutor::next_token(std::uint64_t content, std::uint64_t seed) const {
  return static_cast<Token>(derive_seed(content, seed) %
                            static_cast<std::uint64_t>(options_.vocabulary));
}

std::vector<Token> SimExecutor::alone(const Request& request) const {
  std::vector<Token> output;
  std::uint64_t now = 0;
  for (const Token token : request.prompt) now = content(now, request.cache_domain, token);
  while (static_cast<int>(output.size()) < request.max_tokens) {
    output.push_back(next_token(now, request.sampling.seed));
    if (std::ranges::find(request.stop_tokens, output.back()) != request.stop_tokens.end()) break;
    now = content(now, request.cache_domain, output.back());
  }
  return output;
}

std::uint64_t& SimExecutor::cell(std::span<const BlockId> blocks, int position) {
  const std::size_t block = static_cast<std::size_t>(position / options_.block_tokens);
  return device_[static_cast<std::size_t>(blocks[block]) *
                     static_cast<std::size_t>(options_.block_tokens) +
                 static_cast<std::size_t>(position % options_.block_tokens)];
}

std::span<std::uint64_t> SimExecutor::block(BlockId id) {
  const auto width = static_cast<std::size_t>(options_.block_tokens);
  return std::span(device_).subspan(static_cast<std::size_t>(id) * width, width);
}

void SimExecutor::check_context(const Work& work) {
  std::uint64_t right = 0;
  for (int position = 0; position < work.first; ++position) {
    right =
        content(right, work.request->cache_domain, work.tokens[static_cast<std::size_t>(position)]);
    check(cell(work.blocks, position) == right, "a row reads what its own tokens produced");
  }
}

// A state of one number, small enough that sums are exact.
void SimExecutor::add_hidden(HiddenSum& hidden, int position, std::uint64_t content) {
  check(position <= hidden.tokens, "no position was left out");
  if (position < hidden.tokens) return;  // computed again after a preemption
  hidden.sum[0] += static_cast<double>(content >> 40);
  ++hidden.tokens;
}

double SimExecutor::hidden_alone(const Request& request) {
  HiddenSum hidden(1);
  std::uint64_t now = 0;
  for (const Token token : request.prompt) {
    now = content(now, request.cache_domain, token);
    add_hidden(hidden, hidden.tokens, now);
  }
  return hidden.sum[0];
}

void SimExecutor::run(const Plan& plan, Result& result) {
  const auto width = static_cast<std::ptrdiff_t>(options_.block_tokens);
  for (const Move& move : plan.moves) {
    const auto& from = move.kind == Move::Kind::kFromHost ? host_ : device_;
    auto& to = move.kind == Move::Kind::kToHost ? host_ : device_;
    std::copy_n(from.begin() + move.from * width, width, to.begin() + move.to * width);
  }
  // All reads before all writes: what a neighbour writes in this plan is not there yet.
  before_.clear();
  for (const Work& work : plan.work) {
    if (options_.strict) check_context(work);
    before_.push_back(work.first == 0 ? 0 : cell(work.blocks, work.first - 1));
  }
  result.clear();
  for (std::size_t i = 0; i < plan.work.size(); ++i) {
    const Work& work = plan.work[i];
    check(work.grammar == nullptr, "a simulation's tokens have no text");
    std::uint64_t now = before_[i];
    bool accepted = true;  // everything so far
    for (int row = 0; row < work.rows(); ++row) {
      const int position = work.first + row;
      const bool draft = row >= work.known;
      const Token token = draft ? work.drafts[static_cast<std::size_t>(row - work.known)]
                                : work.tokens[static_cast<std::size_t>(position)];
      if (draft) accepted = accepted && result.tokens.back() == token;
      now = content(now, work.request->cache_domain, token);
      cell(work.blocks, position) = now;
      if (work.request->hidden != nullptr) {
        add_hidden(*work.request->hidden, position, now);
      } else if (work.emits && row >= work.known - 1 && accepted) {
        const Token next = next_token(now, work.request->sampling.seed);
        result.tokens.push_back(next);
        for (int rank = 0; rank < work.request->sampling.logprob_entries(); ++rank) {
          result.logprobs.push_back({next, static_cast<float>(-rank)});
        }
      }
    }
    if (work.emits && work.request->hidden != nullptr) {
      result.endings.push_back({i, Finish::kStop, ""});
    }
    result.close();
  }
  drafts_.run(plan, result);
  result.seconds = options_.time.seconds(plan.cost);
}

}  // namespace aisp::serve
