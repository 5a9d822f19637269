// See attack.cuh.
#include "bench/device_attacks/product.h"

namespace aisp::device_attacks::bf16_product {

std::unique_ptr<bench::Plan> plan_cheat(const Params& p);
std::unique_ptr<bench::Plan> plan_honest(const Params& p);

bench::Lab describe() {
  return product_lab("Is a product of bf16 inputs caught?", AISP_DEVICE(plan_cheat),
                     AISP_DEVICE(plan_honest));
}

}  // namespace aisp::device_attacks::bf16_product
