// See oracle_drafter.h.
#include "serve/oracle_drafter.h"

#include "serve/sampler.h"

namespace aisp::serve {

void OracleDrafter::propose(std::span<const DraftJob> jobs, Drafts& out) {
  for (const DraftJob& job : jobs) {
    const std::size_t said = job.tokens.size() - static_cast<std::size_t>(job.prompt);
    for (std::size_t i = said; i < answer_.size() && i < said + static_cast<std::size_t>(job.most);
         ++i) {
      const bool right = random_of(seed_, static_cast<int>(i)) < acceptance_;
      // Token 0 or 1: one of them is wrong, and any vocabulary has both.
      out.tokens.push_back(right ? answer_[i] : static_cast<Token>(answer_[i] == 0));
    }
    out.close();
  }
}

double expected_tokens(double acceptance, int guesses) {
  double tokens = 1.0, power = 1.0;
  for (int k = 0; k < guesses; ++k) tokens += power *= acceptance;
  return tokens;
}

}  // namespace aisp::serve
