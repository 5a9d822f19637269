// See made_trace.h.
#include "serve/made_trace.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::serve {

namespace {

constexpr int kHashTokens = 16;
constexpr double kMostArrivals = 1e7, kMostTokens = 1 << 20;

int log_normal(Rng& rng, double mean, double deviation) {
  const double variance = std::log1p((deviation / mean) * (deviation / mean));
  const double value = std::exp(std::log(mean) - variance / 2 + std::sqrt(variance) * rng.normal());
  return static_cast<int>(std::clamp(value, 1.0, kMostTokens));
}

double rate_at(const MadeTrace& options, double at_s) {
  const bool within = at_s >= options.step_at_s &&
                      (options.step_for_s <= 0 || at_s < options.step_at_s + options.step_for_s);
  return options.rate * (within ? options.step_factor : 1.0);
}

void check_options(const MadeTrace& o) {
  const auto need = [](bool right, const char* what) {
    if (!right) throw Error(what, "made arrivals", "correct the options");
  };
  const auto length = [](double tokens) { return tokens >= 1 && tokens <= kMostTokens; };
  need(o.rate > 0 && o.duration_s > 0 && o.step_factor > 0, "rates and times are positive");
  need(o.rate * o.duration_s * std::max(1.0, o.step_factor) <= kMostArrivals,
       "more than 10 million arrivals");
  need(o.step_at_s >= 0 && o.step_for_s >= 0, "the change of the rate has no negative time");
  need(o.groups >= 0 && o.prefix_tokens >= 0 && o.prefix_tokens <= kMostTokens &&
           o.prefix_tokens % kHashTokens == 0,
       "shared prefixes have a multiple of 16 tokens, up to 2^20");
  need(length(o.prompt_mean) && length(o.answer_mean) && o.prompt_deviation >= 0 &&
           o.answer_deviation >= 0,
       "lengths are from 1 to 2^20");
}

}  // namespace

RequestTrace made_trace(const MadeTrace& options) {
  check_options(options);
  RequestTrace trace;
  trace.format = RequestTrace::Format::kMooncake;
  trace.hash_tokens = kHashTokens;
  // Thinning: arrivals of the highest rate, of which the share that the time allows is kept.
  Rng rng(options.seed);
  const double highest = options.rate * std::max(1.0, options.step_factor);
  const int blocks = options.groups > 0 ? options.prefix_tokens / kHashTokens : 0;
  for (double at_s = 0.0;;) {
    at_s -= std::log1p(-rng.uniform()) / highest;
    if (at_s >= options.duration_s) break;
    if (rng.uniform() * highest >= rate_at(options, at_s)) continue;
    TracedRequest request{.arrival_s = at_s};
    if (blocks > 0) {
      const auto group =
          static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(options.groups)));
      for (int i = 0; i < blocks; ++i) request.prefix.push_back(group * blocks + i);
    }
    request.prompt_tokens =
        blocks * kHashTokens + log_normal(rng, options.prompt_mean, options.prompt_deviation);
    request.output_tokens = log_normal(rng, options.answer_mean, options.answer_deviation);
    trace.requests.push_back(std::move(request));
  }
  if (trace.requests.empty()) {
    throw Error("nobody arrives", "made arrivals", "give a higher rate or a longer time");
  }
  return trace;
}

}  // namespace aisp::serve
