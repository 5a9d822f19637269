// Calls into the neighbouring objects: the distance to each callee changes with the layout.
#include "bench/layout/kernels.h"
#include "bench/layout/padding.h"

extern "C" std::uint64_t layout_calls(const aisp::layout::Data& data) {
  std::uint64_t x = 1;
  for (std::size_t i = 0; i + 4 <= aisp::layout::Data::kBytes / 4; i += 4) {
    x = layout_padding_0(x, data.bytes[i]);
    x = layout_padding_1(x, data.bytes[i + 1]);
    x = layout_padding_2(x, data.bytes[i + 2]);
    x = layout_padding_3(x, data.bytes[i + 3]);
  }
  return x;
}
