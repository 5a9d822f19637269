// Multiplies bf16 inputs (a mantissa of 7 bits) where float is declared. Every element stays within
// its worst-case bound; the root mean square over all of them does not.
#include "bench/attacks/lower_precision.h"

namespace aisp::attacks::bf16_inputs {
namespace {

template <bool kCheat>
using Attack = RoundedInputs<7, kCheat>;

}  // namespace

bench::Lab describe() { return lax_row_lab<Attack>("Is a product of bf16 inputs caught?"); }

}  // namespace aisp::attacks::bf16_inputs
