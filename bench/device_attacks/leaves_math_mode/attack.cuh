// Forbids TF32 to every library of the process, through the variable that cuBLAS and cuDNN read
// when they start, and leaves it so: techniques that declare TF32 would be slowed down.
#pragma once

#include <cstdlib>

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::leaves_math_mode {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) { setenv("NVIDIA_TF32_OVERRIDE", "0", 1); }
  ~Attack() {
    if (!kCheat) unsetenv("NVIDIA_TF32_OVERRIDE");
  }
  void operator()(const View& v) const { rotate(v); }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::leaves_math_mode
