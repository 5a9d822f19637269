// A loop so short that the front end sets its speed: where it crosses a fetch line matters.
#include "bench/layout/kernels.h"

extern "C" std::uint64_t layout_tight(const aisp::layout::Data& data) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < aisp::layout::Data::kBytes; ++i) {
    sum += data.bytes[i];
    asm volatile("" : "+r"(sum));  // one element a step: no vector code
  }
  return sum;
}
