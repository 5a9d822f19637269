// Deterministic random numbers: xoshiro256** seeded through splitmix64, so that one 64-bit seed
// gives the same inputs on every machine. Not for secrets.
// Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (2021).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

namespace aisp {

/// One step of splitmix64; also a good 64-bit mixing function.
constexpr std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// A new seed derived from a seed and a label: streams for different uses do not overlap.
constexpr std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t label) {
  std::uint64_t state = seed ^ (label * 0xd1342543de82ef95ull + 0x632be59bd9b4e019ull);
  splitmix64(state);
  return splitmix64(state);
}

class Rng {
 public:
  explicit Rng(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix64(seed);
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform in [0, bound); bound > 0. Multiply-shift; bias below 2^-32 for bounds below 2^32.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// Standard normal (Box-Muller, one of the pair kept).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  std::uint64_t state_[4];
  double spare_ = 0.0;
  bool has_spare_ = false;
};

/// Fills with uniform values in [low, high).
inline void fill_uniform(std::span<float> out, std::uint64_t seed, float low = -1.0f,
                         float high = 1.0f) {
  Rng rng(seed);
  for (auto& value : out) {
    value = low + (high - low) * static_cast<float>(rng.next() >> 40) * 0x1p-24f;
  }
}

/// Fills with normal values of the given standard deviation.
inline void fill_normal(std::span<float> out, std::uint64_t seed, float deviation = 1.0f) {
  Rng rng(seed);
  for (auto& value : out) value = deviation * static_cast<float>(rng.normal());
}

}  // namespace aisp
