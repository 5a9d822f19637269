// The same as turned_counter by a technique of two threads, whose CPU time proves nothing.
#include "bench/attacks/turned_counter.h"

namespace aisp::attacks::turned_counter_threads {

bench::Lab describe() { return turned_counter_lab(2); }

}  // namespace aisp::attacks::turned_counter_threads
