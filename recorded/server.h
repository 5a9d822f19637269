// The engine's own scheduler (serve/scheduler.h) over recorded requests: it plans, Steps computes,
// and what was recorded is answered, whatever the logits say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "recorded/steps.h"
#include "serve/executor.h"
#include "serve/scheduler.h"

namespace aisp::recorded {

/// Settings for a scheduler of these requests, at most `running` at a time. What the engine
/// measures when it loads a model is computed here from the sizes, because a plan has no model: 30
/// GB/s of weights, 80 GFLOP/s (one core in `build/engine_rates 1`). Time passes as it predicts, so
/// that the same call gives the same steps on every machine.
serve::Config config_of(const Shape& shape, std::int64_t running);

/// Where blocks lie that are not in the cache: by their numbers in the host's pool.
struct HostBlocks {
  std::function<void(serve::BlockId id, std::span<const std::byte> block)> store;
  std::function<void(serve::BlockId id, std::span<std::byte> block)> load;
};

/// One call: its scheduler, empty at the beginning. The configuration's device blocks are those of
/// `steps`.
class Server {
 public:
  Server(Steps& steps, const serve::Config& config, const HostBlocks* host = nullptr);
  /// A request of the shape, by a tenant. `patience_s`: see serve::Request.
  void submit(std::int64_t request, int tenant = 0, double patience_s = 10.0);
  /// A step of whatever the scheduler plans; false when nothing is left to do.
  bool step();
  /// The last step's.
  const serve::Plan& plan() const { return scheduler_.plan; }
  const serve::Counters& counters() const { return scheduler_.counters; }

 private:
  void move(const serve::Move& move);

  Steps& steps_;
  serve::State scheduler_;
  const HostBlocks* host_;
  serve::Result result_;
  double now_s_ = 0.0;
};

}  // namespace aisp::recorded
