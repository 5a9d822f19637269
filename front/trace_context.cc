// See trace_context.h.
#include "front/trace_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/rng.h"

namespace aisp::front {
namespace {

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

std::uint64_t random_bits() {
  static thread_local Rng rng([] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }());
  return rng.next() | 1;  // an id of zeros is none
}

}  // namespace

std::string TraceContext::traceparent() const {
  return fmt::format("00-{}-{}-{}", trace_id, span_id, sampled ? "01" : "00");
}

TraceContext trace_of(std::string_view traceparent) {
  TraceContext trace;
  trace.span_id = fmt::format("{:016x}", random_bits());
  // version-trace-span-flags; a later version may go on behind another dash.
  const bool shaped = traceparent.size() >= 55 && traceparent[2] == '-' && traceparent[35] == '-' &&
                      traceparent[52] == '-' && is_hex(traceparent.substr(0, 2)) &&
                      is_hex(traceparent.substr(3, 32)) && is_hex(traceparent.substr(36, 16)) &&
                      is_hex(traceparent.substr(53, 2));
  const std::string_view version = traceparent.substr(0, 2);
  const bool ends = traceparent.size() == 55 ||
                    (version != "00" && traceparent.size() > 55 && traceparent[55] == '-');
  if (shaped && ends && version != "ff" && !is_zero(traceparent.substr(3, 32)) &&
      !is_zero(traceparent.substr(36, 16))) {
    trace.trace_id = traceparent.substr(3, 32);
    trace.parent_span_id = traceparent.substr(36, 16);
    const char last = traceparent[54];
    trace.sampled = (last >= 'a' ? last - 'a' + 10 : last - '0') % 2 == 1;
    return trace;
  }
  trace.trace_id = fmt::format("{:016x}{:016x}", random_bits(), random_bits());
  return trace;
}

}  // namespace aisp::front
