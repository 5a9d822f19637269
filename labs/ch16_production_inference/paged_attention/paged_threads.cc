// The same on every core: requests and pieces of long ones are shared among the threads.
#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {

bench::Technique paged_threads() { return in_place("paged_threads", "the same, every core", 0); }

}  // namespace aisp::labs::ch16::paged_attention
