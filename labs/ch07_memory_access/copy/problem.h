// A copy of `count` floats from one resident buffer to another: out[i] = in[i]. The techniques
// differ in the bytes of one access, in the order of the accesses, in the kind of stores and in the
// number of cores.
#pragma once

#include <cstddef>

#include "bench/lab.h"
#include "kernels/copy/copy.h"

namespace aisp::labs::ch07::copy {

inline kernels::copy::Request request_of(const bench::Io& io) {
  const auto in = io.in<float>(0);
  return {io.out<float>(0).data(), in.data(), in.size_bytes()};
}

/// A technique that runs one variant of the kernel on one thread with one kind of stores.
bench::Technique one_variant(const char* name, const char* summary, const char* variant,
                             kernels::copy::Store store);

/// A number below `count` without a common divisor, near 0.618 * count: stepping by it visits every
/// element once and no two neighbours after each other. 1 for count <= 2. Pure.
std::size_t scattering_step(std::size_t count);

bench::Technique libc_memcpy();
bench::Technique scalar();
bench::Technique permuted_index();
bench::Technique vectors_16_bytes();
bench::Technique vectors_32_bytes();
bench::Technique vectors_64_bytes();
bench::Technique streaming();
bench::Technique threads();

// On the GPU.
std::unique_ptr<bench::Plan> plan_device_memcpy(const bench::Params&);
std::unique_ptr<bench::Plan> plan_scattered_floats(const bench::Params&);
std::unique_ptr<bench::Plan> plan_float_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_float4_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_word32_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_four_float4_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_four_float4_streamed(const bench::Params&);

}  // namespace aisp::labs::ch07::copy
