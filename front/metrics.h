// What the front counts, as Prometheus reads it. One mutex: a few hundred counts a second.
// Source: Prometheus' text exposition format 0.0.4.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/engine.h"

namespace aisp::front {

/// Seconds from 1 ms to about 100 s, in steps of roughly 2: a step of a decode loop and a day's
/// longest queue are both inside.
class Histogram {
 public:
  static constexpr std::array<double, 17> kBounds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                     0.1,   0.2,   0.3,   0.5,  0.75, 1.0,
                                                     2.0,   5.0,   10.0,  30.0, 100.0};
  void add(double seconds, std::uint64_t times = 1);
  /// Lines of `name`; `labels` is "" or such as `stage="queue"`.
  std::string text(std::string_view name, std::string_view labels) const;

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0.0;
};

/// How long each part of one request took, in seconds; negative: it did not come to that.
struct Stages {
  double parse = -1.0;                      // body there -> in the engine
  double queue = -1.0;                      // -> its first row planned
  double prompt = -1.0;                     // -> first token
  double decode = -1.0;                     // -> last token
  double write = -1.0;                      // -> last byte given to the system
  double first_token = -1.0, whole = -1.0;  // from the body
};

class Metrics {
 public:
  void count_request(std::string_view endpoint, int status);
  void count_refusal(std::string_view reason);
  /// A policy has chosen this model; `why` is one of a few words.
  void count_route(std::string_view model, std::string_view why);
  void count_tokens(std::uint64_t prompt, std::uint64_t cached, std::uint64_t completion);
  void add_stages(const Stages& stages);
  /// `tokens` came together, `seconds` after those before: each waited its share.
  void add_gap(double seconds, std::uint64_t tokens);

  struct Gauge {
    std::string name, help;
    double value = 0.0;
  };
  /// One model's engine.
  struct Engine {
    std::string model;
    serve::Counters counters;
    serve::Occupancy occupancy;
  };
  std::string text(const std::vector<Gauge>& gauges, const std::vector<Engine>& engines) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, std::uint64_t> refusals_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> routes_;
  std::uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0;
  Histogram first_token_, gap_, whole_;
  std::map<std::string, Histogram> stages_;
};

}  // namespace aisp::front
