// out = x + y over n floats: the residual addition of a transformer. Inputs: x[n], y[n]. Output:
// out[n]. What the techniques share: the loops of the instruction sets, and their choice.
#pragma once

#include <cstddef>

#include "bench/lab.h"

namespace aisp::labs::ch06::add {

struct Arrays {
  const float* x = nullptr;
  const float* y = nullptr;
  float* out = nullptr;
  std::size_t count = 0;
};

inline Arrays arrays_of(const bench::Io& io) {
  const auto x = io.in<float>(0);
  return {x.data(), io.in<float>(1).data(), io.out<float>(0).data(), x.size()};
}

/// Any alignment, any length. `stream`: with non-temporal stores where the instruction set's loop
/// has them. The caller has asked machine::cpu().
using Add = void (*)(const Arrays& arrays, bool stream);
void add_plain(const Arrays& arrays, bool stream);  // never streams
void add_avx2(const Arrays& arrays, bool stream);
void add_avx512(const Arrays& arrays, bool stream);

/// The widest of the three that `cpu` can run.
Add choose_add(const machine::Cpu& cpu);

/// Pure: do x, y and out exceed the last cache? Then the result will not be found there anyway.
bool beyond_caches(std::size_t count, const machine::Cpu& cpu);

bench::Technique op_per_element();
bench::Technique scalar();
bench::Technique plain_loop();
bench::Technique simd_avx2();
bench::Technique simd_avx512();
bench::Technique streaming();
bench::Technique simd_threads();

// On the GPU.
std::unique_ptr<bench::Plan> plan_kernel_per_element(const bench::Params&);
std::unique_ptr<bench::Plan> plan_one_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_thread_per_element(const bench::Params&);
std::unique_ptr<bench::Plan> plan_float4_a_thread(const bench::Params&);

}  // namespace aisp::labs::ch06::add
