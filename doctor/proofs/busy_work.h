// Arithmetic that takes time and nothing else: a chain of multiplications, 1 to 2 ns each.
#pragma once

#include <cstdint>

namespace aisp::doctor {

/// Never 0, which no compiler can know.
inline std::uint64_t busy_work(std::uint64_t multiplications) {
  std::uint64_t value = 0x9e3779b97f4a7c15u;
  for (std::uint64_t i = 0; i < multiplications; ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(value));
  }
  return value | 1;
}

}  // namespace aisp::doctor
