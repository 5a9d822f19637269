// Trace ids as W3C writes them, so that a request is found again in the logs of everything it
// passed. Source: W3C Trace Context, level 1, `traceparent`.
#pragma once

#include <string>
#include <string_view>

namespace aisp::front {

struct TraceContext {
  std::string trace_id;        // 32 hexadecimal digits
  std::string span_id;         // 16: this request's own
  std::string parent_span_id;  // the caller's, or ""
  bool sampled = false;

  /// For the answer: "00-<trace>-<span>-<flags>".
  std::string traceparent() const;
};

/// The caller's trace continued, or, where `traceparent` is none, one of its own. Any thread.
TraceContext trace_of(std::string_view traceparent);

}  // namespace aisp::front
