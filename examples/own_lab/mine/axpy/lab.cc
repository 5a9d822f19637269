// A whole lab: what is computed, how exact it must be, and two ways to do it.
#include "bench/elementwise.h"

namespace aisp::mine::axpy {
namespace {

void plain(const bench::Io& io) {
  const auto x = io.in<float>(0), y = io.in<float>(1);
  const auto out = io.out<float>(0);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = 2.5f * x[i] + y[i];
}

void by_fours(const bench::Io& io) {
  const auto x = io.in<float>(0), y = io.in<float>(1);
  const auto out = io.out<float>(0);
  std::size_t i = 0;
  for (; i + 4 <= out.size(); i += 4) {
    for (std::size_t k = i; k < i + 4; ++k) out[k] = 2.5f * x[k] + y[k];
  }
  for (; i < out.size(); ++i) out[i] = 2.5f * x[i] + y[i];
}

}  // namespace

bench::Lab describe() {
  return bench::elementwise_lab({.question = "Is y = a x + y worth unrolling by hand?",
                                 .inputs = {"x", "y"},
                                 .sizes = {{"llama3_8b_hidden", 4096}},
                                 .flops = 2,
                                 .exact = [](auto v) { return 2.5 * v[0] + v[1]; },
                                 .rounding = 5,  // two roundings of at most 2.5 (|x| + |y|)
                                 .techniques = {{"plain", plain}, {"by_fours", by_fours}}});
}

}  // namespace aisp::mine::axpy
