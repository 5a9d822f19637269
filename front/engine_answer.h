// What the engine's verdicts and endings mean to a client.
#pragma once

#include <string_view>

#include "front/api_error.h"
#include "front/seats.h"
#include "serve/engine.h"

namespace aisp::front {

/// Why the engine did not take a request.
ApiError refusal(const serve::Verdict& verdict);
/// Why there was no place for it; `answer` is not kTaken.
ApiError refusal(Seats::Answer answer);
/// Why a request ended without being finished. `problem`: in words, of kGrammar.
ApiError failure(serve::Finish finish, const serve::Engine& engine, std::string_view problem = "");

}  // namespace aisp::front
