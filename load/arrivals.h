// When requests are due, and how long they are: drawn from stated distributions, deterministic for
// a seed. Pure; the driver turns these times into sends.
#pragma once

#include <cstdint>
#include <string>

#include "base/rng.h"

namespace aisp::load {

/// Gaps between arrivals, of mean 1 / rate seconds.
struct Gaps {
  enum class Kind : std::uint8_t { kConstant, kGamma } kind = Kind::kGamma;
  double rate = 1.0;   // arrivals a second, > 0
  double shape = 1.0;  // of the Gamma distribution: 1 is Poisson's arrivals, below 1 are bursts
  double draw(Rng& rng) const;
};

/// From a Gamma distribution of this shape (> 0) and mean `shape`.
/// Source: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables" (2000).
double draw_gamma(Rng& rng, double shape);

/// Tokens of a prompt or an answer.
struct Lengths {
  enum class Kind : std::uint8_t { kConstant, kUniform, kLogNormal } kind = Kind::kConstant;
  double a = 128.0;  // the length, the least one, or the mean
  double b = 0.0;    // the greatest one, or the standard deviation
  /// In [1, 2^20].
  int draw(Rng& rng) const;
  double mean() const;
};

/// "128", "64-512" (uniform), or "200~150" (log-normal: mean and standard deviation). Throws
/// UsageError naming `option`.
Lengths parse_lengths(const std::string& text, const std::string& option);

}  // namespace aisp::load
