// Order, distance and failures of a producer and its consumer.
#include "machine/producer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace aisp::machine {
namespace {

TEST(Producer, EveryItemArrivesOnceInOrderAndUndamaged) {
  for (const int slots : {1, 2, 3, 8}) {
    Producer producer(slots);
    EXPECT_EQ(producer.slots(), slots);
    std::vector<std::int64_t> buffer(static_cast<std::size_t>(slots), -1);
    for (const std::int64_t count : {0, 1, 2, 1000}) {
      std::int64_t next = 0;
      producer.run(
          count,
          [&](std::int64_t item, int slot) { buffer[static_cast<std::size_t>(slot)] = item; },
          [&](std::int64_t item, int slot) {
            EXPECT_EQ(item, next++);
            EXPECT_EQ(slot, item % slots);
            EXPECT_EQ(buffer[static_cast<std::size_t>(slot)], item);
          });
      EXPECT_EQ(next, count);
    }
  }
}

TEST(Producer, RunsAheadByItsSlotsAndNoFurther) {
  constexpr int kSlots = 3;
  Producer producer(kSlots);
  std::atomic<std::int64_t> produced{0};
  producer.run(
      40, [&](std::int64_t, int) { produced.fetch_add(1); },
      [&](std::int64_t item, int) {
        // A slow consumer finds every slot full, however long the producer's thread has to wait.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (item == 0 && produced.load() < kSlots &&
               std::chrono::steady_clock::now() < deadline) {
          std::this_thread::yield();
        }
        if (item == 0) {
          EXPECT_EQ(produced.load(), kSlots);
        }
        EXPECT_LE(produced.load() - item, kSlots);
      });
}

TEST(Producer, ProducesOnAThreadOfItsOwn) {
  Producer producer(2);
  const auto here = std::this_thread::get_id();
  producer.run(
      3, [&](std::int64_t, int) { EXPECT_NE(std::this_thread::get_id(), here); },
      [&](std::int64_t, int) { EXPECT_EQ(std::this_thread::get_id(), here); });
}

TEST(Producer, AFailureOfEitherSideEndsTheRunAndIsThrown) {
  Producer producer(2);
  const auto nothing = [](std::int64_t, int) {};
  const auto fails = [](std::int64_t item, int) {
    if (item == 5) throw std::runtime_error("item 5");
  };
  EXPECT_THROW(producer.run(100, fails, nothing), std::runtime_error);
  EXPECT_THROW(producer.run(100, nothing, fails), std::runtime_error);
  int consumed = 0;
  producer.run(4, nothing, [&](std::int64_t, int) { ++consumed; });
  EXPECT_EQ(consumed, 4) << "usable after a failure";
}

}  // namespace
}  // namespace aisp::machine
