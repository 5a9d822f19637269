// A row leaves when the first layers changed it by less than a twentieth. Changes the output more.
#include "labs/ch16_production_inference/early_exit/problem.h"

namespace aisp::labs::ch16::early_exit {

bench::Technique eager_exit() {
  return with_exit("eager_exit",
                   "a row leaves when it changed by less than 5 %; changes the output", 0.05);
}

}  // namespace aisp::labs::ch16::early_exit
