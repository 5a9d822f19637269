// For tests: a server on virtual time whose behaviour is known. It answers requests one after the
// other or all at once, with set times, and stands still in set spans, like a server that does
// garbage collection. Waiting costs nothing: its clock jumps.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "load/target.h"

namespace aisp::load {

class SimTarget : public Target {
 public:
  struct Options {
    int lanes = 1 << 30;    // requests served at a time; others wait in line
    double first_s = 0.1;   // from its turn to the first token
    double gap_s = 0.02;    // between tokens
    double refuse_s = 0.0;  // 429 after so long, for those that `refuses`
    std::function<bool(std::uint64_t number)> refuses;
    std::vector<std::pair<double, double>> stalls;         // begin and end: nothing happens within
    std::function<double(std::uint64_t number)> first_of;  // in place of first_s
    double send_costs_s = 0.0;                             // of the generator's time: makes it late
  };
  explicit SimTarget(Options options) : options_(std::move(options)) {}

  double now_s() override { return now_s_; }

  void send(std::uint32_t stream, const Request& request) override {
    now_s_ += options_.send_costs_s;
    sent.push_back(request);
    if (options_.refuses && options_.refuses(request.number)) {
      at(now_s_ + options_.refuse_s, stream, {.refused = true});
      return;
    }
    const double begin_s = busy_until_.size() < static_cast<std::size_t>(options_.lanes)
                               ? now_s_
                               : std::max(now_s_, take_lane());
    const double first_s = options_.first_of ? options_.first_of(request.number) : options_.first_s;
    double time_s = work(begin_s, first_s);
    at(time_s, stream, {});
    for (int token = 1; token < request.answer_tokens; ++token) {
      time_s = work(time_s, options_.gap_s);
      at(time_s, stream, {});
    }
    at(time_s, stream, {.end = true, .request = request});
    busy_until_.insert(std::upper_bound(busy_until_.begin(), busy_until_.end(), time_s), time_s);
  }

  void cancel(std::uint32_t stream) override {
    std::erase_if(events_, [&](const auto& one) { return one.second.stream == stream; });
  }

  void wait(double until_s, Sink& sink) override {
    if (events_.empty() || events_.begin()->first > until_s) {
      now_s_ = std::max(now_s_, until_s);
      return;
    }
    const double at_s = std::max(now_s_, events_.begin()->first);
    const Event event = events_.extract(events_.begin()).mapped();
    now_s_ = at_s;
    while (!busy_until_.empty() && busy_until_.front() <= now_s_) {
      busy_until_.erase(busy_until_.begin());
    }
    const std::int32_t id = 7;
    if (event.refused) {
      sink.on_end(event.stream, at_s,
                  {.outcome = Outcome::kTooManyRequests, .status = 429, .retry_after_s = 2.0});
    } else if (event.end) {
      sink.on_end(event.stream, at_s,
                  {.status = 200,
                   .prompt_tokens = event.request.prompt_tokens,
                   .answer_tokens = event.request.answer_tokens});
    } else {
      sink.on_text(event.stream, at_s, "word ", {&id, 1});
    }
  }

  std::vector<Request> sent;

 private:
  struct Event {
    bool refused = false, end = false;
    Request request;
    std::uint32_t stream = 0;
  };
  void at(double time_s, std::uint32_t stream, Event event) {
    event.stream = stream;
    events_.emplace(time_s, std::move(event));
  }
  double take_lane() {
    const double free_s = busy_until_.front();
    busy_until_.erase(busy_until_.begin());
    return free_s;
  }
  // When work of so long, begun then, is done: no work is done in a stall.
  double work(double begin_s, double seconds) const {
    double end_s = begin_s + seconds;
    for (const auto& [from, to] : options_.stalls) {
      if (begin_s < to && end_s > from) end_s += to - std::max(from, begin_s);
    }
    return end_s;
  }

  Options options_;
  double now_s_ = 0.0;
  std::multimap<double, Event> events_;
  std::vector<double> busy_until_;  // of the lanes, ascending
};

}  // namespace aisp::load
