// See service.h.
#include "front/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "front/engine_answer.h"

namespace aisp::front {
namespace {

constexpr std::string_view kAdmin = "admin";  // the key that may reload
constexpr std::string_view kModels = "/v1/models";

struct Endpoint {
  std::string_view path, method;
  bool open;  // without a key
};

constexpr Endpoint kEndpoints[] = {
    {"/health", "GET", true},           {"/ready", "GET", true},
    {"/metrics", "GET", false},         {kModels, "GET", false},
    {"/v1/completions", "POST", false}, {"/v1/chat/completions", "POST", false},
    {"/v1/embeddings", "POST", false},  {"/admin/reload", "POST", false}};

// Null for a path that is none.
const Endpoint* endpoint_of(std::string_view path) {
  if (path.starts_with("/v1/models/")) path = kModels;
  const auto* const found = std::ranges::find(kEndpoints, path, &Endpoint::path);
  return found == std::end(kEndpoints) ? nullptr : found;
}

ApiError retry_later(int status, const std::string& message, const char* code, double after_s) {
  ApiError error(status, message, "", code);
  error.retry_after_s = after_s;
  return error;
}

}  // namespace

Service::Service(Models& models, Options options)
    : models_(models),
      options_(std::move(options)),
      workers_(options_.limits.workers, static_cast<std::size_t>(options_.limits.queued_work)) {}

std::optional<ApiError> Service::problem_of(const HttpRequest& head, int* client) const {
  const Endpoint* endpoint = endpoint_of(head.path());
  if (!head.header("origin").empty()) {
    return ApiError(403, "requests of web pages are not answered (the header Origin)");
  }
  if (endpoint == nullptr) return ApiError(404, "no such path", "", "unknown_url");
  if (endpoint->method != head.method) {
    return ApiError(405, fmt::format("{} wants {}", endpoint->path, endpoint->method));
  }
  *client = -1;
  if (options_.keys.needed() && !endpoint->open) {
    const std::optional<int> found = options_.keys.find(head.header("authorization"));
    if (!found) return ApiError(401, "no key, or a wrong one", "", "invalid_api_key");
    *client = *found;
  }
  if (endpoint->path == "/admin/reload" && (*client < 0 || options_.keys.name(*client) != kAdmin)) {
    return ApiError(403, "this takes the key named admin");
  }
  if (draining_ && endpoint->method == "POST") {
    return retry_later(503, "the server is ending", "draining", 1.0);
  }
  return std::nullopt;
}

std::optional<HttpResponse> Service::refuse(const HttpRequest& head) {
  int client = -1;
  const std::optional<ApiError> problem = problem_of(head, &client);
  if (!problem) return std::nullopt;
  const Endpoint* endpoint = endpoint_of(head.path());
  const std::string_view name = endpoint == nullptr ? "other" : endpoint->path;
  metrics_.count_request(name, problem->status);
  if (problem->status == 503) metrics_.count_refusal("draining");
  const TraceContext trace = trace_of(head.header("traceparent"));
  log_refusal(name, trace, problem->status, problem->message);
  HttpResponse response = error_response(*problem);
  response.headers.push_back({"X-Request-Id", trace.span_id});
  response.headers.push_back({"traceparent", trace.traceparent()});
  return response;
}

void Service::log_refusal(std::string_view endpoint, const TraceContext& trace, int status,
                          std::string_view why) const {
  if (options_.log) options_.log(refusal_line(endpoint, trace, status, why));
}

HttpResponse Service::protocol_error(int status, std::string_view why) {
  metrics_.count_request("other", status);
  if (status == 429) metrics_.count_refusal("bodies");
  log_refusal("other", trace_of(""), status, why);
  return error_response(ApiError(status, std::string(why)));
}

HttpResponse Service::status(std::string_view path) const {
  for (const auto& served : models_.all()) {
    const std::string failure = served->model.engine().failure();
    if (!failure.empty()) {
      return error_response(ApiError(503, served->name + ": " + failure, "", "engine_failed"));
    }
  }
  if (draining_ && path == "/ready") {
    return error_response(retry_later(503, "the server is ending", "draining", 1.0));
  }
  return {.body = R"({"status":"ok"})"};
}

HttpResponse Service::list_models(std::string_view path) const {
  Json list = Json::array();
  const std::string_view wanted =
      path.size() > kModels.size() ? path.substr(kModels.size() + 1) : std::string_view();
  for (const auto& served : models_.all()) {
    Json model = {
        {"id", served->name},
        {"object", "model"},
        {"created", served->created_s},
        {"owned_by", "aisp"},
        {"max_model_len", std::min(served->model.config().context, served->model.cache_tokens())}};
    if (wanted == served->name) return {.body = model.dump()};
    list.push_back(std::move(model));
  }
  if (const auto& route = options_.route) {
    Json model = {{"id", route->name}, {"object", "model"}, {"created", 0}, {"owned_by", "aisp"}};
    if (wanted == route->name) return {.body = model.dump()};
    list.push_back(std::move(model));
  }
  if (!wanted.empty()) {
    return error_response(ApiError(404, "no such model", "model", "model_not_found"));
  }
  return {.body = Json{{"object", "list"}, {"data", std::move(list)}}.dump()};
}

HttpResponse Service::metrics_page() const {
  std::vector<Metrics::Engine> engines;
  for (const auto& served : models_.all()) {
    serve::Engine& engine = served->model.engine();
    engines.push_back({served->name, engine.counters(), engine.occupancy()});
  }
  std::vector<Metrics::Gauge> gauges = {
      {"aisp_parse_queue", "Requests that wait for a worker.",
       static_cast<double>(workers_.waiting())},
      {"aisp_draining", "1 while the server ends.", draining_ ? 1.0 : 0.0}};
  if (server_ != nullptr) {
    gauges.push_back(
        {"aisp_connections", "Open connections.", static_cast<double>(server_->connections())});
    gauges.push_back({"aisp_exchanges", "Requests that are being answered.",
                      static_cast<double>(server_->exchanges())});
    gauges.push_back({"aisp_body_bytes", "Bytes of bodies being read.",
                      static_cast<double>(server_->bodies_bytes())});
  }
  return {.type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_.text(gauges, engines)};
}

bool Service::reload() {
  return models_.reload([this, log = options_.log](const std::string& problem) {
    Json line = {{"event", "reload"}, {"done", problem.empty()}};
    if (!problem.empty()) line["problem"] = problem;
    for (const auto& served : models_.all()) {
      if (problem.empty()) log(loaded_line(*served));
    }
    log(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  });
}

HttpResponse Service::start_reload() {
  if (!reload()) return error_response(ApiError(409, "a reload is under way"));
  return {.status = 202, .body = R"({"status":"reloading"})"};
}

std::shared_ptr<Call> Service::make_call(const std::shared_ptr<Exchange>& exchange) {
  auto call = std::make_shared<Call>();
  call->exchange = exchange;
  call->endpoint = exchange->request.path();
  call->trace = trace_of(exchange->request.header("traceparent"));
  problem_of(exchange->request, &call->client);  // none is left; for the client
  if (call->client >= 0) call->client_name = options_.keys.name(call->client);
  exchange->on_close = [this, call](Closing how) { closed(call, how); };
  open_.insert(call);
  return call;
}

void Service::handle(const std::shared_ptr<Exchange>& exchange) {
  const std::string_view path = exchange->request.path();
  if (path == "/v1/completions") return generate(make_call(exchange), Kind::kCompletion);
  if (path == "/v1/chat/completions") return generate(make_call(exchange), Kind::kChat);
  if (path == "/v1/embeddings") return generate(make_call(exchange), Kind::kEmbedding);
  HttpResponse response = path == "/metrics"          ? metrics_page()
                          : path == "/admin/reload"   ? start_reload()
                          : path.starts_with(kModels) ? list_models(path)
                                                      : status(path);
  metrics_.count_request(endpoint_of(path)->path, response.status);
  exchange->respond(std::move(response));
}

// What the emptiest engine would say: when none has a place, reading one more is of no use.
Seats::Answer Service::best_seat(int client) const {
  Seats::Answer best = Seats::Answer::kFull;
  for (const auto& served : models_.all()) {
    const Seats::Answer answer = served->seats.look(client);
    if (answer == Seats::Answer::kTaken) return answer;
    if (answer == Seats::Answer::kShare) best = answer;
  }
  return best;
}

void Service::generate(const std::shared_ptr<Call>& call, Kind kind) {
  const Seats::Answer seat = best_seat(call->client);
  if (seat != Seats::Answer::kTaken) return answer_error(*call, refusal(seat));
  if (!workers_.add([this, call, kind] { work(call, kind); })) {
    answer_error(*call, retry_later(429, "too many requests wait to be read", "parse_queue", 1));
  }
}

void Service::answer_error(Call& call, const ApiError& error) {
  if (error.status == 429) metrics_.count_refusal(error.code);
  const std::lock_guard lock(call.mutex);
  call.record.error = error.message;
  call.respond_locked(error_response(error));
}

void Service::end_calls() {
  for (const auto& call : open_) {
    std::function<void(bool)> cancel;
    {
      const std::lock_guard lock(call->mutex);
      cancel = call->cancel;
    }
    if (cancel) cancel(false);
  }
}

void Service::closed(const std::shared_ptr<Call>& shared, Closing how) {
  open_.erase(shared);
  Call& call = *shared;
  std::function<void(bool)> cancel;
  std::string line;
  {
    const std::lock_guard lock(call.mutex);
    call.closed = true;
    cancel.swap(call.cancel);
    const Stages stages = stages_of(call.record, call.exchange->received, Clock::now());
    metrics_.count_request(call.endpoint, call.record.status);
    if (call.record.status == 200 && how == Closing::kWritten) metrics_.add_stages(stages);
    line = log_line(call, stages, how);
  }
  if (how == Closing::kGone && cancel) cancel(true);
  if (options_.log) options_.log(line);
}

}  // namespace aisp::front
