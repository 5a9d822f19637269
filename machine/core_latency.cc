// See core_latency.h.
#include "machine/core_latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "machine/crew.h"

namespace aisp::machine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostCores = 64;
constexpr std::uint32_t kTripsPerBurst = 100;      // 10 to 50 us: long against a clock reading
constexpr int kLeastBursts = 4, kMostBursts = 40;  // a call; three calls give at least twelve
// Loads of the line before a thread offers its core to another: on a busy machine the other side
// may be waiting for a time slice.
constexpr int kSpinsBeforeYield = 20000;
constexpr std::uint32_t kNever = ~0u;

// Alone on its line, and on the pair of lines that some prefetchers fetch together.
struct alignas(128) Line {
  std::atomic<std::uint32_t> word{0};
  std::array<char, 124> padding{};
};

// Takes the line for itself with every attempt, so that a hand-over is one transfer: reading until
// the word changes and then writing it would be two. False when the word says that it is over.
bool take_turn(std::atomic<std::uint32_t>& word, std::uint32_t mine) {
  std::uint32_t seen = mine;
  for (int spins = 0; !word.compare_exchange_strong(seen, mine + 1); seen = mine, ++spins) {
    if (seen == kNever) return false;
    if (spins >= kSpinsBeforeYield) std::this_thread::yield();
  }
  return true;
}

// The first burst moves the threads and warms the line up; it is not counted.
bool ping_pong(int a, int b, double seconds, std::vector<double>& bursts_ns) {
  Line line;
  std::atomic<int> pinned{0};  // 1: the partner is on its core, -1: it could not go there
  std::atomic<bool> over{false};
  std::thread partner([&] {
    const bool moved = run_on({&b, 1});
    pinned.store(moved ? 1 : -1);
    if (!moved) return;
    for (std::uint32_t turn = 1; take_turn(line.word, turn); turn += 2) {
    }
  });
  while (pinned.load() == 0) std::this_thread::yield();
  const bool both = pinned.load() == 1 && run_on({&a, 1});
  const auto begin = Clock::now();
  std::uint32_t turn = 0;
  for (int burst = 0; both && burst <= kMostBursts; ++burst) {
    const auto from = Clock::now();
    if (burst > kLeastBursts && std::chrono::duration<double>(from - begin).count() > seconds) {
      break;
    }
    for (std::uint32_t trip = 0; trip < kTripsPerBurst; ++trip, turn += 2) {
      take_turn(line.word, turn);
    }
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - from).count();
    if (burst > 0) bursts_ns.push_back(ns / (2.0 * kTripsPerBurst));
  }
  while (both && line.word.load() != turn) std::this_thread::yield();  // the last answer
  line.word.store(kNever);
  partner.join();
  return both;
}

}  // namespace

CoreLatencies::CoreLatencies(std::vector<int> cores) : cores_(std::move(cores)) {
  std::sort(cores_.begin(), cores_.end());
  if (cores_.size() > kMostCores) {
    std::vector<int> spread;
    for (std::size_t i = 0; i < kMostCores; ++i) {
      spread.push_back(cores_[i * cores_.size() / kMostCores]);
    }
    cores_ = std::move(spread);
  }
  bursts_.resize(cores_.size() * (cores_.size() - 1) / 2);
}

bool CoreLatencies::sample(double seconds) {
  const AffinityGuard guard;
  const double share = seconds / static_cast<double>(std::max<std::size_t>(1, pairs()));
  std::size_t index = 0;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    for (std::size_t j = i + 1; j < cores_.size(); ++j) {
      if (!ping_pong(cores_[i], cores_[j], share, bursts_[index++])) return false;
    }
  }
  return true;
}

std::vector<CorePair> CoreLatencies::result() const {
  std::vector<CorePair> found;
  std::size_t index = 0;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    for (std::size_t j = i + 1; j < cores_.size(); ++j) {
      found.push_back({cores_[i], cores_[j], median_interval(bursts_[index++])});
    }
  }
  return found;
}

std::vector<Cost> summarize(std::vector<CorePair> pairs, int usable_cores) {
  std::sort(pairs.begin(), pairs.end(),
            [](const CorePair& x, const CorePair& y) { return x.ns.estimate < y.ns.estimate; });
  std::vector<Cost> costs;
  std::string among;
  const auto add = [&](const char* which, std::size_t index) {
    const CorePair& pair = pairs[index];
    costs.push_back({fmt::format("core to core/{}", which), "ns", pair.ns, pair.ns.low,
                     fmt::format("cores {} and {}", pair.a, pair.b) + among});
  };
  if (pairs.empty()) return costs;
  if (pairs.size() == 1) {
    add("the only pair", 0);
    return costs;
  }
  among = fmt::format("; {} pairs, {} usable cores", pairs.size(), usable_cores);
  add("nearest pair", 0);
  add("middle pair", pairs.size() / 2);
  add("farthest pair", pairs.size() - 1);
  return costs;
}

}  // namespace aisp::machine
