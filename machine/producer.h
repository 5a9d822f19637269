// A thread that runs ahead of its consumer by a bounded number of items: item i is made in slot
// i % slots while earlier items are used. The double buffer (two slots) and the ring of data
// loaders.
// Source: Dijkstra's bounded buffer ("Cooperating sequential processes", 1965), for one producer
// and one consumer, with two counters instead of semaphores.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace aisp::machine {

class Producer {
 public:
  /// slots >= 1; with one slot producer and consumer take turns. Starts the thread, which sleeps
  /// between runs. Throws Error if the system refuses it.
  explicit Producer(int slots);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  int slots() const;

  /// Calls produce(item, slot) on the producer's thread and consume(item, slot) here for every item
  /// in [0, count) in order, consume(i) after produce(i) and produce(i) after consume(i - slots).
  /// What either throws ends the run, and is thrown here once both have stopped. Waits spin for
  /// some 20 us, then sleep. Not reentrant.
  using Work = std::function<void(std::int64_t item, int slot)>;
  void run(std::int64_t count, const Work& produce, const Work& consume);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::machine
