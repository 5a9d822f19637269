// The job, and the child that runs it under its limit. See problem.h.
#include "labs/ch03_system/docker/problem.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "machine/numa.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch03::docker {
namespace {

// A plain loop, one chain of additions, as pre- and postprocessing code has: about 1 GFLOP/s, so
// that a call fills several periods while its check stays below a second.
float dot(const float* a, const float* b, std::int64_t count) {
  float sum = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

double share_of(const bench::Params& params, int cores) {
  return std::max(0.1, static_cast<double>(params["percent"]) / 100.0 * cores);
}

int whole_cores(double share) { return std::max(1, static_cast<int>(std::floor(share))); }

Container::Container(const bench::Params& params, const Setup& setup)
    : tokens_(params["tokens"]),
      rows_(params["rows"]),
      width_(params["width"]),
      setup_(setup),
      y_(static_cast<std::size_t>(tokens_ * rows_) * sizeof(float)) {
  if (setup.quota > 0.0) {
    group_.emplace(
        machine::ControlGroup::Limits{.cpus = setup.quota, .period_us = setup.period_us});
  }
}

void Container::job(const bench::Io& io) const {
  if (setup_.pinned_cores > 0) {
    const auto& cores = machine::cpu().core_ids;
    machine::pin_thread(std::span(cores).first(
        std::min(cores.size(), static_cast<std::size_t>(setup_.pinned_cores))));
  }
  const float* weights = io.in<float>(0).data();
  const float* x = io.in<float>(1).data();
  auto* y = static_cast<float*>(y_.data());
  machine::ThreadPool pool(setup_.threads);
  for (std::int64_t token = 0; token < tokens_; ++token) {
    pool.parallel_for(rows_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        y[token * rows_ + row] = dot(weights + row * width_, x + token * width_, width_);
      }
    });
  }
}

void Container::run(const bench::Io& io) {
  machine::run_in_child(group_ ? &*group_ : nullptr, [&] { job(io); });
  std::memcpy(io.out<float>(0).data(), y_.data(), y_.size_bytes());
}

bench::Technique contained(const char* name, const char* summary, Setup (*setup)(double share)) {
  return {
      .name = name,
      .summary = summary,
      .threads = 0,
      .blocks = true,
      .needs = [](const machine::Cpu&) -> bench::WhyNot {
        static const std::string reason = machine::ControlGroup::why_not({.cpus = 1.0});
        return reason;
      },
      .plan =
          [setup](const bench::Params& params) {
            const double share = share_of(params, machine::cpu().cores);
            return bench::plan_of([container = std::make_unique<Container>(params, setup(share))](
                                      const bench::Io& io) { container->run(io); });
          }};
}

}  // namespace aisp::labs::ch03::docker
