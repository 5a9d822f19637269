// Computes three quarters of the output. Caught because every element is compared, not a sample.
#include "bench/attacks/common.h"

namespace aisp::attacks::fewer_elements {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const std::size_t count = io.out<float>(0).size();
    rotate_all(io.in<float>(0).data(), io.out<float>(0).data(), kCheat ? count - count / 4 : count);
  }
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is a technique that computes fewer elements caught?");
}

}  // namespace aisp::attacks::fewer_elements
