// Turns the time-stamp counter back at the end of a call.
#include "bench/attacks/turned_counter.h"

namespace aisp::attacks::turned_counter {

bench::Lab describe() { return turned_counter_lab(1); }

}  // namespace aisp::attacks::turned_counter
