// The places in a model's engine and who holds them, so that one key cannot keep the others out.
// Inside of the engine the scheduler shares its time fairly among those who got in (scheduler.h);
// here is decided who gets in.
#pragma once

#include <mutex>
#include <vector>

namespace aisp::front {

class Seats {
 public:
  /// `clients`: keys; with one or none there is nobody to be kept out. `per_client`: places that
  /// one key may hold; 0: at most twice as many as are free then, or one. So a key alone has two
  /// thirds, many keys leave a place for the next, and nobody has to be told how many there are.
  /// Source: Choudhury and Hahne, "Dynamic queue length thresholds" (IEEE/ACM ToN 1998).
  Seats(int all, int clients, int per_client);

  enum class Answer { kTaken, kFull, kShare };
  /// `client`: of the keys, or -1. kFull: nobody gets one; kShare: this key has its share.
  Answer take(int client);
  void leave(int client);

  /// What take() would answer now.
  Answer look(int client) const;
  int all() const { return all_; }
  /// What one client can hold at most, when nobody else is there.
  int most_of_one() const;
  int taken() const;

 private:
  Answer judge(int client) const;

  const int all_, per_client_;
  mutable std::mutex mutex_;
  int taken_ = 0;
  std::vector<int> of_;  // each client's; empty: nobody is told apart
};

}  // namespace aisp::front
