// out = x + alpha * y over f32 arrays. Reading order: this contract, config.cc (what to choose),
// variants.cc (the table), simd.inc (the loop), reference.cc (the formula).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"

namespace aisp::skeleton::kernel {

/// What one call is given. out has x's length and may be x itself; other overlaps are not allowed.
struct Arrays {
  std::span<const float> x;
  std::span<const float> y;
  std::span<float> out;
};

struct Config {
  bool stream = false;  // store past the caches
  bool operator==(const Config&) const = default;
};

/// Pure: what to do with `count` elements on a machine.
Config choose_config(std::int64_t count, const machine::Cpu& cpu);

/// One implementation of the loop.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX2"
  bool (*can_run)(const machine::Cpu& cpu);
  void (*run)(float alpha, const Arrays& arrays, const Config& config);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Every row is listed on every machine; those that cannot run say why.
std::span<const Variant> variants();

/// The widest variant of this machine with the chosen configuration. Any alignment, any length.
/// Each element rounds once (portable: twice): error <= 2^-23 (|x| + |alpha y|). 2 n flops, 12 n
/// bytes. Aborts when the lengths differ.
void scaled_add(float alpha, const Arrays& arrays);

/// The formula in double, for tests. scale = |x| + |alpha y|.
void reference(float alpha, const Arrays& arrays, std::span<double> value, std::span<double> scale);

}  // namespace aisp::skeleton::kernel
