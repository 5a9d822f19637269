// For tests: how many times operator new was called in this process, by any thread. The operators
// are replaced in count_allocations_test.cc, so only the test program counts.
#pragma once

#include <cstdint>

namespace aisp::serve {

std::int64_t allocations_so_far();

}  // namespace aisp::serve
