// See engine_answer.h.
#include "front/engine_answer.h"

#include <algorithm>

namespace aisp::front {

using serve::Finish;
using Why = serve::Verdict::Why;

namespace {

ApiError later(const char* message, const char* code, double after_s) {
  ApiError error(429, message, "", code);
  error.retry_after_s = after_s;
  return error;
}

}  // namespace

ApiError refusal(const serve::Verdict& verdict) {
  if (verdict.why == Why::kTooLong) {
    return {400, "prompt and answer are longer than the cache", "max_tokens", "too_long"};
  }
  if (verdict.why == Why::kInvalid) return {400, "the engine does not take this request"};
  const double after_s = std::max(0.05, verdict.retry_after_s);
  if (verdict.why == Why::kTooLate) {
    return later("the first token would come too late", "too_late", after_s);
  }
  return later("too many requests are waiting", "queue_full", after_s);
}

ApiError refusal(Seats::Answer answer) {
  if (answer == Seats::Answer::kFull) {
    return later("too many requests are waiting", "queue_full", 1.0);
  }
  return later("this key has its share of the requests at work", "key_share", 1.0);
}

ApiError failure(Finish finish, const serve::Engine& engine, std::string_view problem) {
  if (finish == Finish::kGrammar) {
    return {400, "the answer cannot go on in this response_format: " + std::string(problem),
            "response_format", "grammar"};
  }
  if (finish == Finish::kLate) {
    return later("its turn did not come before its deadline", "too_late", 1.0);
  }
  if (finish == Finish::kFailed) return {503, "the engine failed: " + engine.failure()};
  return {503, "the server ended the request", "", "cancelled"};
}

}  // namespace aisp::front
