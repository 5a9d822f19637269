// The implementations that a processor can run, for the choice and for tests.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "kernels/decode_attention/decode_attention.h"
#include "machine/cpu.h"

namespace aisp::kernels::decode_attention {

struct Variant {
  std::string_view name;
  void (*attend)(const Shape& shape, std::span<const Run> runs, const float* q, float* scratch,
                 float* out) = nullptr;
};

/// Widest first; the last one runs anywhere.
std::vector<Variant> variants(const machine::Cpu& cpu);

}  // namespace aisp::kernels::decode_attention
