// See seats.h.
#include "front/seats.h"

#include <algorithm>

#include "base/check.h"

namespace aisp::front {

Seats::Seats(int all, int clients, int per_client)
    : all_(all),
      per_client_(per_client),
      of_(clients > 1 ? static_cast<std::size_t>(clients) : 0) {}

Seats::Answer Seats::judge(int client) const {
  if (taken_ >= all_) return Answer::kFull;
  if (client < 0 || of_.empty()) return Answer::kTaken;
  const int own = of_[static_cast<std::size_t>(client)] + 1, free = all_ - taken_ - 1;
  const bool allowed = per_client_ > 0 ? own <= per_client_ : own == 1 || own <= 2 * free;
  return allowed ? Answer::kTaken : Answer::kShare;
}

Seats::Answer Seats::take(int client) {
  const std::lock_guard lock(mutex_);
  const Answer answer = judge(client);
  if (answer != Answer::kTaken) return answer;
  ++taken_;
  if (client >= 0 && !of_.empty()) ++of_[static_cast<std::size_t>(client)];
  return answer;
}

void Seats::leave(int client) {
  const std::lock_guard lock(mutex_);
  check(taken_ > 0, "a place that was taken");
  --taken_;
  if (client >= 0 && !of_.empty()) --of_[static_cast<std::size_t>(client)];
}

Seats::Answer Seats::look(int client) const {
  const std::lock_guard lock(mutex_);
  return judge(client);
}

int Seats::most_of_one() const {
  if (of_.empty()) return all_;
  return per_client_ > 0 ? std::min(all_, per_client_) : std::max(1, all_ * 2 / 3);
}

int Seats::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

}  // namespace aisp::front
