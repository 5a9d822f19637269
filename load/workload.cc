// See workload.h.
#include "load/workload.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace aisp::load {
namespace {

// Labels under which seeds are derived.
constexpr std::uint64_t kArrivals = 1, kShared = 2, kContent = 3, kThink = 4;

void append_words(std::vector<std::int32_t>& out, std::uint64_t seed, int count, int words) {
  Rng rng(seed);
  for (int i = 0; i < count; ++i) {
    out.push_back(static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(words))));
  }
}

int scaled(std::int32_t tokens, double scale) {
  return std::max(1, static_cast<int>(std::lround(tokens * scale)));
}

std::uint64_t content_seed(std::uint64_t seed, std::uint64_t number, int turn) {
  return derive_seed(derive_seed(seed, kContent + number * 8), static_cast<std::uint64_t>(turn));
}

}  // namespace

double mean_rate(const RequestTrace& trace) {
  const double span = trace.requests.back().arrival_s;
  return span > 0.0 ? static_cast<double>(trace.requests.size()) / span : 1.0;
}

double trace_part_s(const RequestTrace& trace, double rate, double block_s, int block) {
  const double all_s = trace.requests.back().arrival_s * mean_rate(trace) / rate;
  const double parts = std::max(1.0, std::floor(all_s / block_s));
  return std::fmod(block, parts) * block_s;
}

Workload::Workload(const WorkloadOptions& options)
    : options_(options), arrivals_(derive_seed(options.seed, kArrivals)) {
  if (!options_.trace) return;
  time_scale_ = mean_rate(*options_.trace) / options_.gaps.rate;
  const auto& requests = options_.trace->requests;
  const auto first = std::ranges::partition_point(requests, [&](const TracedRequest& one) {
    return one.arrival_s * time_scale_ < options_.trace_from_s;
  });
  number_ = static_cast<std::uint64_t>(first - requests.begin());
}

std::optional<Request> Workload::next() {
  if (options_.trace) {
    if (number_ == options_.trace->requests.size()) return {};
    return recorded();
  }
  due_s_ += options_.gaps.draw(arrivals_);
  return drawn(due_s_);
}

Request Workload::drawn(double due_s) {
  Request request{.due_s = due_s, .number = number_++};
  Rng rng(content_seed(options_.seed, request.number, 0));
  request.prompt_tokens = options_.prompt.draw(rng);
  request.answer_tokens = options_.answer.draw(rng);
  Piece piece;
  if (options_.shared_prefix > 0 && rng.uniform() < options_.shared_share) {
    append_words(piece.tokens, derive_seed(options_.shared_seed, kShared),
                 std::min(options_.shared_prefix, request.prompt_tokens), options_.words);
  }
  const int rest = request.prompt_tokens - static_cast<int>(piece.tokens.size());
  append_words(piece.tokens, rng.next(), rest, options_.words);
  request.prompt.push_back(std::move(piece));
  return request;
}

Request Workload::recorded() {
  const RequestTrace& trace = *options_.trace;
  const TracedRequest& traced = trace.requests[number_];
  Request request{.due_s = traced.arrival_s * time_scale_ - options_.trace_from_s,
                  .number = number_++};
  request.prompt_tokens = scaled(traced.prompt_tokens, options_.scale_lengths);
  request.answer_tokens = scaled(traced.output_tokens, options_.scale_lengths);
  const int width = scaled(trace.hash_tokens, options_.scale_lengths);
  Piece piece;
  for (const std::int64_t block : traced.prefix) {
    const int left = request.prompt_tokens - static_cast<int>(piece.tokens.size());
    const std::uint64_t seed = derive_seed(options_.shared_seed, static_cast<std::uint64_t>(block));
    append_words(piece.tokens, derive_seed(seed, kShared), std::min(width, left), options_.words);
  }
  const int rest = request.prompt_tokens - static_cast<int>(piece.tokens.size());
  append_words(piece.tokens, content_seed(options_.seed, request.number, 0), rest, options_.words);
  request.prompt.push_back(std::move(piece));
  return request;
}

std::optional<Request> Workload::follow_up(const Request& request, std::string answer,
                                           std::vector<std::int32_t> answer_ids) const {
  if (request.turn + 1 >= options_.turns) return {};
  Request next = request;
  ++next.turn;
  next.prompt.push_back({.said = std::move(answer), .said_ids = std::move(answer_ids)});
  Rng rng(content_seed(options_.seed, request.number, next.turn));
  const int more = options_.prompt.draw(rng);
  next.prompt_tokens += request.answer_tokens + more;
  next.answer_tokens = options_.answer.draw(rng);
  Piece piece;
  append_words(piece.tokens, rng.next(), more, options_.words);
  next.prompt.push_back(std::move(piece));
  return next;
}

double Workload::think_s(const Request& request) const {
  Rng rng(derive_seed(content_seed(options_.seed, request.number, request.turn), kThink));
  return -std::log(1.0 - rng.uniform()) * options_.think_s;
}

}  // namespace aisp::load
