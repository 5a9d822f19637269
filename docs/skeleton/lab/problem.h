// out[i] = x[i] + alpha * y[i]: the residual addition around every block of a transformer.
// Inputs x[n], y[n]; output out[n]; f32; alpha is a constant of the lab.
#pragma once

#include "bench/lab.h"

namespace aisp::skeleton::lab {

inline constexpr float kAlpha = 0.5f;

bench::Technique plain_loop();
bench::Technique simd_avx2();

}  // namespace aisp::skeleton::lab
