// A row leaves when the first layers changed it by less than a hundredth. Changes the output.
#include "labs/ch16_production_inference/early_exit/problem.h"

namespace aisp::labs::ch16::early_exit {

bench::Technique careful_exit() {
  return with_exit("careful_exit",
                   "a row leaves when it changed by less than 1 %; changes the output", 0.01);
}

}  // namespace aisp::labs::ch16::early_exit
