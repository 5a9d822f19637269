// Lets cuBLAS use TF32 where f32 is declared: inputs keep 10 bits after the point. Every element
// stays within its worst-case bound; the root mean square over all of them does not.
#include "bench/device_attacks/product.h"

namespace aisp::device_attacks::tf32_product {
namespace {

template <bool kCheat>
std::unique_ptr<bench::Plan> plan(const Params& p) {
  return multiply_in(kCheat ? machine::BlasMath::kTf32 : machine::BlasMath::kF32, p);
}

}  // namespace

bench::Lab describe() {
  return product_lab("Is a product in TF32 caught?", AISP_DEVICE(plan<true>),
                     AISP_DEVICE(plan<false>));
}

}  // namespace aisp::device_attacks::tf32_product
