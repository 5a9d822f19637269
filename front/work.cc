// What a worker does with a request (service.h): reads it, chooses the model, hands it in.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error.h"
#include "front/embedding.h"
#include "front/generation.h"
#include "front/service.h"

namespace aisp::front {
namespace {

constexpr double kWhenever = std::numeric_limits<double>::infinity();

// The body as `read` makes something of it; it is not kept.
template <typename Read>
auto read_once(HttpRequest& request, const Read& read) {
  auto asked = read(std::string_view(request.body));
  request.body = {};
  request.room = nullptr;
  return asked;
}

}  // namespace

std::optional<Route::Policy> route_policy_of(std::string_view name) {
  if (name == "length") return Route::Policy::kLength;
  if (name == "deadline") return Route::Policy::kDeadline;
  if (name == "load") return Route::Policy::kLoad;
  return std::nullopt;
}

double Service::first_token_by_s(const Call& call, Served& served) const {
  const std::string_view text = call.exchange->request.header("x-first-token-within");
  double seconds = options_.first_token_within_s;
  if (!text.empty()) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (problem != std::errc() || end != text.data() + text.size() || !(seconds > 0.0)) {
      throw ApiError(400, "X-First-Token-Within is not a number of seconds above 0");
    }
  }
  if (seconds <= 0.0) return kWhenever;
  const std::chrono::duration<double> gone = Clock::now() - call.exchange->received;
  return served.model.engine().now_s() + seconds - gone.count();
}

std::shared_ptr<Served> Service::find_model(const std::string& name) const {
  std::shared_ptr<Served> served = models_.find(name);
  if (served != nullptr) return served;
  throw ApiError(404, fmt::format("the model {:?} is not served here", name), "model",
                 "model_not_found");
}

void Service::work(const std::shared_ptr<Call>& call, Kind kind) try {
  {
    const std::lock_guard lock(call->mutex);
    if (call->closed) return;
  }
  if (kind == Kind::kEmbedding) return embed(call);
  ApiRequest asked = read_once(call->exchange->request, [&](std::string_view body) {
    return read_request(kind, body, options_.limits);
  });
  if (options_.route && asked.model == options_.route->name) {
    return answer_routed(call, std::move(asked));
  }
  const std::shared_ptr<Served> served = find_model(asked.model);
  answer_by(call, served, std::move(asked));
} catch (const ApiError& error) {
  answer_error(*call, error);
} catch (const std::exception& error) {
  // An exhausted memory, or a bug: this request ends, the server goes on.
  answer_error(*call, ApiError(500, error.what()));
}

void Service::answer_by(const std::shared_ptr<Call>& call, const std::shared_ptr<Served>& served,
                        ApiRequest asked) {
  const double by_s = first_token_by_s(*call, *served);
  Prepared prepared = prepare(asked, *served, options_.limits);
  for (serve::Request& each : prepared.requests) {
    each.tenant = std::max(0, call->client);
    each.cache_domain = static_cast<std::uint64_t>(call->client + 1);
    each.first_token_by_s = by_s;
  }
  std::make_shared<Generation>(call, served, std::move(asked), metrics_)
      ->submit(std::move(prepared));
}

void Service::answer_routed(const std::shared_ptr<Call>& call, ApiRequest asked) {
  const Route& route = *options_.route;
  const std::shared_ptr<Served> small = find_model(route.small), large = find_model(route.large);
  const auto go = [&](const std::shared_ptr<Served>& to, const char* why, std::string reason) {
    {
      const std::lock_guard lock(call->mutex);
      call->record.model = to->name;
      call->record.route = std::move(reason);
    }
    ApiRequest copy = asked;
    copy.model = to->name;
    answer_by(call, to, std::move(copy));
    metrics_.count_route(to->name, why);
  };
  if (route.policy == Route::Policy::kLength) {
    const std::int64_t tokens = count_prompt_tokens(asked, *small);
    const bool is_long = tokens > route.prompt_tokens;
    return go(is_long ? large : small, is_long ? "long" : "short",
              fmt::format("length: {} tokens, bound {}", tokens, route.prompt_tokens));
  }
  if (route.policy == Route::Policy::kLoad) {
    const int there = large->seats.taken();
    const bool busy = there >= route.requests;
    return go(busy ? small : large, busy ? "busy" : "free",
              fmt::format("load: {} requests, bound {}", there, route.requests));
  }
  try {
    return go(large, "in_time", "deadline: in time");
  } catch (const ApiError& error) {
    if (error.status != 429) throw;
    go(small, error.code == "too_late" ? "late" : "full",
       fmt::format("deadline: {} would not do: {}", large->name, error.message));
  }
}

void Service::embed(const std::shared_ptr<Call>& call) {
  EmbeddingRequest asked = read_once(call->exchange->request, [&](std::string_view body) {
    return read_embedding_request(body, options_.limits);
  });
  if (options_.route && asked.model == options_.route->name) {
    throw ApiError(400, "vectors of different models cannot be compared: name one of them",
                   "model");
  }
  const std::shared_ptr<Served> served = find_model(asked.model);
  const std::int64_t width = served->model.config().width;
  if (asked.dimensions && *asked.dimensions != width) {
    throw ApiError(400,
                   fmt::format("dimensions is not {}: a part of this model's vectors means nothing "
                               "by itself",
                               width),
                   "dimensions");
  }
  const auto values = static_cast<std::int64_t>(asked.inputs.size()) * width;
  if (values > options_.limits.embedding_values) {
    throw ApiError(400,
                   fmt::format("{} inputs of {} numbers each are more than {}", asked.inputs.size(),
                               width, options_.limits.embedding_values),
                   "input");
  }
  // One more than the input is what the engine counts an answer as.
  const std::int64_t most =
      std::min(served->model.config().context, served->model.cache_tokens()) - 1;
  Embedding::Asked given{.base64 = asked.base64, .model = asked.model};
  for (const Prompt& input : asked.inputs) {
    given.inputs.push_back(tokens_of(input, *served));
    const std::size_t tokens = given.inputs.back().size();
    const bool empty = tokens == 0 || input == Prompt(std::string());
    if (!empty && static_cast<std::int64_t>(tokens) <= most) continue;
    throw ApiError(
        400,
        empty ? "input has an entry without text"
              : fmt::format("input has an entry of {} tokens, {} are possible", tokens, most),
        "input");
  }
  given.first_token_by_s = first_token_by_s(*call, *served);
  std::make_shared<Embedding>(call, served, std::move(given), metrics_)->submit();
}

}  // namespace aisp::front
