// See service.h.
#include "front/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "front/generation.h"

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
  metrics_.count_request(endpoint == nullptr ? "other" : endpoint->path, problem->status);
  if (problem->status == 503) metrics_.count_refusal("draining");
  return error_response(*problem);
}

HttpResponse Service::protocol_error(int status, std::string_view why) {
  metrics_.count_request("other", status);
  if (status == 429) metrics_.count_refusal("bodies");
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
  return models_.reload([log = options_.log](const std::string& problem) {
    Json line = {{"event", "reload"}, {"done", problem.empty()}};
    if (!problem.empty()) line["problem"] = problem;
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
  if (path == "/v1/embeddings") {
    const auto call = make_call(exchange);
    return answer_error(*call, ApiError(501,
                                        "embeddings are not possible yet: this server's "
                                        "models give tokens, no hidden states"));
  }
  HttpResponse response = path == "/metrics"          ? metrics_page()
                          : path == "/admin/reload"   ? start_reload()
                          : path.starts_with(kModels) ? list_models(path)
                                                      : status(path);
  metrics_.count_request(endpoint_of(path)->path, response.status);
  exchange->respond(std::move(response));
}

// True when every engine has all the requests that it takes: then reading one more is of no use.
bool Service::all_full() const {
  return std::ranges::all_of(models_.all(), [](const auto& served) {
    return served->requests.load(std::memory_order_relaxed) >= served->slots;
  });
}

void Service::generate(const std::shared_ptr<Call>& call, Kind kind) {
  if (all_full()) {
    metrics_.count_refusal("queue_full");
    return answer_error(*call, retry_later(429, "too many requests are waiting", "queue_full", 1));
  }
  if (!workers_.add([this, call, kind] { work(call, kind); })) {
    metrics_.count_refusal("parse_queue");
    answer_error(*call, retry_later(429, "too many requests wait to be read", "parse_queue", 1));
  }
}

void Service::answer_error(Call& call, const ApiError& error) {
  const std::lock_guard lock(call.mutex);
  call.record.error = error.message;
  call.respond_locked(error_response(error));
}

double Service::first_token_within_s(const HttpRequest& request) const {
  const std::string_view text = request.header("x-first-token-within");
  if (text.empty()) return options_.first_token_within_s;
  double seconds = 0.0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc() || end != text.data() + text.size() || !(seconds > 0.0)) {
    throw ApiError(400, "X-First-Token-Within is not a number of seconds above 0");
  }
  return seconds;
}

void Service::work(const std::shared_ptr<Call>& call, Kind kind) try {
  {
    const std::lock_guard lock(call->mutex);
    if (call->closed) return;
  }
  HttpRequest& request = call->exchange->request;
  const double within_s = first_token_within_s(request);
  ApiRequest asked = read_request(kind, request.body, options_.limits);
  request.body = {};
  request.room = nullptr;
  const std::shared_ptr<Served> served = models_.find(asked.model);
  if (served == nullptr) {
    throw ApiError(404, fmt::format("the model {:?} is not served here", asked.model), "model",
                   "model_not_found");
  }
  Prepared prepared = prepare(asked, *served, options_.limits);
  for (serve::Request& each : prepared.requests) {
    each.tenant = std::max(0, call->client);
    each.cache_domain = static_cast<std::uint64_t>(call->client + 1);
    if (within_s <= 0.0) continue;
    const std::chrono::duration<double> gone = Clock::now() - call->exchange->received;
    each.first_token_by_s = served->model.engine().now_s() + within_s - gone.count();
  }
  std::make_shared<Generation>(call, served, std::move(asked), metrics_)
      ->submit(std::move(prepared));
} catch (const ApiError& error) {
  answer_error(*call, error);
} catch (const std::exception& error) {
  // An exhausted memory, or a bug: this request ends, the server goes on.
  answer_error(*call, ApiError(500, error.what()));
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
