// Epochs and audits on the GPU. See device_bench.h.
#include "bench/device_bench.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"

namespace aisp::bench {
namespace {

// A stream's launch queue holds about a thousand entries; a call may launch a few kernels.
constexpr std::uint64_t kMostHeld = 256;
constexpr std::uint64_t kMostDirty = 16;  // each one also writes twice the L2: 30 us

// The host sees the stream's end and asks the device: 5-15 us when both are idle.
constexpr double kBusyAfterNs = 60e3;

// What an honest call may cost more when its contents are fresh: they were copied a moment ago, so
// that the L2 holds other lines and the clock fell a little.
constexpr double kFreshFactor = 1.5, kFreshNs = 20e3;
// Single launches held back have gaps of under a microsecond between them.
constexpr double kSingleFactor = 1.5, kSingleNs = 2e3;

}  // namespace

DeviceBench::DeviceBench(const DeviceBenchOptions& options)
    : options_(options), timer_(stream_.get(), options.hold_all) {}

OnDevice DeviceBench::place(const Problem& problem) const {
  const bool turns = options_.cache == CacheMode::kCold;
  return {stream_.get(), turns ? cold_replicas(problem, machine::cuda_device()) : 1};
}

std::uint64_t DeviceBench::most_iterations() const {
  return options_.cache == CacheMode::kDirty ? kMostDirty : kMostHeld;
}

void DeviceBench::call(Plan& plan, InputSet& set) {
  met_.emplace(&plan, set.device_output(0));
  plan.run(set.io(), 1);
  stream_.wait();
}

void DeviceBench::warm_up(Plan& plan, InputSet& set) {
  if (options_.cache == CacheMode::kWarm || !met(plan, set)) call(plan, set);
}

void DeviceBench::enqueue(Plan& plan, InputSet& set, std::uint64_t iterations) {
  if (set.replicas() == 1) {
    plan.run(set.io(), iterations);
    return;
  }
  for (std::uint64_t i = 0; i < iterations; ++i) {
    plan.run(set.io(static_cast<int>(turn_++ % static_cast<std::uint64_t>(set.replicas()))), 1);
  }
}

namespace {

void add(machine::DeviceEpoch& sum, const machine::DeviceEpoch& part) {
  sum.device_ns += part.device_ns;
  sum.wall_ns += part.wall_ns;
  sum.sm_mhz = part.sm_mhz;
}

}  // namespace

CannotBeHeld::CannotBeHeld()
    : Error(
          "a call did not finish enqueueing while the device was held back: it waits for the "
          "device, works on a stream of its own, or launches more than the queue holds",
          "", "declare that it `blocks`") {}

machine::DeviceEpoch DeviceBench::replay(Plan& plan, InputSet& set, std::uint64_t iterations) {
  auto& graph = graphs_[{&plan, &set, iterations}];
  if (!graph) {
    graph = std::make_unique<machine::DeviceGraph>(stream_.get(),
                                                   [&] { enqueue(plan, set, iterations); });
    graph->launch(stream_.get());  // the first launch also uploads it
    stream_.wait();
  }
  return timer_.time([&] { graph->launch(stream_.get()); }, options_.held);
}

// As many calls at once as can be held back: found by trying, kept for the plan.
machine::DeviceEpoch DeviceBench::in_parts(Plan& plan, InputSet& set, std::uint64_t iterations) {
  machine::DeviceEpoch sum;
  std::uint64_t& most = most_held_.try_emplace(&plan, most_iterations()).first->second;
  for (std::uint64_t done = 0; done < iterations;) {
    const std::uint64_t part = std::min(most, iterations - done);
    const auto epoch =
        options_.cache == CacheMode::kDirty
            ? timer_.time_dirty([&] { enqueue(plan, set, 1); }, static_cast<int>(part))
            : timer_.time([&] { enqueue(plan, set, part); }, options_.held);
    if (epoch.gave_up && part == 1 && options_.hold_all) throw CannotBeHeld();
    if (epoch.gave_up && part > 1) {
      most = part / 2;
      continue;
    }
    add(sum, epoch);
    done += part;
  }
  return sum;
}

Sample DeviceBench::epoch(Plan& plan, InputSet& set, std::uint64_t iterations,
                          const std::function<void()>& before_each) {
  // The first call loads kernels and makes handles, which a held device would never see the end of.
  if (!met(plan, set)) call(plan, set);
  machine::DeviceEpoch sum;
  for (std::uint64_t i = 0; before_each && i < iterations; ++i) {
    before_each();
    const auto one = timer_.time([&] { plan.run(set.io(), 1); }, options_.held);
    if (one.gave_up && options_.hold_all) throw CannotBeHeld();
    add(sum, one);
  }
  if (!before_each && options_.graph) sum = replay(plan, set, iterations);
  if (!before_each && !options_.graph) sum = in_parts(plan, set, iterations);
  const auto n = static_cast<double>(iterations);
  return {sum.wall_ns / n, sum.device_ns / n, sum.sm_mhz};
}

void DeviceBench::forget(const Plan& plan) {
  std::erase_if(graphs_, [&](const auto& known) { return known.first.plan == &plan; });
  std::erase_if(met_, [&](const auto& known) { return known.first == &plan; });
  most_held_.erase(&plan);
}

Fault DeviceBench::changed_settings(const machine::DeviceSettings& before) {
  const machine::DeviceSettings after = settings();
  if (after == before) return {};
  machine::restore(before, stream_.get());
  for (const auto& [name, value] : after.values) {
    for (const auto& [other, was] : before.values) {
      if (name != other || value == was) continue;
      return {"device-state", fmt::format("left the {} at {}, it was {}", name, value, was),
              Outcome::kFailed};
    }
  }
  return {"device-state", "left the device's settings changed", Outcome::kFailed};
}

Fault DeviceBench::audit_streams(Plan& plan, InputSet& set) {
  // The median: a host that was slow to ask sees less of the work than there was, or time that was
  // its own.
  std::vector<double> after_ns;
  for (int i = 0; i < 7; ++i) {
    after_ns.push_back(timer_.busy_after_ns([&] { plan.run(set.io(), 1); }));
    if (i == 2 && median(after_ns) <= kBusyAfterNs) return {};
  }
  const double busy_ns = median(after_ns);
  if (busy_ns <= kBusyAfterNs) return {};
  return {
      "other-stream",
      fmt::format("the device works {:.3g} us on when the timed stream is done: work on another "
                  "stream was not joined to it",
                  busy_ns / 1e3)};
}

double DeviceBench::least_ns(Plan& plan, InputSet& set, std::uint64_t calls, bool one_by_one,
                             int times) {
  double least = 1e300;
  for (int i = 0; i < times; ++i) {
    const auto epoch = timer_.time(
        [&] {
          if (!one_by_one) return plan.run(set.io(), calls);
          for (std::uint64_t k = 0; k < calls; ++k) plan.run(set.io(), 1);
        },
        options_.held);
    least = std::min(least, options_.held ? epoch.device_ns : epoch.wall_ns);
  }
  return least;
}

Fault DeviceBench::audit_repeat(const Lab& lab, const Params& params, Plan& plan, InputSet& set,
                                std::uint64_t seed) {
  double fresh = 1e300, again = 1e300, kept = 1e300;
  const auto dearer = [](double a, double b) { return a > kFreshFactor * b + kFreshNs; };
  for (std::uint64_t i = 0; i < 8 && (i < 2 || dearer(fresh, again) || dearer(again, kept)); ++i) {
    set.fill(lab, params, derive_seed(seed, i));
    set.poison_outputs(derive_seed(seed, 100 + i));
    fresh = std::min(fresh, least_ns(plan, set, 1, false, 1));
    for (int k = 0; k < 2; ++k) {
      set.push_inputs();  // the same copies as before the fresh call
      set.poison_outputs(derive_seed(seed, 200 + i));
      again = std::min(again, least_ns(plan, set, 1, false, 1));
    }
    for (int k = 0; k < 2; ++k) {
      set.push_inputs();
      kept = std::min(kept, least_ns(plan, set, 1, false, 1));
    }
  }
  if (dearer(again, kept)) {
    return {"repeat",
            fmt::format("a call into changed output memory takes {:.3g} us, into what the call "
                        "before left {:.3g} us",
                        again / 1e3, kept / 1e3)};
  }
  if (dearer(fresh, again)) {
    return {"repeat",
            fmt::format("fresh contents take {:.3g} us, the same contents again {:.3g} us",
                        fresh / 1e3, again / 1e3)};
  }
  const std::uint64_t calls = 8;
  const double together = least_ns(plan, set, calls, false, 5);
  const double singly = least_ns(plan, set, calls, true, 5);
  const double edges = kSingleNs * static_cast<double>(calls);
  if (singly > kSingleFactor * together + edges) {
    return {"repeat", fmt::format("{} calls take {:.3g} us one by one and {:.3g} us in one run",
                                  calls, singly / 1e3, together / 1e3)};
  }
  return {};
}

Fault DeviceBench::audit_leak(Plan& plan, InputSet& set, const std::function<std::size_t()>& used) {
  constexpr int kCalls = 64;
  // The driver takes memory in pages of 2 MiB: a small leak shows only as a step.
  for (int i = 0; i < 4; ++i) call(plan, set);
  const std::size_t before = used();
  for (int i = 0; i < kCalls; ++i) call(plan, set);
  const std::size_t after = used();
  for (int i = 0; i < kCalls; ++i) call(plan, set);
  const std::size_t later = used();
  if (after <= before || later <= after) return {};
  return {"leak",
          fmt::format("{} calls took {} MiB of device memory, {} more took {} MiB more", kCalls,
                      (after - before) >> 20, kCalls, (later - after) >> 20),
          Outcome::kFailed};
}

}  // namespace aisp::bench
