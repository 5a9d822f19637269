// Up to four blocks ahead: covers a read that takes longer than a step, when others were shorter.
// Source: PyTorch, DataLoader's prefetch_factor; tf.data's prefetch(buffer_size).
#include "labs/ch03_system/pinned_prefetch/problem.h"

namespace aisp::labs::ch03::pinned_prefetch {

bench::Technique loader_four() {
  return loader("loader_four", "a thread reads up to four blocks ahead", 4);
}

}  // namespace aisp::labs::ch03::pinned_prefetch
