// See drafter.h.
#include "serve/drafter.h"

#include <algorithm>

namespace aisp::serve {

// One walk back over the places of the last token; the longest agreement wins, the latest among
// equals. It stops at the first that is as long as it need be.
void PromptLookup::look_up(std::span<const Token> tokens, int most, std::vector<Token>& out) const {
  out.clear();
  const int size = static_cast<int>(tokens.size());
  if (most <= 0 || size <= options_.shortest) return;
  const int oldest = std::max(0, size - options_.window);
  const auto at = [&](int i) { return tokens[static_cast<std::size_t>(i)]; };
  int best = 0, follows = -1;
  for (int end = size - 2; end >= oldest && best < options_.longest; --end) {
    if (at(end) != at(size - 1)) continue;
    int same = 1;
    while (same < options_.longest && end - same >= oldest &&
           at(end - same) == at(size - 1 - same)) {
      ++same;
    }
    if (same > best) {
      best = same;
      follows = end + 1;
    }
  }
  if (best < options_.shortest) return;
  const int count = std::min(most, size - follows);
  out.assign(tokens.begin() + follows, tokens.begin() + follows + count);
}

void PromptLookup::propose(std::span<const DraftJob> jobs, Drafts& out) {
  for (const DraftJob& job : jobs) {
    look_up(job.tokens, job.most, found_);
    out.tokens.insert(out.tokens.end(), found_.begin(), found_.end());
    out.close();
  }
}

bool DraftStage::goes_on(const Work& work, std::span<const Token> answer) const {
  const auto& stops = work.request->stop_tokens;
  const int known = static_cast<int>(work.tokens.size() + answer.size());
  return !answer.empty() && known < work.prompt + work.request->max_tokens &&
         std::ranges::find_first_of(answer, stops) == answer.end();
}

void DraftStage::run(const Plan& plan, Result& result) {
  if (drafter_ == nullptr) return;
  jobs_.clear();
  works_.clear();
  auto ending = result.endings.begin();
  for (std::size_t i = 0; i < plan.work.size(); ++i) {
    const Work& work = plan.work[i];
    const bool ends = ending != result.endings.end() && ending->work == i;
    if (ends) ++ending;
    const std::span<const Token> answer = result.answer(i);
    if (ends || work.next_drafts == 0 || !goes_on(work, answer)) continue;
    if (sequences_.size() == jobs_.size()) sequences_.emplace_back();
    std::vector<Token>& tokens = sequences_[jobs_.size()];
    tokens.assign(work.tokens.begin(), work.tokens.end());
    tokens.insert(tokens.end(), answer.begin(), answer.end());
    works_.push_back(i);
    jobs_.push_back({.slot = work.slot,
                     .most = work.next_drafts,
                     .tokens = {},
                     .prompt = work.prompt,
                     .request = work.request});
  }
  for (std::size_t i = 0; i < jobs_.size(); ++i) jobs_[i].tokens = sequences_[i];
  drafts_.clear();
  if (!jobs_.empty()) drafter_->propose(jobs_, drafts_);
  std::size_t next = 0;
  for (std::size_t i = 0; i < plan.work.size(); ++i) {
    if (next < works_.size() && works_[next] == i) {
      const std::span<const Token> guessed = drafts_.of(next++);
      result.drafts.tokens.insert(result.drafts.tokens.end(), guessed.begin(), guessed.end());
    }
    result.drafts.close();
  }
}

}  // namespace aisp::serve
