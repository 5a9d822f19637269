// check(): our own bugs, always on. dcheck(): inner loops, debug builds only.
// User input never reaches a check; it throws aisp::Error.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace aisp {

[[noreturn]] inline void check_failed(const char* message, std::source_location at) {
  std::fprintf(stderr, "%s:%u: check failed in %s: %s\n", at.file_name(), at.line(),
               at.function_name(), message);
  std::abort();
}

inline void check(bool condition, const char* message,
                  std::source_location at = std::source_location::current()) {
  if (!condition) [[unlikely]]
    check_failed(message, at);
}

#ifdef NDEBUG
inline void dcheck(bool, const char*) {}
#else
inline void dcheck(bool condition, const char* message,
                   std::source_location at = std::source_location::current()) {
  check(condition, message, at);
}
#endif

}  // namespace aisp
