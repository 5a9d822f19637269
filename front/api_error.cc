// See api_error.h.
#include "front/api_error.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace aisp::front {
namespace {

using Json = nlohmann::ordered_json;

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 501:
      return "not_implemented_error";
    case 503:
      return "service_unavailable_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

std::string error_json(const ApiError& error) {
  const Json json = {{"error",
                      {{"message", error.message},
                       {"type", type_of(error.status)},
                       {"param", or_null(error.param)},
                       {"code", or_null(error.code)}}}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response{.status = error.status, .body = error_json(error)};
  if (error.retry_after_s > 0.0) {
    // Whole seconds, and for clients that read it (OpenAI's own) the milliseconds.
    const double seconds = std::min(error.retry_after_s, 3600.0);
    response.headers.push_back({"Retry-After", std::to_string(std::lround(std::ceil(seconds)))});
    response.headers.push_back(
        {"Retry-After-Ms", std::to_string(std::lround(std::ceil(seconds * 1e3)))});
  }
  if (error.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  return response;
}

}  // namespace aisp::front
