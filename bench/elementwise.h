// The short way to a lab: out[i] = f(x[i], y[i], ...) over f32 vectors of one length. Everything
// that a Lab needs follows from f in double. For other problems fill a Lab (lab.h) by hand.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/lab.h"

namespace aisp::bench {

struct Elementwise {
  std::string question;             // one sentence ending in "?"
  std::vector<std::string> inputs;  // names, in the order of io.in<float>(i); there is one output
  std::vector<std::pair<std::string, std::int64_t>> sizes;  // case name and number of elements
  double flops = 0.0;                                       // of one element
  /// f in double, of the i-th elements of all inputs.
  std::function<double(std::span<const double>)> exact;
  /// Allowed error in unit roundoffs of f32, relative to |f| + the sum of the inputs' magnitudes.
  double rounding = 1.0;
  /// The first is the baseline. Each computes the whole output.
  std::vector<std::pair<std::string, void (*)(const Io&)>> techniques;
};

/// The lab: inputs uniform in [-1, 1), lengths 1, 2, 3 and 1003 verified beside those of `sizes`.
Lab elementwise_lab(const Elementwise& description);

}  // namespace aisp::bench
