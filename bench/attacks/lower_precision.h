// The lab of attacks that compute in a lower precision than declared, under a bound that holds in
// the worst case and is far too lax to see it element by element.
#pragma once

#include <bit>
#include <vector>

#include "bench/attacks/common.h"

namespace aisp::attacks {

/// Keeps `kBits` bits of the mantissa, rounded to nearest.
template <int kBits>
float rounded_to(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t step = 1u << (23 - kBits);
  return std::bit_cast<float>((bits + step / 2) & ~(step - 1));
}

/// row_lab with the worst-case bound gamma_n. Random rounding errors of float have an rms of about
/// 3e-5 of it, those of 10-bit mantissas 8e-3, of 7-bit ones 6e-2: the rms limit stands between,
/// and no single element comes near its bound.
template <template <bool> class Attack>
bench::Lab lax_row_lab(std::string question) {
  bench::Lab lab = row_lab<Attack>(std::move(question));
  const Params size = {{"rows", 16}, {"cols", 8192}};
  lab.cases[0].smoke = lab.cases[0].full = size;
  lab.ragged = {{{"rows", 5}, {"cols", 8003}}};
  lab.tolerance = [](const Params& p) {
    return Tolerance{.relative = worst_dot_bound(static_cast<double>(p["cols"]), 0x1p-24),
                     .rms = 1e-3};
  };
  return lab;
}

/// dot_rows on inputs rounded to `kBits` bits first.
template <int kBits, bool kCheat>
struct RoundedInputs {
  explicit RoundedInputs(const Params& p) : b(static_cast<std::size_t>(p["cols"])), a(b.size()) {}
  void operator()(const Io& io) {
    const auto round = [](float value) { return kCheat ? rounded_to<kBits>(value) : value; };
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = round(io.in<float>(1)[i]);
    for (std::size_t row = 0; row < io.out<float>(0).size(); ++row) {
      for (std::size_t i = 0; i < a.size(); ++i) a[i] = round(io.in<float>(0)[row * a.size() + i]);
      io.out<float>(0)[row] = dot(a.data(), b.data(), a.size());
    }
  }
  std::vector<float> b, a;
};

}  // namespace aisp::attacks
