// Every token passes every layer: what a transformer does.
#include "labs/ch16_production_inference/early_exit/problem.h"

namespace aisp::labs::ch16::early_exit {

bench::Technique all_layers() {
  return with_exit("all_layers", "every row through every layer", 0.0);
}

}  // namespace aisp::labs::ch16::early_exit
