// What a client is told when its request is not answered: a status and OpenAI's form of an error.
#pragma once

#include <exception>
#include <string>

#include "front/http.h"

namespace aisp::front {

struct ApiError : std::exception {
  ApiError(int status, std::string message, std::string param = "", std::string code = "")
      : status(status),
        message(std::move(message)),
        param(std::move(param)),
        code(std::move(code)) {}
  const char* what() const noexcept override { return message.c_str(); }

  int status;
  std::string message;
  std::string param;           // the field at fault; "": null
  std::string code;            // a word for programs; "": null
  double retry_after_s = 0.0;  // > 0: Retry-After
};

/// {"error": {"message", "type", "param", "code"}}; the type follows from the status.
std::string error_json(const ApiError& error);
HttpResponse error_response(const ApiError& error);

}  // namespace aisp::front
