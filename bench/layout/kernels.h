// Kernels whose source is the same in every layout: representative shapes of hot code, each in an
// object file of its own, so that a linker can put them at different addresses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aisp::layout {

/// What all kernels work on; the same memory for every layout.
struct Data {
  static constexpr std::size_t kBytes = 8192;    // text-like bytes
  static constexpr std::size_t kFloats = 65536;  // 256 KiB an array: three of them fill L2
  const std::uint8_t* bytes;
  const float* left;
  const float* right;
  float* out;
};

/// Returns something that depends on the work done.
using Kernel = std::uint64_t (*)(const Data&);

}  // namespace aisp::layout

// C names, for dlsym.
extern "C" {
std::uint64_t layout_tight(const aisp::layout::Data& data);    // three instructions a step
std::uint64_t layout_branchy(const aisp::layout::Data& data);  // a state machine over bytes
std::uint64_t layout_stream(const aisp::layout::Data& data);   // triad through L2
std::uint64_t layout_gemm(const aisp::layout::Data& data);     // 4 x 8 micro-kernel, depth 256
std::uint64_t layout_calls(const aisp::layout::Data& data);    // calls into the other objects
}
