// An executor without a model, for tests, trace replay and planning: time comes from the linear
// model, and tokens from what lies in the blocks. Each position of a block holds a hash of all
// tokens up to it, computed from the hash at the position before, as keys and values are. So a
// request gets the same tokens whatever its neighbours and its chunks were, and gets others as soon
// as a block is shared wrongly, reused early, or read before it was produced. Log-probabilities are
// the chosen token's again and again, 0, -1, -2 ...; grammars it does not know.
#pragma once

#include <cstdint>
#include <vector>

#include "serve/drafter.h"
#include "serve/executor.h"

namespace aisp::serve {

class SimExecutor : public Executor {
 public:
  struct Options {
    int block_tokens = 16, device_blocks = 0, host_blocks = 0;
    int vocabulary = 32'000;
    TimeModel time;
    /// Also checks every position that a row reads against the request's tokens, and aborts at the
    /// first that differs. O(context) for each work.
    bool strict = false;
    Drafter* drafter = nullptr;  // outlives this; may be null
  };
  explicit SimExecutor(const Options& options);

  void run(const Plan& plan, Result& result) override;

  /// The content of a position after `previous` (0 before the first), and the token that follows.
  static std::uint64_t content(std::uint64_t previous, std::uint64_t domain, Token token);
  Token next_token(std::uint64_t content, std::uint64_t seed) const;

  /// What lies in a device block, position by position: for transfers between two simulations.
  std::span<std::uint64_t> block(BlockId id);

  /// What a request alone is answered: independent of blocks and plans.
  std::vector<Token> alone(const Request& request) const;
  /// The same of Request::hidden, whose width here is 1.
  static double hidden_alone(const Request& request);

 private:
  std::uint64_t& cell(std::span<const BlockId> blocks, int position);
  void check_context(const Work& work);
  static void add_hidden(HiddenSum& hidden, int position, std::uint64_t content);

  Options options_;
  std::vector<std::uint64_t> device_, host_;
  DraftStage drafts_;
  std::vector<std::uint64_t> before_;  // what each work found at the position before its first
};

}  // namespace aisp::serve
