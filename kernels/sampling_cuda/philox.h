// Philox4x32-10: random numbers from a counter, so that draw n of seed s is the same number in any
// batch, on any machine, in any order. Host and device.
// Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011; its known answers
// are in the test.
#pragma once

#include <array>
#include <cstdint>

namespace aisp::kernels::sampling_cuda {

constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// 64 uniform bits: draw `step` of `seed`.
constexpr std::uint64_t random_bits(std::uint64_t seed, std::uint64_t step) {
  const auto words =
      philox({static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32), 0, 0},
             {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return (static_cast<std::uint64_t>(words[1]) << 32) | words[0];
}

}  // namespace aisp::kernels::sampling_cuda
