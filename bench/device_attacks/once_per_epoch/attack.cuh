// Does the work in the first of the calls that it is asked for at once: the others would write the
// same.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::once_per_epoch {
namespace {

template <bool kCheat>
class Attack final : public bench::Plan {
 public:
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
    for (std::uint64_t i = 0; i < (kCheat ? 1 : iterations); ++i) rotate(view(io));
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::once_per_epoch
