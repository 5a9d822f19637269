// See call.h.
#include "front/call.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace aisp::front {
namespace {

using Json = nlohmann::ordered_json;

double between(Clock::time_point from, Clock::time_point to) {
  if (from == Clock::time_point() || to == Clock::time_point()) return -1.0;
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms);
}

}  // namespace

void Call::add_trace(HttpResponse& response) const {
  response.headers.push_back({"X-Request-Id", trace.span_id});
  response.headers.push_back({"traceparent", trace.traceparent()});
  if (record.route.empty()) return;
  response.headers.push_back({"X-Routed-To", record.model});
  response.headers.push_back({"X-Route-Reason", record.route});
}

void Call::respond(HttpResponse response) {
  const std::lock_guard lock(mutex);
  respond_locked(std::move(response));
}

void Call::respond_locked(HttpResponse response) {
  record.status = response.status;
  add_trace(response);
  exchange->respond(std::move(response));
}

void Call::begin_locked(HttpResponse head) {
  record.status = head.status;
  add_trace(head);
  exchange->begin(head);
}

Stages stages_of(const Record& record, Clock::time_point received, Clock::time_point ended) {
  return {.parse = between(received, record.submitted),
          .queue = between(record.submitted, record.started),
          .prompt = between(record.started, record.first_token),
          .decode = between(record.first_token, record.last_token),
          .write = between(record.last_token, ended),
          .first_token = between(received, record.first_token),
          .whole = between(received, ended)};
}

std::string refusal_line(std::string_view endpoint, const TraceContext& trace, int status,
                         std::string_view why) {
  const Json json = {{"time", utc_now()},        {"trace_id", trace.trace_id},
                     {"span_id", trace.span_id}, {"endpoint", std::string(endpoint)},
                     {"status", status},         {"error", std::string(why)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string log_line(const Call& call, const Stages& stages, Closing how) {
  const Record& record = call.record;
  Json json = {
      {"time", utc_now()}, {"trace_id", call.trace.trace_id}, {"span_id", call.trace.span_id}};
  if (!call.trace.parent_span_id.empty()) json["parent_span_id"] = call.trace.parent_span_id;
  json["endpoint"] = call.endpoint;
  json["status"] = record.status;
  json["written"] = how == Closing::kWritten;
  if (!call.client_name.empty()) json["client"] = call.client_name;
  if (!record.model.empty()) json["model"] = record.model;
  if (!record.route.empty()) json["route"] = record.route;
  if (!record.error.empty()) json["error"] = record.error;
  if (record.prompt_tokens > 0) {
    json["prompt_tokens"] = record.prompt_tokens;
    json["cached_tokens"] = record.cached_tokens;
    json["completion_tokens"] = record.completion_tokens;
  }
  if (!record.finish.empty()) json["finish"] = record.finish;
  Json times = Json::object();
  const std::pair<const char*, double> parts[] = {
      {"parse", stages.parse},   {"queue", stages.queue}, {"prompt", stages.prompt},
      {"decode", stages.decode}, {"write", stages.write}, {"first_token", stages.first_token},
      {"whole", stages.whole}};
  for (const auto& [name, seconds] : parts) {
    if (seconds >= 0.0) times[name] = std::round(seconds * 1e6) / 1e3;
  }
  json["ms"] = times;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace aisp::front
